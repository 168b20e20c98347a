package engine

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Verify reads all of about n points of a period, from a series id on, and tells of each key whose points are not those
// that its digest stands for: its memory is damaged. It gives the id to go on with, 0 at the end.
func (s *Store) Verify(pid series.Period, from uint32, n int, damaged func(k series.Key)) (next uint32) {
	p := s.period(pid)
	if p == nil {
		return 0
	}
	p.each(from, func(id uint32, e *entry) bool {
		if n <= 0 {
			next = id
			return false
		}
		n -= int(e.points) + 1
		if s.hashChunks(p, id, e, &piece{to: int(e.dirLen)}) != e.digest() {
			damaged(s.key(p, id))
		}
		return true
	})
	return next
}

// Replace puts points, in order and without duplicates, in the place of all that a key has, and says whether it did: it
// does if they are those that the key's digest stands for.
func (s *Store) Replace(k series.Key, points []series.Point) bool {
	p, e := s.find(k)
	if e == nil || p.slab.Full() {
		return false
	}
	id, _ := s.names.Find(k.Series)
	var d store.Digest
	for _, pt := range points {
		s.sum.Add(&d, s.names.Seed(id), pt)
	}
	if d != e.digest() {
		return false
	}
	s.clear(p, e)
	s.quiet = true
	for _, pt := range points {
		_ = s.extend(p, e, chunk.Point(pt)) // only a full slab refuses, and it has just got room
	}
	s.quiet = false
	s.cfg.Grid.Forget(p.id) // it may have been worked out from what was damaged
	return true
}

// clear frees all chunks of an entry. Its count and digest stay what they were.
func (s *Store) clear(p *period, e *entry) {
	for i := range int(e.dirLen) {
		d := p.dirent(e, i)
		p.slab.Release(d.Block, int(d.Size))
	}
	if e.dirCap > 0 {
		p.slab.Release(e.dir, dirBytes(int(e.dirCap)))
	}
	e.open, e.marks = chunk.State{}, chunk.Marks{}
	e.dir, e.dirLen, e.dirCap, e.tail, e.tailSize, e.late = 0, 0, 0, 0, 0, false
}
