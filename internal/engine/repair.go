package engine

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Claim gives the digest that was kept of the points of a key as they came, and the seed of its series.
func (s *Store) Claim(k series.Key) (d store.Digest, seriesSeed uint64) {
	_, e := s.find(k)
	if e == nil {
		return d, 0
	}
	id, _ := s.names.Find(k.Series)
	return e.digest(), s.names.Seed(id)
}

// Rewrite makes points, in order and without duplicates, all that a key has, which must have some; d is their digest.
// It reads nothing of what the key had. It reports false when there is no room.
func (s *Store) Rewrite(k series.Key, points []series.Point, d store.Digest) bool {
	p, e := s.find(k)
	if e == nil || p.slab.Full() {
		return false
	}
	s.cfg.Grid.Forget(p.id)
	for i := range int(e.dirLen) {
		c := p.dirent(e, i)
		p.slab.Release(c.Block, int(c.Size))
	}
	p.slab.Release(e.dir, dirBytes(int(e.dirCap)))
	e.open, e.marks = chunk.State{}, chunk.Marks{}
	e.dir, e.dirLen, e.dirCap, e.tail, e.tailSize, e.late = 0, 0, 0, 0, 0, false
	s.quiet = true
	for _, pt := range points {
		_ = s.extend(p, e, chunk.Point(pt)) // only a full slab refuses, and it has just got room
	}
	s.quiet = false
	if d == e.digest() {
		return true
	}
	p.points += d.Points - int64(e.points)
	e.points, e.hi, e.lo = uint32(d.Points), d.Hi, d.Lo
	id, _ := s.names.Find(k.Series)
	if p.touch(id, e, s.tick(s.cfg.Clock().UnixMicro())); d.Points == 0 {
		p.unlink(e)
		p.keys--
		p.tally.Forget()
	}
	return true
}
