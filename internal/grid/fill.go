package grid

import (
	"bytes"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Source is a store in memory that can be walked by series id.
type Source interface {
	store.Local
	// Walk calls fn for each series with points in a period, from an id on, until it gives false.
	Walk(p series.Period, from uint32, fn func(id uint32, name []byte) bool)
}

// Fill reads points that came as whole chunks, of about n series, and says whether there are more.
func (g *Grid) Fill(st Source, n int) (more bool) {
	for i := len(g.periods) - 1; i >= 0; i-- {
		p := g.periods[i]
		if p.filled == full {
			continue
		}
		from := p.filled
		p.filled = full
		st.Walk(p.id, from, func(id uint32, name []byte) bool {
			if n == 0 {
				p.filled = id
				return false
			}
			n--
			r := run{st: st, period: p.id, name: name, seed: store.SeriesSeed(g.cluster, name), span: store.All}
			r.eachHour(func(h int64, d store.Digest) { p.at(h)[Bucket(r.seed)].Add(d) })
			return true
		})
		return true
	}
	return false
}

// SeriesDigest stands for the points of one series in one hour.
type SeriesDigest struct {
	Series []byte // host:metric, the caller's
	store.Digest
}

// Query asks for series with points in an hour.
type Query struct {
	Period series.Period
	Hour   int64         // since 1970
	Want   [Buckets]bool // of which parts
	From   uint32        // the place to begin at
	Most   int           // how many series are looked at
}

// Span is the times of the hour.
func (q Query) Span() store.Span {
	return store.Span{From: q.Hour * store.HourMillis, To: (q.Hour+1)*store.HourMillis - 1}
}

// Series gives the digests of series, and the place to go on from, 0 at the end.
func (g *Grid) Series(st Source, q Query) (list []SeriesDigest, next uint32) {
	next = g.Walk(st, q, func(_ uint32, name []byte) bool {
		if d := g.One(st, q, name); d.Points > 0 {
			list = append(list, SeriesDigest{bytes.Clone(name), d})
		}
		return true
	})
	return list, next
}

// Walk calls fn for series in the parts that are wanted, until it gives false, and gives the place to go on from, 0 at
// the end.
func (g *Grid) Walk(st Source, q Query, fn func(id uint32, name []byte) bool) (next uint32) {
	st.Walk(q.Period, q.From, func(id uint32, name []byte) bool {
		switch {
		case !q.Want[Bucket(g.Seed(name))]:
		case q.Most == 0:
			next = id
			return false
		default:
			if q.Most--; !fn(id, name) {
				q.Most = 0
			}
		}
		return true
	})
	return next
}

// Seed is the key of the digests of a series.
func (g *Grid) Seed(name []byte) uint64 { return store.SeriesSeed(g.cluster, name) }

// One gives the digest of one series in the hour that is asked for.
func (g *Grid) One(st Source, q Query, name []byte) (sum store.Digest) {
	r := run{st: st, period: q.Period, name: name, seed: g.Seed(name), span: q.Span()}
	r.eachHour(func(_ int64, d store.Digest) { sum = d })
	return sum
}

// run is points of a series.
type run struct {
	st     Source
	period series.Period
	name   []byte
	seed   uint64
	span   store.Span
}

// eachHour reads the points and gives their digests by hour.
func (r run) eachHour(fn func(hour int64, d store.Digest)) {
	k, err := series.ParseSeries(r.name)
	if err != nil {
		panic("BUG: grid: a series that does not parse: " + err.Error())
	}
	k.Period = r.period
	v := r.st.Open(k)
	if v == nil {
		return
	}
	lo, hi := 0, v.Len()
	if r.span != store.All {
		lo, hi = v.Before(r.span.From), v.Before(r.span.To+1)
	}
	v.Seek(lo, hi, false)
	var sum store.Summer
	var d store.Digest
	hour := int64(-1)
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		for _, row := range b.Rows {
			if h := row.TS / store.HourMillis; h != hour {
				if d.Points > 0 {
					fn(hour, d)
				}
				hour, d = h, store.Digest{}
			}
			sum.Add(&d, r.seed, b.Point(row))
		}
	}
	if d.Points > 0 {
		fn(hour, d)
	}
}
