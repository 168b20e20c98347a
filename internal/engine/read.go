package engine

import (
	"context"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/stream"
)

// Ranges implements store.Reader.
func (s *Store) Ranges(_ context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	out := make([][]series.Point, len(queries))
	var t stream.Texts
	for i, q := range queries {
		p, e := s.find(q.Key)
		switch {
		case e == nil || q.Span.To < q.Span.From:
		case q.Span.Desc:
			out[i] = s.descending(p, e, q.Span, &t)
		default:
			out[i] = s.ascending(p, e, q.Span, &t)
		}
	}
	return out, nil
}

// within gives the chunks first ≤ i < end that can hold points of the span, and how many points they hold.
func (p *period) within(e *entry, sp store.Span) (first, end, points int) {
	first = max(p.search(e, func(ts int64) bool { return ts >= sp.From })-1, 0)
	end = p.search(e, func(ts int64) bool { return ts > sp.To })
	for i := first; i < end; i++ {
		points += p.count(e, i)
	}
	if sp.Limit > 0 {
		points = min(points, sp.Limit)
	}
	return first, end, points
}

func (s *Store) ascending(p *period, e *entry, sp store.Span, t *stream.Texts) []series.Point {
	first, end, expect := p.within(e, sp)
	var out []series.Point
	for i := first; i < end; i++ {
		s.read(p, e, i)
		for s.rd.Next() {
			if s.rd.TS < sp.From {
				expect = max(expect-1, 1)
				continue
			}
			if s.rd.TS > sp.To {
				break
			}
			if out == nil {
				out = make([]series.Point, 0, expect)
			}
			out = append(out, t.Point(&s.rd, expect-len(out)))
			if len(out) == sp.Limit {
				return out
			}
		}
	}
	return out
}

func (s *Store) descending(p *period, e *entry, sp store.Span, t *stream.Texts) []series.Point {
	first, end, expect := p.within(e, sp)
	var out []series.Point
	for i := end - 1; i >= first; i-- {
		s.read(p, e, i)
		skip := 0 // points from the start of the chunk on that can not be among the newest Limit
		if sp.Limit > 0 && i == end-1 && sp.To >= e.open.Last() {
			skip = max(p.count(e, i)-sp.Limit, 0)
		}
		from := len(out)
		if out == nil {
			out = make([]series.Point, 0, expect)
		}
		for n := 0; s.rd.Next() && s.rd.TS <= sp.To; n++ {
			if n >= skip && s.rd.TS >= sp.From {
				out = append(out, t.Point(&s.rd, s.rd.Left()))
			}
		}
		slices.Reverse(out[from:])
		if sp.Limit > 0 && len(out) >= sp.Limit {
			return out[:sp.Limit]
		}
	}
	return out
}

// Card implements store.Local.
func (s *Store) Card(k series.Key) int {
	if _, e := s.find(k); e != nil {
		return int(e.points)
	}
	return 0
}

// Counts implements store.Reader.
func (s *Store) Counts(_ context.Context, keys []series.Key) ([]int, error) {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = s.Card(k)
	}
	return out, nil
}

// HourSums implements store.Reader.
func (s *Store) HourSums(_ context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	out := make([]store.Sum, len(keys))
	for i, k := range keys {
		if v := s.Open(k); v != nil {
			out[i] = store.HourSum(v, hour)
		}
	}
	return out, nil
}

// key gives a key whose bytes are the caller's.
func (s *Store) key(p *period, id uint32) series.Key {
	k, err := series.ParseSeries(slices.Clone(s.names.Name(id)))
	if err != nil {
		panic("BUG: engine: a series that does not parse: " + err.Error())
	}
	k.Period = p.id
	return k
}

// Digests implements store.Reader. The order is that of series ids.
func (s *Store) Digests(_ context.Context, pid series.Period, fn func(series.Key, store.Digest) error) error {
	p := s.period(pid)
	if p == nil {
		return nil
	}
	var err error
	p.each(0, func(id uint32, e *entry) bool {
		if e.points > 0 {
			err = fn(s.key(p, id), e.digest())
		}
		return err == nil
	})
	return err
}

// A cursor of ScanKeys is period<<scanIDBits | series id, both of the next key to look at. Ids stay while they are
// held, so a key that stays is met.
const scanIDBits = 28

// ScanKeys implements store.Local.
func (s *Store) ScanKeys(cursor uint64, n int) (keys []series.Key, next uint64) {
	pid, from := series.Period(cursor>>scanIDBits), uint32(cursor&(1<<scanIDBits-1))
	for _, p := range s.periods {
		if p.id < pid {
			continue
		}
		if p.id > pid {
			from = 0
		}
		p.each(from, func(id uint32, e *entry) bool {
			if e.points == 0 {
				return true
			}
			if len(keys) >= max(n, 1) {
				next = uint64(p.id)<<scanIDBits | uint64(id)
				return false
			}
			keys = append(keys, s.key(p, id))
			return true
		})
		if next != 0 {
			return keys, next
		}
	}
	return keys, 0
}

// Walk calls fn for each series with points in a period, from an id on, until it gives false. The name is good until fn
// returns.
func (s *Store) Walk(pid series.Period, from uint32, fn func(id uint32, name []byte) bool) {
	if p := s.period(pid); p != nil {
		p.each(from, func(id uint32, e *entry) bool { return e.points == 0 || fn(id, s.names.Name(id)) })
	}
}
