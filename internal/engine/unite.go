package engine

import (
	"context"
	"slices"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	maxPoints = 240 // of a chunk; more are split
	// The first chunk of a series is sealed between these, by its id, or a whole fleet would seal on one tick.
	firstSeal   = 60
	firstSpread = 120
)

// Unite implements store.Store.
func (s *Store) Unite(_ context.Context, groups []store.Group, o store.Origin) error {
	now := s.cfg.Clock().UnixMicro()
	for i := range groups {
		g := &groups[i]
		g.Added = 0
		if len(g.Points) == 0 {
			continue
		}
		id := s.names.intern(g.Key.Series)
		p, e := s.hold(g.Key.Period, id)
		s.uniteKey(p, id, e, g)
		s.grown(target{p, e, id}, g.Added, now)
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
	for _, h := range s.lateHours {
		in.p.late.touch(in.id, h, s.tick(nowMicros))
	}
}

// tick gives the next score: the time, but always more than the last.
func (s *Store) tick(nowMicros int64) int64 {
	s.score = max(s.score+1, nowMicros)
	return s.score
}

// uniteKey adds the points that are not there and leaves in s.lateHours the hours of those that came late.
func (s *Store) uniteKey(p *period, id uint32, e *entry, g *store.Group) {
	s.lateHours = s.lateHours[:0]
	s.digest = e.digest()
	s.seriesSeed = s.names.infos[id].seed
	if e.points == 0 {
		p.begin(id, e)
	}
	newest := int64(-1)
	if e.points > 0 {
		newest = e.open.Last()
	}
	rest := g.Points
	for len(rest) > 0 && (e.dirLen == 0 || rest[0].TS > e.open.Last()) {
		s.append(p, e, rest[0])
		rest = rest[1:]
	}
	if len(rest) > 0 {
		s.lateMillis = newest - store.LateAfter
		s.mergeAll(p, e, s.sorted(rest))
		clear(s.sort) // it must not keep the caller's memory alive
		s.sort = s.sort[:0]
	}
	g.Added = int(s.digest.Points) - int(e.points)
	e.points, e.hi, e.lo = uint32(s.digest.Points), s.digest.Hi, s.digest.Lo
}

// begin makes an entry one that has points.
func (p *period) begin(id uint32, e *entry) {
	p.keys++
	e.sealAt = uint16(firstSeal + id*37%firstSpread)
}

// addDigest adds a new point to the digest. Points that follow each other mostly have the same time, so its text is
// kept.
func (s *Store) addDigest(pt series.Point) {
	if s.timeLen == 0 || pt.TS != s.time || pt.Frac != s.timeFrac {
		s.time, s.timeFrac = pt.TS, pt.Frac
		s.member = append(series.AppendTime(s.member[:0], pt.TS, pt.Frac), ':')
		s.timeLen = len(s.member)
	}
	s.member = append(s.member[:s.timeLen], pt.Value...)
	s.digest.AddMember(s.seriesSeed, s.member)
}

// sorted gives the points in order and without duplicates, in scratch memory unless they already are.
func (s *Store) sorted(points []series.Point) []series.Point {
	for i := 1; i < len(points); i++ {
		if points[i-1].TS >= points[i].TS && series.Compare(points[i-1], points[i]) >= 0 {
			s.sort = append(s.sort[:0], points...)
			slices.SortFunc(s.sort, series.Compare)
			return slices.CompactFunc(s.sort, func(a, b series.Point) bool { return series.Compare(a, b) == 0 })
		}
	}
	return points
}

// append puts a point behind all others of its key.
func (s *Store) append(p *period, e *entry, pt series.Point) {
	s.addDigest(pt)
	s.extend(p, e, chunk.Point(pt))
}

// extend is append without the digest.
func (s *Store) extend(p *period, e *entry, cp chunk.Point) {
	if e.dirLen == 0 {
		s.startOpen(p, e, nil, cp)
	}
	if e.open.Len() >= int(e.sealAt) {
		s.seal(p, e, cp)
	}
	odd := e.open.Odd()
	if !e.open.Append(p.slab.at(e.tail, int(e.tailSize)), cp) {
		s.growOpen(p, e, len(cp.Value))
		if !e.open.Append(p.slab.at(e.tail, int(e.tailSize)), cp) {
			panic("BUG: engine: a point that is outside the grammar")
		}
	}
	if n := e.open.Odd(); n != odd && n >= 4 && n&(n-1) == 0 { // perhaps other parameters suit it better
		last := int(e.dirLen) - 1
		s.rewrite(p, e, last, s.decode(p, e, last))
	}
}

// startOpen adds an empty open chunk for a point. like is the chunk before it, nil if there is none: the new one will
// probably become as large.
func (s *Store) startOpen(p *period, e *entry, like []byte, first chunk.Point) {
	size := 64
	if like != nil {
		size = blockBytes(max(size, len(like)*5/4+32))
	}
	block := p.slab.alloc(size)
	e.open = chunk.Start(p.slab.at(block, size), like, first)
	p.makeRoom(e, int(e.dirLen), 1)
	p.setDirent(e, int(e.dirLen)-1, dirent{first: first.TS, block: block, size: uint16(size)})
}

// growOpen gives the open chunk a block in which a value of n bytes more has room.
func (s *Store) growOpen(p *period, e *entry, n int) {
	last := int(e.dirLen) - 1
	d := p.dirent(e, last)
	used := e.open.Size()
	size := blockBytes(max(int(d.size)*3/2, used+chunk.MinSize-chunk.MaxValue+n))
	block := p.slab.alloc(size)
	copy(p.slab.at(block, used), p.slab.at(d.block, used))
	p.slab.release(d.block, int(d.size))
	d.block, d.size = block, uint16(size)
	p.setDirent(e, last, d)
}

// seal writes the open chunk out with the best parameters in a block that fits, and starts the next.
func (s *Store) seal(p *period, e *entry, next chunk.Point) {
	last := int(e.dirLen) - 1
	d := p.dirent(e, last)
	st := s.encodeBest(p, e, last)
	p.slab.release(d.block, int(d.size))
	d.size, d.count = uint16(st.Size()), uint16(st.Len())
	d.block = p.slab.alloc(st.Size())
	sealed := p.slab.at(d.block, st.Size())
	copy(sealed, s.encoded)
	p.setDirent(e, last, d)
	e.sealAt = maxPoints
	s.startOpen(p, e, sealed, next)
}

// encodeBest writes the open chunk to s.encoded with the best parameters.
func (s *Store) encodeBest(p *period, e *entry, last int) chunk.State {
	if st, ok := chunk.Recode(s.encoded, p.chunkBytes(e, last)); ok {
		return st
	}
	old := s.decode(p, e, last)
	s.growEncoded(old)
	return chunk.Encode(s.encoded, old)
}

func (s *Store) growEncoded(points []chunk.Point) {
	if n := chunk.MaxSize(points); n > len(s.encoded) {
		s.encoded = make([]byte, n*2)
	}
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
	points, behind := s.skipKnown(p, e, i, points)
	if len(points) > 0 && !(behind && e.isOpen(i)) {
		points = s.insert(p, e, i, points)
	}
	for _, pt := range points {
		s.noteLate(pt.TS)
		s.append(p, e, pt)
	}
}

// skipKnown leaves out the points that chunk i has, up to the first that it has not; behind says that this one and all
// after it are behind the chunk's last. What a syncer sends again ends here, and no copy of the chunk is made.
func (s *Store) skipKnown(p *period, e *entry, i int, points []series.Point) (rest []series.Point, behind bool) {
	var buf [chunk.MaxValue]byte
	s.rd.Reset(p.chunkBytes(e, i))
	for len(points) > 0 && s.rd.Next() {
		if s.rd.TS < points[0].TS {
			continue
		}
		has := series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: s.rd.AppendValue(buf[:0])}
		switch c := series.Compare(has, points[0]); {
		case c == 0:
			points = points[1:]
		case c > 0:
			return points, false
		}
	}
	return points, true
}

