package engine

import "github.com/dunlin-db/dunlin/internal/store"

var _ store.Feeder = (*Store)(nil)

// feedAt is the entry of a period's journal to go on with, id+1, 0 = none.
type feedAt struct {
	p    *period
	next int32
}

// Fresh implements store.Feeder.
func (s *Store) Fresh(f *store.Fresh, limit int, until int64) {
	at := s.feed[:0]
	for _, p := range s.periods {
		if next := p.resume(f); next != 0 {
			at = append(at, feedAt{p, next})
		}
	}
	s.feed = at
	f.Keys = f.Keys[:0]
	f.Block.Reset()
	for len(f.Keys) < limit {
		lowest, score := -1, until
		for i, a := range at {
			if a.next == 0 {
				continue
			}
			if e := a.p.entry(uint32(a.next - 1)); e.score <= score {
				lowest, score = i, e.score
			}
		}
		if lowest < 0 {
			return
		}
		at[lowest].next = s.appendFresh(f, at[lowest])
	}
}

// appendFresh appends one key and gives the next of its journal.
func (s *Store) appendFresh(f *store.Fresh, a feedAt) (next int32) {
	id := uint32(a.next - 1)
	e := a.p.entry(id)
	from := len(f.Rows)
	if !f.Bare {
		s.newest(a.p, e, &f.Block)
	}
	f.Keys = append(f.Keys, store.FreshKey{
		Series: store.SeriesID{ID: id, Generation: s.names.Generation(id)},
		Period: a.p.id, Score: e.score, From: from, To: len(f.Rows),
	})
	f.From = e.score + 1
	return e.newer
}

// resume finds the first entry of the journal with a score ≥ f.From, id+1. A key that was read last and has not changed
// since still stands where it stood: what follows it is next. Only when all of them have changed is it looked for.
func (p *period) resume(f *store.Fresh) int32 {
	if p.order.newest == 0 || p.entry(uint32(p.order.newest-1)).score < f.From {
		return 0
	}
	if p.entry(uint32(p.order.oldest-1)).score >= f.From {
		return p.order.oldest
	}
	for i := len(f.Keys) - 1; i >= 0; i-- {
		if k := f.Keys[i]; k.Period == p.id {
			if e := p.entry(k.Series.ID); e != nil && e.score == k.Score {
				return e.newer
			}
		}
	}
	for at := p.order.newest; ; {
		older := p.entry(uint32(at - 1)).older
		if p.entry(uint32(older-1)).score < f.From {
			return at
		}
		at = older
	}
}

// SeriesNames implements store.Feeder.
func (s *Store) SeriesNames(f *store.Fresh, which []int, names []byte, ends []int) ([]byte, []int) {
	for _, i := range which {
		id := f.Keys[i].Series
		names = append(names, s.names.NameOf(id.ID, id.Generation)...)
		ends = append(ends, len(names))
	}
	return names, ends
}

// KeysMade implements store.Feeder.
func (s *Store) KeysMade() uint64 { return s.made }
