package engine

import (
	"context"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
)

// dying is a period that was dropped: nothing asks it any more, but it still holds ids and memory.
type dying struct {
	p    *period
	next uint32 // the first id that is not released yet
}

// tidySteps is how many names one piece of work looks at: about a tenth of a millisecond.
const tidySteps = 1000

// Drop implements store.Store. It only takes the periods out: what they hold is freed by Tidy, piece by piece, so that
// writers need not wait for it.
func (s *Store) Drop(_ context.Context, floor series.Period) (keys int, err error) {
	for len(s.dying) > 0 { // nobody has tidied up after the last Drop
		if free, _ := s.Tidy(); free != nil {
			free()
		}
	}
	s.floor = max(s.floor, floor)
	s.cfg.Grid.Drop(s.floor)
	for len(s.periods) > 0 && s.periods[0].id < s.floor {
		p := s.periods[0]
		s.periods = slices.Delete(s.periods, 0, 1)
		keys += p.keys
		p.tally.Release(p.keys)
		s.dying = append(s.dying, dying{p: p})
	}
	return keys, nil
}

// Tidy implements store.Tidier: a piece of what Drop left to do.
func (s *Store) Tidy() (free func(), more bool) {
	switch {
	case len(s.dying) > 0:
		s.releaseNames(&s.dying[0])
		more = true
	case s.names.Compact(tidySteps):
		more = true
	}
	if s.trash.Empty() {
		return nil, more
	}
	g := s.trash
	s.trash = slab.Garbage{}
	return func() { g.Free(s.cfg.Budget) }, more
}

// releaseNames gives up the ids of a period, some at a time, and its memory with the last.
func (s *Store) releaseNames(d *dying) {
	left := tidySteps
	done := true
	d.p.each(d.next, func(id uint32, _ *entry) bool {
		if left == 0 {
			d.next, done = id, false
			return false
		}
		left--
		s.names.Release(id)
		return true
	})
	if !done {
		return
	}
	p := d.p
	s.dying = slices.Delete(s.dying, 0, 1)
	p.Retire(&s.trash)
}