// insert writes chunk i anew with the points in their places. It gives back those that are behind the open chunk.
func (s *Store) insert(p *period, e *entry, i int, points []series.Point) (tail []series.Point) {
	old := s.decode(p, e, i)
	s.merged = s.merged[:0]
	for at := 0; at < len(old) || len(points) > 0 && !e.isOpen(i); {
		c := -1
		switch {
		case at == len(old):
			c = 1
		case len(points) > 0:
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
			s.noteLate(points[0].TS)
			s.merged = append(s.merged, chunk.Point(points[0]))
			points = points[1:]
		}
	}
	s.rewrite(p, e, i, s.merged)
	clear(s.merged) // it must not keep the caller's memory alive
	return points
}

func (s *Store) noteLate(tsMillis int64) {
	if tsMillis >= s.lateMillis {
		return
	}
	if h := tsMillis / hourMillis; !slices.Contains(s.lateHours, h) {
		s.lateHours = append(s.lateHours, h)
	}
}

// rewrite puts points, which must not be in the slab, in the place of chunk i: as one chunk or, when there are too
// many, as several.
func (s *Store) rewrite(p *period, e *entry, i int, points []chunk.Point) {
	open := e.isOpen(i)
	d := p.dirent(e, i)
	p.slab.release(d.block, int(d.size))
	pieces := (len(points) + maxPoints - 1) / maxPoints
	if pieces > 1 {
		p.makeRoom(e, i+1, pieces-1)
	}
	for n := range pieces {
		part := points[n*len(points)/pieces : (n+1)*len(points)/pieces]
		s.growEncoded(part)
		st := chunk.Encode(s.encoded, part)
		size := st.Size()
		if open && n == pieces-1 {
			size = blockBytes(size + size/4 + 64)
			e.open = st
		}
		d := dirent{first: part[0].TS, block: p.slab.alloc(size), size: uint16(size), count: uint16(st.Len())}
		copy(p.slab.at(d.block, size), s.encoded[:st.Size()])
		p.setDirent(e, i+n, d)
	}
}
