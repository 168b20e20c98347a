package engine

import (
	"bytes"
	"math"
	"slices"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

var _ store.Grid = (*Store)(nil)

// grid is the digests of a period by hour and bucket. Points are added as they come; those that were loaded as whole
// chunks are read once, by FillGrid.
type grid struct {
	filled uint32 // the points of series with lower ids are in it
	hours  []hourSums
	last   int // of hours, the one that was used last
}

// hourSums is one hour.
type hourSums struct {
	hour int64
	sums *[store.Buckets]store.Digest
}

const gridFull = math.MaxUint32

// at gives the sums of an hour, which are made if need be.
func (g *grid) at(hour int64) *[store.Buckets]store.Digest {
	if g.last < len(g.hours) && g.hours[g.last].hour == hour {
		return g.hours[g.last].sums
	}
	i, ok := slices.BinarySearchFunc(g.hours, hour, func(h hourSums, hour int64) int { return int(h.hour - hour) })
	if !ok {
		g.hours = slices.Insert(g.hours, i, hourSums{hour, new([store.Buckets]store.Digest)})
	}
	g.last = i
	return g.hours[i].sums
}

// size is the memory it takes, bytes.
func (g *grid) size() int64 {
	if g == nil {
		return 0
	}
	return int64(len(g.hours))*int64(unsafe.Sizeof([store.Buckets]store.Digest{})) + int64(cap(g.hours))*16
}

// toGrid adds a point that is new to the grid.
func (s *Store) toGrid(p *period, id uint32, tsMillis int64, d store.Digest) {
	g := p.grid
	if g == nil || id >= g.filled {
		return
	}
	n := len(g.hours)
	g.at(tsMillis / hourMillis)[store.Bucket(s.names.Seed(id))].Add(d)
	if len(g.hours) != n {
		p.recount()
	}
}

// FillGrid implements store.Grid.
func (s *Store) FillGrid(n int) (more bool) {
	for _, p := range slices.Backward(s.periods) {
		if p.grid == nil {
			p.grid = &grid{}
		}
		g := p.grid
		if g.filled == gridFull {
			continue
		}
		next, left := g.filled, n
		g.filled = gridFull
		p.each(next, func(id uint32, e *entry) bool {
			if left == 0 {
				g.filled = id
				return false
			}
			left--
			s.eachHour(p, id, e, func(hour int64, d store.Digest) { g.at(hour)[store.Bucket(s.names.Seed(id))].Add(d) })
			return true
		})
		p.recount()
		return true
	}
	return false
}

// eachHour reads all points of an entry and gives their digests by hour.
func (s *Store) eachHour(p *period, id uint32, e *entry, fn func(hour int64, d store.Digest)) {
	if e.points == 0 {
		return
	}
	s.hourOf(p, id, e, 0, int(e.dirLen), fn)
}

// hourOf is eachHour for some of the chunks.
func (s *Store) hourOf(p *period, id uint32, e *entry, from, to int, fn func(hour int64, d store.Digest)) {
	seed := s.names.Seed(id)
	var d store.Digest
	hour := int64(-1)
	text := s.disk.text[:0]
	for i := from; i < to; i++ {
		s.read(p, e, i)
		for s.rd.Next() {
			if h := s.rd.TS / hourMillis; h != hour {
				if d.Points > 0 {
					fn(hour, d)
				}
				hour, d = h, store.Digest{}
			}
			text = s.rd.AppendValue(text[:0])
			s.sum.Add(&d, seed, series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: text})
		}
	}
	s.disk.text = text
	if d.Points > 0 {
		fn(hour, d)
	}
}

// HourDigests implements store.Grid.
func (s *Store) HourDigests() (hours []store.HourDigest, ok bool) {
	for _, p := range slices.Backward(s.periods) {
		if p.grid == nil || p.grid.filled != gridFull {
			return nil, false
		}
		for _, h := range slices.Backward(p.grid.hours) {
			sum := store.HourDigest{Hour: h.hour}
			for _, d := range h.sums {
				sum.Add(d)
			}
			hours = append(hours, sum)
		}
	}
	return hours, true
}

// BucketDigests implements store.Grid.
func (s *Store) BucketDigests(hour int64) (sums [store.Buckets]store.Digest) {
	if p := s.period(s.cfg.Layout.PeriodOf(hour * hourMillis)); p != nil && p.grid != nil {
		for _, h := range p.grid.hours {
			if h.hour == hour {
				return *h.sums
			}
		}
	}
	return sums
}

// SeriesDigests implements store.Grid.
func (s *Store) SeriesDigests(hour int64, want *[store.Buckets]bool, from uint32, n int) (
	list []store.SeriesDigest, next uint32,
) {
	p := s.period(s.cfg.Layout.PeriodOf(hour * hourMillis))
	if p == nil {
		return nil, 0
	}
	sp := hourSpan(hour)
	p.each(from, func(id uint32, e *entry) bool {
		if n == 0 {
			next = id
			return false
		}
		if e.points == 0 || !want[store.Bucket(s.names.Seed(id))] {
			return true
		}
		n--
		first, end, _ := p.within(e, sp)
		s.hourOf(p, id, e, first, end, func(h int64, d store.Digest) {
			if h == hour {
				list = append(list, store.SeriesDigest{Series: bytes.Clone(s.names.Name(id)), Digest: d})
			}
		})
		return true
	})
	return list, next
}

// SeriesDigest implements store.Grid.
func (s *Store) SeriesDigest(hour int64, name []byte) (sum store.Digest) {
	p := s.period(s.cfg.Layout.PeriodOf(hour * hourMillis))
	id, ok := s.names.Find(name)
	if p == nil || !ok {
		return sum
	}
	e := p.entry(id)
	if e == nil || e.points == 0 {
		return sum
	}
	first, end, _ := p.within(e, hourSpan(hour))
	s.hourOf(p, id, e, first, end, func(h int64, d store.Digest) {
		if h == hour {
			sum = d
		}
	})
	return sum
}

func hourSpan(hour int64) store.Span {
	return store.Span{From: hour * hourMillis, To: (hour+1)*hourMillis - 1}
}
