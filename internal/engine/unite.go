package engine

import (
	"context"
	"slices"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/dirent"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	maxPoints = 240 // of a chunk; more are split
	// The first chunk of a series is sealed at so many points, up to a whole chunk more, by its id: or a fleet would seal
	// on one tick, and its open chunks would be long at the same time and short at the same time, with their blocks free.
	firstSeal   = 60
	firstSpread = maxPoints
	lateKeep    = 8  // points that do not get sealed with a chunk into which points came late
	firstBytes  = 32 // that a new series gets for points: enough for a handful
)

// Unite implements store.Store.
func (s *Store) Unite(_ context.Context, groups []store.Group, o store.Origin) error {
	now := s.cfg.Clock().UnixMicro()
	for i := range groups {
		g := &groups[i]
		g.Added, g.Refused, g.Why = 0, 0, nil
		if len(g.Points) == 0 {
			continue
		}
		s.refused = budget.Refusal{}
		p, id, e, err := s.enter(g.Key, o)
		if err != nil {
			s.refused.Add(len(g.Points), err)
		} else {
			s.uniteKey(p, id, e, g)
			s.grown(target{p, e, id}, g.Added, now)
		}
		if s.refused.N > 0 {
			if err := s.refuse(g, s.refused, o); err != nil {
				return err
			}
		}
	}
	s.keepOrigin(o)
	return nil
}

// grown counts points that uniteKey has added and enters them into the journals.
func (s *Store) grown(in target, added int, nowMicros int64) {
	if added == 0 {
		return
	}
	in.p.points += int64(added)
	in.p.touch(in.id, in.e, s.tick(nowMicros))
	if len(s.lateHours.List) == 0 {
		return
	}
	for _, h := range s.lateHours.List {
		in.p.late.Touch(in.id, h, s.tick(nowMicros))
	}
	in.p.recount()
}

// tick gives the next score: the time, but always more than the last.
func (s *Store) tick(nowMicros int64) int64 {
	s.score = max(s.score+1, nowMicros)
	return s.score
}

