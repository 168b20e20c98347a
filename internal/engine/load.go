package engine

import (
	"bytes"
	"slices"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/dirent"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

// LoadResult is what became of a record.
type LoadResult struct {
	Points int // of the record
	New    int // that were not in the set before
}

// Load unites a record of Save with what is there. saved says that it comes from a file that stays: then the next walk
// does not write its full chunks again. Chunks that lie before the open chunk of their key and beside its full ones are
// taken over as they are, with the digest of the record; so is the open chunk of a key that has no points. All others
// are united point by point: loading is fast where the open chunks come first.
//
// The key is entered in the journal if it grew, but not in the late journal. Nothing is recorded, and no limit keeps
// points out but budget.ErrFull, when the period's slab is. Any other error is chunkrec.ErrCorrupt: nothing was taken.
func (s *Store) Load(rec []byte, saved bool) (LoadResult, error) {
	in := &s.disk.in
	if err := in.Reset(rec, s.cfg.Layout); err != nil {
		return LoadResult{}, err
	}
	s.quiet, s.refused = true, budget.Refusal{}
	defer func() { s.quiet = false }()
	p, id, e, err := s.enter(in.Key, store.Origin{})
	if err != nil {
		return LoadResult{}, err
	}
	if p.slab.Full() {
		return LoadResult{}, budget.ErrFull
	}
	to, before := target{p, e, id}, int(e.points)
	switch {
	case in.Kind == replog.Open && e.points == 0 && fits(in):
		s.takeOpen(to)
	case in.Kind == replog.Open || e.points == 0 || !fits(in):
		s.loadPoints(to)
	case s.hasRun(to, saved):
	default:
		if at := s.gap(to); at >= 0 {
			s.takeRun(to, at, saved)
		} else {
			s.loadPoints(to)
		}
	}
	s.lateHours = s.lateHours[:0]
	added := int(e.points) - before
	s.grown(to, added, s.cfg.Clock().UnixMicro())
	return LoadResult{Points: int(in.Digest.Points), New: added}, s.refused.Why
}

const (
	mostPoints = firstSeal + firstSpread // of a chunk that grew by itself
	mostBytes  = 48 << 10                // more than it takes with the longest texts
)

// fits says whether the chunks of a record are such as Save writes.
func fits(in *chunkrec.Reader) bool {
	return len(in.Words) < mostBytes && !slices.ContainsFunc(in.Chunks, func(c chunkrec.Chunk) bool {
		return c.Len > mostPoints || len(c.Bytes) > mostBytes
	})
}

// takeOpen makes an open chunk that of a key without points.
func (s *Store) takeOpen(to target) {
	p, e, in := to.p, to.e, &s.disk.in
	p.keys++
	s.made++
	s.cfg.Grid.Forget(p.id) // what is taken whole is in no hour yet
	size := slab.OpenBytes(max(firstBytes, in.State.Size()+in.State.Size()/8+chunk.Room))
	s.startOpen(p, e, in.State, dirent.Chunk{First: in.Chunks[0].First, Size: uint16(size)})
	copy(p.slab.At(e.tail, size), in.Words)
	e.points, e.hi, e.lo = uint32(in.Digest.Points), in.Digest.Hi, in.Digest.Lo
}

// gap gives the chunk of a key before which all chunks of a record have their place, -1 when there is none.
func (s *Store) gap(to target) int {
	p, e, run := to.p, to.e, s.disk.in.Chunks
	first, last := run[0].First, run[len(run)-1].Last
	at := p.search(e, func(ts int64) bool { return ts > first })
	if at == int(e.dirLen) || p.firstTS(e, at) <= last {
		return -1
	}
	if at > 0 {
		s.rd.Reset(p.chunkBytes(e, at-1))
		if s.rd.Time(s.rd.Len()-1) >= first {
			return -1
		}
	}
	return at
}

// takeRun puts full chunks in before chunk at.
func (s *Store) takeRun(to target, at int, saved bool) {
	p, e, in := to.p, to.e, &s.disk.in
	s.cfg.Grid.Forget(p.id) // what is taken whole is in no hour yet
	p.makeRoom(e, at, len(in.Chunks))
	for i, c := range in.Chunks {
		s.encoded = append(s.encoded[:0], c.Bytes...)
		d := dirent.Chunk{First: c.First, Count: uint16(c.Len), Saved: saved}
		s.putSealed(p, &d)
		p.setDirent(e, at+i, d)
	}
	if saved {
		p.addSaved(e, in.Digest)
	}
	e.sealAt = maxPoints / 2
	d := e.digest()
	d.Add(in.Digest)
	e.points, e.hi, e.lo = uint32(d.Points), d.Hi, d.Lo
}

// hasRun says whether a key has the very chunks of a record, and notes that they are in a file.
func (s *Store) hasRun(to target, saved bool) bool {
	p, e, run := to.p, to.e, s.disk.in.Chunks
	at := p.search(e, func(ts int64) bool { return ts >= run[0].First })
	if at+len(run) >= int(e.dirLen) { // the open chunk is none of them
		return false
	}
	marked := 0
	for i, c := range run {
		if !bytes.Equal(p.chunkBytes(e, at+i), c.Bytes) {
			return false
		}
		if p.dirent(e, at+i).Saved {
			marked++
		}
	}
	if !saved || marked > 0 { // the digest of some of them is not known: they are written again
		return true
	}
	for i := range run {
		d := p.dirent(e, at+i)
		d.Saved = true
		p.setDirent(e, at+i, d)
	}
	p.addSaved(e, s.disk.in.Digest)
	return true
}

// loadPoints unites the points of a record with those of a key, chunk by chunk.
func (s *Store) loadPoints(to target) {
	for _, c := range s.disk.in.Chunks {
		points, text := s.disk.points[:0], slices.Grow(s.disk.text[:0], 64*c.Len) // if it moves, what was given out stays
		s.disk.in.Points(c, func(pt series.Point) {
			at := len(text)
			text = append(text, pt.Value...)
			pt.Value = text[at:len(text):len(text)]
			points = append(points, pt)
		})
		g := store.Group{Key: s.disk.in.Key, Points: points}
		s.uniteKey(to.p, to.id, to.e, &g)
		clear(points)
		s.disk.points, s.disk.text = points[:0], text[:0]
	}
}

// Replay is Put for points of a log: nothing is recorded, and no limit keeps them out.
func (s *Store) Replay(puts []store.Put) {
	s.quiet = true
	s.Put(puts)
	s.quiet = false
}

// record tells the recorder of a point that is new.
func (s *Store) record(id uint32, pt *series.Point) {
	if s.cfg.Recorder != nil && !s.quiet {
		s.cfg.Recorder.Point(s.names.Named(id), s.names.Name(id), pt)
	}
}
