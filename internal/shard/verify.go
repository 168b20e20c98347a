package shard

import (
	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/mend"
	"github.com/dunlin-db/dunlin/internal/series"
)

// What is done under one lock, about: a millisecond.
const (
	verifyAtOnce = 10_000 // points
	buryAtOnce   = 256    // series
)

// Verify reads some points of a period, from a place on, and gives the keys whose memory is damaged, and the place to
// go on from, 0 at the end. A store that can not tell has no damage.
func (s *Shard) Verify(p series.Period, from uint32) (damaged []series.Key, next uint32) {
	st, ok := s.cfg.Store.(mend.Store)
	if !ok {
		return nil, 0
	}
	t := s.Begin()
	defer t.End()
	return mend.Verify(st, p, from, verifyAtOnce)
}

// Edicts is what the shard goes by.
func (s *Shard) Edicts() *edict.Set { return s.edicts.Load() }

// Obey makes the shard take no point that a set says is forgotten. Bury takes out those that are there.
func (s *Shard) Obey(set *edict.Set) { s.edicts.Store(set) }

// Bury takes out the points of some periods that are forgotten, and gives how many there were. Others get the lock in
// between.
func (s *Shard) Bury(periods []series.Period) (points int) {
	st, ok := s.cfg.Store.(mend.Store)
	for _, p := range periods {
		for from, more := uint32(0), ok; more; more = from != 0 {
			n := 0
			n, from = s.bury(st, p, from)
			points += n
		}
	}
	s.counters.forgotten.Add(int64(points))
	return points
}

func (s *Shard) bury(st mend.Store, p series.Period, from uint32) (points int, next uint32) {
	t := s.Begin()
	defer t.End()
	return mend.Remove(st, mend.Piece{Period: p, From: from, Series: buryAtOnce}, deadIn(s.Edicts(), p))
}

// CountDead counts the keys and the points that a set would forget.
func (s *Shard) CountDead(set *edict.Set) (keys, points int) {
	st, ok := s.cfg.Store.(mend.Store)
	for _, p := range set.Periods() {
		for from, more := uint32(0), ok; more; more = from != 0 {
			t := s.Begin()
			var k, n int
			k, n, from = mend.Count(st, mend.Piece{Period: p, From: from, Series: buryAtOnce}, deadIn(set, p))
			keys, points = keys+k, points+n
			t.End()
		}
	}
	return keys, points
}

// deadIn says of a series of a period what a set forgets of it.
func deadIn(set *edict.Set, p series.Period) mend.Dead {
	return func(name []byte) func(ts int64) bool {
		tombs := set.Of(p, name)
		if len(tombs) == 0 {
			return nil
		}
		return func(ts int64) bool { return edict.Within(tombs, ts) }
	}
}

// dead says whether a point is forgotten.
func (s *Shard) dead(p series.Period, name []byte, ts int64) bool {
	set := s.Edicts()
	return set.Any(p) && set.Dead(p, name, ts)
}