// uniteKey adds the points that are not there and leaves in s.lateHours the hours of those that came late.
func (s *Store) uniteKey(p *period, id uint32, e *entry, g *store.Group) {
	s.startDigest(p, id, e)
	s.lateHours.Begin(-1)
	if e.points == 0 {
		p.keys++
		s.made++
	} else {
		s.lateHours.Begin(e.open.Last())
	}
	rest := g.Points
	for len(rest) > 0 && (e.dirLen == 0 || rest[0].TS > e.open.Last()) {
		if err := s.append(p, e, rest[0]); err != nil {
			s.refused.Add(1, err)
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		s.mergeAll(p, e, series.Sorted(&s.sort, rest))
		clear(s.sort) // it must not keep the caller's memory alive
		s.sort = s.sort[:0]
	}
	g.Added = int(s.digest.Points) - int(e.points)
	e.points, e.hi, e.lo = uint32(s.digest.Points), s.digest.Hi, s.digest.Lo
}

// startDigest makes s.digest that of an entry, to which points are about to be added.
func (s *Store) startDigest(p *period, id uint32, e *entry) {
	s.digest, s.digestOf, s.digestID, s.seriesSeed = e.digest(), p.id, id, s.names.Seed(id)
}

// addDigest adds a new point to the digest and to the log.
func (s *Store) addDigest(pt series.Point) {
	var one store.Digest
	s.sum.Add(&one, s.seriesSeed, pt)
	s.digest.Add(one)
	s.cfg.Grid.Add(grid.Point{Period: s.digestOf, ID: s.digestID, Seed: s.seriesSeed, TS: pt.TS, Digest: one})
	s.record(s.digestID, &pt)
}

// append puts a point behind all others of its key. The error is that of a limit: it needed memory.
func (s *Store) append(p *period, e *entry, pt series.Point) error {
	err := s.extend(p, e, chunk.Point(pt))
	if err == nil {
		s.addDigest(pt)
	}
	return err
}

// extend is append without the digest.
func (s *Store) extend(p *period, e *entry, cp chunk.Point) error {
	if e.dirLen == 0 {
		s.startOpen(p, e, chunk.Start(chunk.Suit(cp)), dirent.Chunk{First: cp.TS, Size: firstBytes})
	}
	if e.open.Len() >= 2*int(e.sealAt) {
		if err := s.admitGrowth(p, e); err != nil {
			return err
		}
		s.seal(p, e, cp)
	}
	odd := e.open.Odd()
	if !e.open.Append(p.slab.At(e.tail, int(e.tailSize)), cp) {
		if err := s.admitGrowth(p, e); err != nil {
			return err
		}
		s.growOpen(p, e, 0)
		s.appendOpen(p, e, cp)
	}
	e.marks.Note(&e.open)
	if n := e.open.Odd(); n != odd && n >= 4 && n&(n-1) == 0 { // perhaps other parameters suit it better
		last := int(e.dirLen) - 1
		if all := s.decode(p, e, last, 0); all != nil {
			s.rewrite(p, e, last, all)
		}
	}
	return nil
}

// appendOpen puts a point at the end of the open chunk, which gets a larger block if need be.
func (s *Store) appendOpen(p *period, e *entry, cp chunk.Point) {
	if e.open.Append(p.slab.At(e.tail, int(e.tailSize)), cp) {
		return
	}
	s.growOpen(p, e, chunk.Room+len(cp.Value))
	if !e.open.Append(p.slab.At(e.tail, int(e.tailSize)), cp) {
		panic("BUG: engine: a point that is outside the grammar")
	}
}

// startOpen adds an empty open chunk; d says when it begins and how large its block is to be.
func (s *Store) startOpen(p *period, e *entry, open chunk.State, d dirent.Chunk) {
	d.Block = p.slab.Alloc(&p.Memory, int(d.Size))
	e.open, e.marks = open, chunk.Marks{}
	p.makeRoom(e, int(e.dirLen), 1)
	p.setDirent(e, int(e.dirLen)-1, d)
}

// growOpen gives the open chunk a larger block, by n bytes at least.
func (s *Store) growOpen(p *period, e *entry, n int) {
	last := int(e.dirLen) - 1
	d := p.dirent(e, last)
	size := slab.OpenBytes(int(d.Size) + max(n, int(d.Size)/4, 1))
	block := p.slab.Alloc(&p.Memory, size)
	copy(p.slab.At(block, size), p.slab.At(d.Block, int(d.Size)))
	p.slab.Release(d.Block, int(d.Size))
	d.Block, d.Size = block, uint16(size)
	p.setDirent(e, last, d)
}

// seal writes the open chunk out in its smallest form in a block that fits, and starts the next, which will probably
// become a little larger than what was sealed, and gets room for half of it. Where points come late, the newest go
// over to the next chunk: what is late mostly belongs between them, and a sealed chunk is dear to change.
func (s *Store) seal(p *period, e *entry, next chunk.Point) {
	last := int(e.dirLen) - 1
	d := p.dirent(e, last)
	full, keep := e.open, s.old[:0]
	if e.late && full.Len() >= 2*lateKeep {
		s.read(p, e, last)
		n := s.rd.Split(next.TS, lateKeep)
		if keep = s.decode(p, e, last, n); keep != nil {
			full = s.enc.Cut(&full, p.chunkBytes(e, last), n)
			next = keep[0]
		}
	}
	s.encoded = s.enc.Seal(s.encoded[:0], &full, p.chunkBytes(e, last))
	p.slab.Release(d.Block, int(d.Size))
	d.Count = uint16(full.Len())
	s.putSealed(p, &d)
	p.setDirent(e, last, d)
	e.sealAt, e.late = maxPoints/2, false
	size := slab.OpenBytes(max(firstBytes, int(d.Size)*5/8))
	s.startOpen(p, e, chunk.Start(s.enc.Params()), dirent.Chunk{First: next.TS, Size: uint16(size)})
	for _, pt := range keep {
		s.appendOpen(p, e, pt)
	}
}

// putSealed copies the chunk in s.encoded to a block of its own.
func (s *Store) putSealed(p *period, d *dirent.Chunk) {
	d.Size = uint16(len(s.encoded))
	d.Block = p.slab.Alloc(&p.Memory, len(s.encoded))
	copy(p.slab.At(d.Block, len(s.encoded)), s.encoded)
}

// mergeAll unites points, in order and without duplicates, with those of an entry.
func (s *Store) mergeAll(p *period, e *entry, points []series.Point) {
	for len(points) > 0 {
		i := s.locate(p, e, points[0])
		n := len(points)
		if !e.isOpen(i) {
			n = 1
			for n < len(points) && s.firstAfter(p, e, i+1, points[n]) {
				n++
			}
		}
		s.mergeChunk(p, e, i, points[:n])
		points = points[n:]
	}
}

// mergeChunk unites points with those of chunk i, which is read once, whatever their number, and written only when a
// point goes in between.
func (s *Store) mergeChunk(p *period, e *entry, i int, points []series.Point) {
	if e.isOpen(i) && len(points) == 1 && e.open.Len() < maxPoints {
		s.insertOpen(p, e, points[0])
		return
	}
	s.read(p, e, i)
	points, behind := chunkrec.SkipKnown(&s.rd, points) // what a syncer sends again ends here
	if len(points) > 0 && !(behind && e.isOpen(i)) {
		if err := s.admitGrowth(p, e); err != nil {
			s.read(p, e, i)
			s.refused.Add(chunkrec.Missing(&s.rd, points), err)
			return
		}
		points = s.insert(p, e, i, points)
	}
	for _, pt := range points {
		if err := s.append(p, e, pt); err != nil {
			s.refused.Add(1, err)
			continue
		}
		s.lateHours.Note(pt.TS)
	}
}

// insertOpen puts one point into the open chunk, in its place.
func (s *Store) insertOpen(p *period, e *entry, pt series.Point) {
	outcome := s.enc.Insert(&e.open, &e.marks, p.slab.At(e.tail, int(e.tailSize)), chunk.Point(pt))
	if outcome == chunk.NoRoom {
		if err := s.admitGrowth(p, e); err != nil {
			s.refused.Add(1, err)
			return
		}
		s.growOpen(p, e, chunk.Room+len(pt.Value))
		outcome = s.enc.Insert(&e.open, &e.marks, p.slab.At(e.tail, int(e.tailSize)), chunk.Point(pt))
	}
	switch outcome {
	case chunk.Inserted:
		s.addDigest(pt)
		s.lateHours.Note(pt.TS)
		last := int(e.dirLen) - 1
		if d := p.dirent(e, last); pt.TS < d.First {
			d.First = pt.TS
			p.setDirent(e, last, d)
		}
	case chunk.Damaged, chunk.NoRoom: // there is room
		s.refused.Add(1, store.ErrDamaged)
	}
}

// insert writes chunk i anew with the points in their places. It gives back those that are behind the open chunk.
func (s *Store) insert(p *period, e *entry, i int, points []series.Point) (tail []series.Point) {
	old := s.decode(p, e, i, 0)
	if old == nil {
		s.refused.Add(len(points), store.ErrDamaged)
		return nil
	}
	s.forgetSaved(p, e, i, old)
	s.merged = s.merged[:0]
	for at := 0; at < len(old) || len(points) > 0 && !e.isOpen(i); {
		c := -1
		if at == len(old) {
			c = 1
		} else if len(points) > 0 {
			c = series.Compare(series.Point(old[at]), points[0])
		}
		switch {
		case c < 0:
			s.merged = append(s.merged, old[at])
			at++
		case c == 0:
			points = points[1:]
		default:
			s.addDigest(points[0])
			s.lateHours.Note(points[0].TS)
			s.merged = append(s.merged, chunk.Point(points[0]))
			points = points[1:]
		}
	}
	s.rewrite(p, e, i, s.merged)
	clear(s.merged) // it must not keep the caller's memory alive
	return points
}

// rewrite puts points, which must not be in the slab, in the place of chunk i: as one chunk or, when there are too
// many, as several.
func (s *Store) rewrite(p *period, e *entry, i int, points []chunk.Point) {
	open := e.isOpen(i)
	d := p.dirent(e, i)
	p.slab.Release(d.Block, int(d.Size))
	pieces := (len(points) + maxPoints - 1) / maxPoints
	if pieces > 1 {
		p.makeRoom(e, i+1, pieces-1)
	}
	for n := range pieces {
		part := points[n*len(points)/pieces : (n+1)*len(points)/pieces]
		d := dirent.Chunk{First: part[0].TS, Count: uint16(len(part))}
		if open && n == pieces-1 {
			e.open, e.marks = s.openChunk(p, &d, part), chunk.Marks{}
		} else {
			s.encoded = s.enc.Encode(s.encoded[:0], part)
			s.putSealed(p, &d)
		}
		p.setDirent(e, i+n, d)
	}
}

// openChunk writes points as an open chunk into a block of its own, with room for more.
func (s *Store) openChunk(p *period, d *dirent.Chunk, points []chunk.Point) chunk.State {
	buf := slices.Grow(s.encoded[:0], chunk.MaxSize(points))
	s.encoded = buf
	st, ok := s.enc.Open(buf[:cap(buf)], points)
	if !ok {
		panic("BUG: engine: points that are outside the grammar")
	}
	size := slab.OpenBytes(st.Size() + st.Size()/8 + chunk.Room)
	d.Block, d.Size = p.slab.Alloc(&p.Memory, size), uint16(size)
	copy(p.slab.At(d.Block, size), buf[:st.Size()])
	return st
}
