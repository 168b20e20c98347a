package shard

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// MaxAhead is how far a client's timestamp may be ahead of the node's clock.
const MaxAhead = 10 * time.Minute

// The reasons why a point is not admitted; the grammar has its own in package series.
var (
	ErrBelowFloor = errors.New("its period is dropped (below the floor)")
	ErrFuture     = errors.New("its timestamp is more than 10 minutes ahead of this node's clock")
	ErrForgotten  = errors.New("it was forgotten (DN.FORGET): its timestamp lies within a tombstone of its host or series")
	// ErrUnwritten: the disk has not worked for so long that no more may wait for it in memory.
	ErrUnwritten = errors.New("the log can not be written to disk and the memory for it is full")
)

// Refusal says that a point was not stored, and why.
type Refusal struct {
	Group int // index of its group
	Why   error
}

// Counters are what a shard has seen since its start.
type Counters struct {
	Points     int64 // points written by clients and stored
	Pulled     int64 // points offered by peers
	Merged     int64 // of these, the ones that were new
	Refused    int64 // points of clients that were not admitted
	BelowFloor int64 // points of peers below the floor, or forgotten
	Forgotten  int64 // points that were stored and are forgotten
	Repaired   int64 // of Merged, the ones that an exchange brought
}

type counters struct {
	points, pulled, merged, refused, belowFloor, repaired, forgotten atomic.Int64
}

// Counters gives the current counts.
func (s *Shard) Counters() Counters {
	c := &s.counters
	return Counters{
		c.points.Load(), c.pulled.Load(), c.merged.Load(), c.refused.Load(), c.belowFloor.Load(), c.forgotten.Load(),
		c.repaired.Load(),
	}
}

// CountRefused adds refusals that happened before the shard was reached (grammar).
func (s *Shard) CountRefused(n int) { s.counters.refused.Add(int64(n)) }

// admit takes the points that may not be stored out of their groups.
func (s *Shard) admit(groups []store.Group) []Refusal {
	var refused []Refusal
	floor := s.Floor()
	latest := s.cfg.Clock().Add(MaxAhead).UnixMilli()
	for i := range groups {
		g := &groups[i]
		kept := g.Points[:0]
		for _, p := range g.Points {
			if why := s.check(g.Key, p, floor, latest); why != nil {
				refused = append(refused, Refusal{Group: i, Why: why})
				continue
			}
			kept = append(kept, p)
		}
		g.Points = kept
	}
	s.counters.refused.Add(int64(len(refused)))
	return refused
}

// limited adds what the store refused for a limit of its own.
func (s *Shard) limited(refused []Refusal, groups []store.Group) []Refusal {
	before := len(refused)
	for i := range groups {
		for range groups[i].Refused {
			refused = append(refused, Refusal{Group: i, Why: groups[i].Why})
		}
	}
	s.counters.refused.Add(int64(len(refused) - before))
	return refused
}

func (s *Shard) check(k series.Key, p series.Point, floor series.Period, latestMillis int64) error {
	switch {
	case s.full():
		return ErrUnwritten
	case s.cfg.Layout.PeriodOf(p.TS) != k.Period:
		return series.ErrNotPeriod
	case k.Period < floor:
		return ErrBelowFloor
	case p.TS > latestMillis:
		return ErrFuture
	case s.dead(k.Period, k.Series, p.TS):
		return ErrForgotten
	}
	return nil
}

// full says that no more points may be taken until the disk works again.
func (s *Shard) full() bool { return s.cfg.Log != nil && s.cfg.Log.Full() }

// Put unites points of live writers, each of a series of its own. What is refused has an Err afterwards. The store must
// be in memory.
func (t Tx) Put(puts []store.Put) {
	floor := t.s.Floor()
	latest := t.s.cfg.Clock().Add(MaxAhead).UnixMilli()
	full, dead := t.s.full(), t.s.Edicts()
	for i := range puts {
		switch p := &puts[i]; {
		case full:
			refuse(p, ErrUnwritten)
		case p.Period < floor:
			refuse(p, ErrBelowFloor)
		case p.TS > latest:
			refuse(p, ErrFuture)
		case dead.Any(p.Period) && dead.Dead(p.Period, p.Series, p.TS):
			refuse(p, ErrForgotten)
		}
	}
	t.s.beginRecord()
	t.Store.(store.Local).Put(puts)
	added, seen, refused := 0, 0, 0
	for i := range puts {
		switch p := &puts[i]; {
		case p.Added:
			added++
			seen++
		case p.Err == nil:
			seen++
		case !p.BadKey: // a bad key is a bad command, no refused point
			refused++
		}
	}
	t.s.counters.points.Add(int64(seen))
	if refused > 0 {
		t.s.counters.refused.Add(int64(refused))
		t.s.noteHurt(puts, false)
	}
	if added > 0 {
		t.s.number()
	}
}

// refuse refuses a put, for its bad key if that is bad too: the store will not look at it any more.
func refuse(p *store.Put, why error) {
	p.Err = why
	if _, err := series.ParseSeries(p.Series); err != nil {
		p.Err, p.BadKey = err, true
	}
}

// Admit says why a point of a client may not be stored, nil when it may. It is for a store that is itself a Redis and
// takes the client's command as it is; everything else goes through Tx.Add.
func (s *Shard) Admit(k series.Key, p series.Point) error {
	return s.check(k, p, s.Floor(), s.cfg.Clock().Add(MaxAhead).UnixMilli())
}

// Wrote counts and numbers points that such a command has written; added of them were new.
func (s *Shard) Wrote(points, added int) {
	s.counters.points.Add(int64(points))
	if added > 0 {
		s.number()
	}
}
