package engine

import (
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/names"
	"github.com/dunlin-db/dunlin/internal/replog"
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
	trail := names.NewTrail()
	var to [putStep]target
	for len(puts) > 0 {
		some := puts[:min(len(puts), putStep)]
		n := s.targets(to[:], some, &trail)
		s.warmLate(to[:n], some)
		for i := range some[:n] {
			if some[i].Err == nil {
				s.put(to[i], &some[i], now)
			}
		}
		if n < len(some) {
			s.putFirst(&some[n], &trail, now)
			n++
		}
		puts = puts[n:]
	}
}

// targets finds the entries of puts, up to the first that is of a key without points: it gives how many it found.
func (s *Store) targets(to []target, puts []store.Put, trail *names.Trail) int {
	var p *period
	for i := range puts {
		put := &puts[i]
		if put.Err != nil {
			continue
		}
		if p == nil || p.id != put.Period {
			if p = s.period(put.Period); p == nil {
				return i
			}
		}
		id, ok := s.names.Follow(trail, put.Series)
		if !ok {
			return i
		}
		e := p.entry(id)
		if e == nil || e.points == 0 {
			return i
		}
		to[i] = target{p, e, id}
		s.warm += uint32(e.hi) // reads the other line of the entry too, so that both are here when the point is stored
	}
	return len(puts)
}

// warmLate reads what points that come late will need: when the open chunk begins, and its newest points.
func (s *Store) warmLate(to []target, puts []store.Put) {
	for i := range to {
		if t := &to[i]; puts[i].Err == nil && puts[i].TS < t.e.open.Last() {
			s.warm += uint32(t.p.firstTS(t.e, int(t.e.dirLen)-1))
			buf := t.p.slab.At(t.e.tail, int(t.e.tailSize))
			s.warm += uint32(buf[min(t.e.open.Size(), len(buf)-1)])
		}
	}
}

// putFirst unites the first point of a key that is new in its period.
func (s *Store) putFirst(put *store.Put, trail *names.Trail, nowMicros int64) {
	k, err := series.ParseSeries(put.Series)
	if err != nil {
		put.Err, put.BadKey = err, true
		return
	}
	k.Period = put.Period
	p, id, e, err := s.enter(k, store.Origin{Admitted: s.applying})
	if err != nil {
		s.refusePut(put, err)
		return
	}
	p.keys++
	s.made++
	s.put(target{p, e, id}, put, nowMicros)
	trail.Step(id)
}

// put unites one point with its set.
func (s *Store) put(to target, put *store.Put, nowMicros int64) {
	e := to.e
	if e.points > 0 && put.TS <= e.open.Last() {
		if put.TS < e.open.Last() || !e.open.LastIs(to.p.slab.At(e.tail, int(e.tailSize)), chunk.Point(put.Point())) {
			s.putLate(to, put, nowMicros)
		}
		return
	}
	if err := s.extend(to.p, e, chunk.Point(put.Point())); err != nil {
		s.refusePut(put, err)
		return
	}
	d, one := e.digest(), store.Digest{}
	one.AddMember(s.names.Seed(to.id), put.Member)
	d.Add(one)
	s.cfg.Grid.Add(grid.Point{Period: to.p.id, ID: to.id, Seed: s.names.Seed(to.id), TS: put.TS, Digest: one})
	e.points, e.hi, e.lo = uint32(d.Points), d.Hi, d.Lo
	put.Added = true
	s.record(to.id, &series.Point{TS: put.TS, Frac: put.Frac, Value: put.Member[put.ValueAt:]})
	to.p.points++
	to.p.touch(to.id, e, s.tick(nowMicros))
}

// refusePut notes that a limit kept a point out.
func (s *Store) refusePut(put *store.Put, why error) {
	put.Err = why
	if s.applying && why != store.ErrDamaged {
		s.cfg.Budget.CountDeferred()
		return
	}
	s.cfg.Budget.CountRefused(why, 1)
}

// putLate unites a point that is not behind all others of its key.
func (s *Store) putLate(to target, put *store.Put, nowMicros int64) {
	to.e.late = true
	if s.belongsOpen(to, put.TS) && s.hasRoom(to, put) {
		s.putInto(to, put, nowMicros)
		return
	}
	s.onePoint[0] = put.Point()
	g := store.Group{Key: series.Key{Period: put.Period, Series: put.Series}, Points: s.onePoint[:]}
	s.refused = budget.Refusal{}
	s.uniteKey(to.p, to.id, to.e, &g)
	s.onePoint[0] = series.Point{} // it must not keep the caller's memory alive
	put.Added = g.Added > 0
	s.grown(to, g.Added, nowMicros)
	if s.refused.N > 0 {
		s.refusePut(put, s.refused.Why)
	}
}

// belongsOpen says whether a point belongs into the open chunk: behind its first point, or between that and the chunk
// before, which is dear to change.
func (s *Store) belongsOpen(to target, ts int64) bool {
	last := int(to.e.dirLen) - 1
	return to.p.firstTS(to.e, last) < ts || last == 0 || s.endsBefore(to.p, to.e, last-1, ts)
}

// hasRoom says whether a late point can go into the open chunk. One that is full is sealed, but for its newest points.
func (s *Store) hasRoom(to target, put *store.Put) bool {
	p, e := to.p, to.e
	if e.open.Len() < maxPoints {
		return true
	}
	if s.admitGrowth(p, e) == nil {
		s.seal(p, e, chunk.Point(put.Point()))
	}
	return e.open.Len() < maxPoints && s.belongsOpen(to, put.TS)
}

// putInto is putLate for a point that belongs into the open chunk, as most that are late do.
func (s *Store) putInto(to target, put *store.Put, nowMicros int64) {
	e := to.e
	s.startDigest(to.p, to.id, e)
	s.lateHours.Begin(e.open.Last())
	s.refused = budget.Refusal{}
	s.insertOpen(to.p, e, put.Point())
	put.Added = s.digest.Points > int64(e.points)
	e.points, e.hi, e.lo = uint32(s.digest.Points), s.digest.Hi, s.digest.Lo
	if put.Added {
		s.grown(to, 1, nowMicros)
	}
	if s.refused.N > 0 {
		s.refusePut(put, s.refused.Why)
	}
}

// Apply is Put for points of a peer: no limit on series keeps them out. The recorder is told of all of them, also of
// those that were in the set before, and of those that are passed on only. The error is that of a limit on memory: some
// may be stored. Points that damage keeps out have ErrDamaged.
func (s *Store) Apply(puts, passed []store.Put) error {
	s.applying = true
	s.Put(puts)
	s.applying = false
	for i := range puts {
		p := &puts[i]
		switch {
		case p.Added || p.BadKey:
		case p.Err != nil && p.Err != store.ErrDamaged:
			return p.Err
		default:
			s.tell(p)
		}
	}
	for i := range passed {
		s.tell(&passed[i])
	}
	return nil
}

// tell tells the recorder of a point that is not stored.
func (s *Store) tell(p *store.Put) {
	pt := p.Point()
	if id, ok := s.names.Find(p.Series); ok {
		s.record(id, &pt)
	} else if s.cfg.Recorder != nil {
		s.cfg.Recorder.Point(&replog.Named{}, p.Series, &pt)
	}
}
