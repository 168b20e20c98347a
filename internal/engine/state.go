package engine

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// States implements store.Stater.
func (s *Store) States(_ context.Context, keys []series.Key) ([]store.State, error) {
	out := make([]store.State, len(keys))
	var b store.Block
	b.Text = make([]byte, 0, 8*len(keys))
	for i, k := range keys {
		if p, e := s.find(k); e != nil {
			out[i] = store.State{Hi: e.hi, Lo: e.lo, Newest: s.lastPoint(p, e, &b)}
		}
	}
	return out, nil
}

// lastPoint gives the last point of a key, with its text behind what b has.
func (s *Store) lastPoint(p *period, e *entry, b *store.Block) series.Point {
	b.Rows = b.Rows[:0]
	s.last(p, e, b)
	return b.Point(b.Rows[0])
}

// Lacks implements store.Stater.
func (s *Store) Lacks(_ context.Context, keys []series.Key, told []store.State) ([]store.Lack, error) {
	out := make([]store.Lack, len(keys))
	var b store.Block
	for i, k := range keys {
		p, e := s.find(k)
		if e == nil {
			continue
		}
		id, _ := s.names.Find(k.Series)
		b.Text = b.Text[:0]
		out[i] = e.digest().Lack(s.names.Seed(id), s.lastPoint(p, e, &b), told[i])
	}
	return out, nil
}
