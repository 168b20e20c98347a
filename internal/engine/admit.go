package engine

import (
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// The limits of the node are asked in two places: before a key is new in its period, and before a point of a key that
// is there needs memory. A point that needs neither is not held up by them.

// enter gives the entry of a key. A key without points, which is new in its period, is admitted first, and counted;
// the first point must follow.
func (s *Store) enter(k series.Key, o store.Origin) (p *period, id uint32, e *entry, err error) {
	id, known := s.names.Find(k.Series)
	p = s.period(k.Period)
	if known && p != nil {
		if e := p.entry(id); e != nil && e.points > 0 {
			return p, id, e, nil
		}
	}
	if p, err = s.admitSeries(k, o, !known); err != nil {
		return nil, 0, nil, err
	}
	if !known {
		id = s.names.Intern(k.Series)
	}
	return p, id, s.hold(p, id), nil
}

// admitSeries says whether a key that is new in its period may come, and counts it. It gives the period.
func (s *Store) admitSeries(k series.Key, o store.Origin, fresh bool) (*period, error) {
	if err := s.cfg.Budget.AdmitMemoryForSeries(); err != nil && !s.quiet {
		return nil, err
	}
	p := s.makePeriod(k.Period)
	if p.slab.Full() {
		return nil, budget.ErrFull
	}
	n := budget.NewSeries{Host: k.Host(), Fresh: fresh, NoLimit: o.Peer != "" || o.Admitted || s.quiet}
	return p, p.tally.Admit(n, func() string { return s.cfg.Layout.PeriodString(k.Period) })
}

// admitGrowth says whether an entry may take more memory for its points. The first point of an entry, and that of an
// empty chunk, was admitted before.
func (s *Store) admitGrowth(p *period, e *entry) error {
	if e.open.Len() == 0 {
		return nil
	}
	if p.slab.Full() {
		return budget.ErrFull
	}
	if s.quiet {
		return nil
	}
	return s.cfg.Budget.AdmitGrowth()
}

// refuse notes a refusal in its group, and counts it. Points of a peer are not refused but put off: the error says so.
func (s *Store) refuse(g *store.Group, r budget.Refusal, o store.Origin) error {
	if r.N == 0 {
		return nil
	}
	g.Refused, g.Why = r.N, r.Why
	if o.Peer != "" {
		s.cfg.Budget.CountDeferred()
		return r.Why
	}
	s.cfg.Budget.CountRefused(r.Why, r.N)
	return nil
}
