package engine

import (
	"bytes"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/dirent"
	"github.com/dunlin-db/dunlin/internal/grid"
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
	s.disk.in = &s.disk.own
	if err := s.disk.in.Reset(rec, s.cfg.Layout); err != nil {
		return LoadResult{}, err
	}
	s.quiet = true
	added, err := s.load(loading{saved: saved})
	s.quiet = false
	return LoadResult{Points: int(s.disk.in.Digest.Points), New: added}, err
}

// loading is how a record is loaded.
type loading struct {
	saved  bool
	origin store.Origin
	hours  []grid.HourDigest // of the points, if they are known
}

// Take is Load for a record that a peer has sent, of which the digests by hour are known. What is new is recorded, and
// a limit on memory keeps it out: then it must be repeated.
func (s *Store) Take(in *chunkrec.Reader, hours []grid.HourDigest) (added int, err error) {
	s.disk.in = in
	added, err = s.load(loading{origin: store.Origin{Peer: "exchange"}, hours: hours})
	if err != nil && err != store.ErrDamaged {
		s.cfg.Budget.CountDeferred()
	}
	return added, err
}

// load unites the record that s.disk.in has read.
func (s *Store) load(how loading) (added int, err error) {
	in := s.disk.in
	s.refused = budget.Refusal{}
	p, id, e, err := s.enter(in.Key, how.origin)
	if err != nil {
		return 0, err
	}
	if err := s.admitGrowth(p, e); err != nil {
		return 0, err
	}
	if p.slab.Full() {
		return 0, budget.ErrFull
	}
	to, before, newest := target{p, e, id}, int(e.points), int64(-1)
	if before > 0 {
		newest = e.open.Last()
	}
	if !s.takeWhole(to, how) {
		s.loadPoints(to)
	}
	added = int(e.points) - before
	s.lateHours.Begin(newest)
	for _, h := range how.hours {
		s.lateHours.Note(h.Hour * hourMillis)
	}
	s.grown(to, added, s.cfg.Clock().UnixMicro())
	return added, s.refused.Why
}

// takeWhole takes the chunks of the record as they are, if they have a place.
func (s *Store) takeWhole(to target, how loading) bool {
	in := s.disk.in
	switch {
	case !in.Fits(mostPoints, mostBytes):
		return false
	case in.Kind == replog.Open && to.e.points == 0:
		s.takeOpen(to)
	case in.Kind == replog.Open || to.e.points == 0:
		return false
	case s.hasRun(to, how.saved):
		return true
	default:
		at := s.gap(to)
		if at < 0 {
			return false
		}
		s.takeRun(to, at, how.saved)
	}
	if how.hours == nil {
		s.cfg.Grid.Forget(to.p.id) // what is taken whole is in no hour yet
		return true
	}
	seed := s.names.Seed(to.id)
	for _, h := range how.hours {
		s.cfg.Grid.Add(grid.Point{Period: to.p.id, ID: to.id, Seed: seed, TS: h.Hour * hourMillis, Digest: h.Digest})
	}
	for _, c := range in.Chunks {
		in.Points(c, func(pt series.Point) { s.record(to.id, &pt) })
	}
	return true
}

const (
	mostPoints = firstSeal + firstSpread // of a chunk that grew by itself
	mostBytes  = 48 << 10                // more than it takes with the longest texts
)

// takeOpen makes an open chunk that of a key without points.
func (s *Store) takeOpen(to target) {
	p, e, in := to.p, to.e, s.disk.in
	p.keys++
	s.made++
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
	if at == int(e.dirLen) || p.firstTS(e, at) <= last || at > 0 && !s.endsBefore(p, e, at-1, first) {
		return -1
	}
	return at
}

// takeRun puts full chunks in before chunk at.
func (s *Store) takeRun(to target, at int, saved bool) {
	p, e, in := to.p, to.e, s.disk.in
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
		points, text := s.disk.in.Decode(c, s.disk.points[:0], s.disk.text[:0])
		g := store.Group{Key: s.disk.in.Key, Points: points}
		s.uniteKey(to.p, to.id, to.e, &g)
		clear(points)
		s.disk.points, s.disk.text = points[:0], text[:0]
	}
}

// Replay lets fn unite points of a log: nothing is recorded, and no limit keeps them out.
func (s *Store) Replay(fn func()) {
	s.quiet = true
	fn()
	s.quiet = false
}

// record tells the recorder of a point that is new.
func (s *Store) record(id uint32, pt *series.Point) {
	if s.cfg.Recorder != nil && !s.quiet {
		s.cfg.Recorder.Point(s.names.Named(id), s.names.Name(id), pt)
	}
}
