package engine

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// putStep is how many points are looked up before the first of them is stored. A lookup that misses the caches costs
// more than all the rest of a point; in a row, without anything between that waits for them, the misses overlap.
const putStep = 64

// target is where a point goes.
type target struct {
	p  *period
	e  *entry
	id uint32
}

// Put implements store.Local.
func (s *Store) Put(puts []store.Put) {
	now := s.cfg.Clock().UnixMicro()
	after := noID
	for len(puts) > 0 {
		n := min(len(puts), putStep)
		var to [putStep]target
		after = s.targets(to[:n], puts[:n], after)
		for i := range puts[:n] {
			if puts[i].Err == nil {
				s.put(to[i], &puts[i], now)
			}
		}
		puts = puts[n:]
	}
}

// targets finds, or makes, the entries of puts. after is the series that was written before the first; it gives the
// last one.
func (s *Store) targets(to []target, puts []store.Put, after uint32) uint32 {
	var p *period
	for i := range puts {
		put := &puts[i]
		if put.Err != nil {
			continue
		}
		if p == nil || p.id != put.Period {
			p = s.period(put.Period)
		}
		id, ok := s.names.follow(after, put.Series)
		if !ok {
			if _, err := series.ParseSeries(put.Series); err != nil {
				put.Err, put.BadKey = err, true
				continue
			}
			id = s.names.intern(put.Series)
		}
		after = id
		var e *entry
		if p != nil {
			e = p.entry(id)
		}
		if e == nil {
			p, e = s.hold(put.Period, id)
		}
		to[i] = target{p, e, id}
		s.warm += e.points // reads the entry, so that it is here when the point is stored
	}
	return after
}

// put unites one point with its set.
func (s *Store) put(to target, put *store.Put, nowMicros int64) {
	e := to.e
	if e.points == 0 {
		to.p.begin(to.id, e)
	} else if put.TS <= e.open.Last() {
		s.putLate(to, put, nowMicros)
		return
	}
	d := e.digest()
	d.AddMember(s.names.infos[to.id].seed, put.Member)
	e.points, e.hi, e.lo = uint32(d.Points), d.Hi, d.Lo
	s.extend(to.p, e, chunk.Point(put.Point()))
	put.Added = true
	to.p.points++
	to.p.touch(to.id, e, s.tick(nowMicros))
}

// putLate unites a point that is not behind all others of its key.
func (s *Store) putLate(to target, put *store.Put, nowMicros int64) {
	s.onePoint[0] = put.Point()
	g := store.Group{Key: series.Key{Period: put.Period, Series: put.Series}, Points: s.onePoint[:]}
	s.uniteKey(to.p, to.id, to.e, &g)
	s.onePoint[0] = series.Point{} // it must not keep the caller's memory alive
	put.Added = g.Added > 0
	s.grown(to, g.Added, nowMicros)
}
