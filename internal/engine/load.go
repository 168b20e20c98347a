package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

// ErrRecord: the bytes are no record of chunks. Nothing of them was taken.
var ErrRecord = errors.New("corrupt record of chunks")

// LoadResult is what became of a record.
type LoadResult struct {
	Points int // of the record
	New    int // that were not in the set before
}

// Loaded is a record of chunks as it is read: docs/format/period.md.
type Loaded struct {
	Kind   replog.Kind
	Shard  int
	Key    series.Key   // its bytes are the record's
	Digest store.Digest // of the points
	body   []byte
}

// mostOpen is more than the open chunk of maxPoints of the longest texts takes, bytes.
const mostOpen = 48 << 10

// loadedChunk is a full chunk of a record.
type loadedChunk struct {
	bytes []byte
	first int64 // ms
	last  int64
	count int
}

// ReadChunks reads the head of a record of Save. Nothing behind it is looked at.
func ReadChunks(rec []byte) (Loaded, error) {
	bad := false
	uvarint := func() uint64 {
		u, n := binary.Uvarint(rec)
		if n <= 0 {
			bad = true
			return 0
		}
		rec = rec[n:]
		return u
	}
	kind := replog.KindOf(rec)
	if kind != replog.Full && kind != replog.Open {
		return Loaded{}, ErrRecord
	}
	rec = rec[1:]
	shard, period, n := uvarint(), uvarint(), uvarint()
	if bad || shard > 1<<31-1 || period > 1<<31-1 || n > uint64(len(rec)) {
		return Loaded{}, ErrRecord
	}
	key, err := series.ParseSeries(rec[:n])
	if err != nil || n > series.MaxKey {
		return Loaded{}, fmt.Errorf("%w: a name that is none", ErrRecord)
	}
	key.Period = series.Period(period)
	rec = rec[n:]
	points := uvarint()
	if bad || points == 0 || points > 1<<31-1 || len(rec) < 16 {
		return Loaded{}, ErrRecord
	}
	d := store.Digest{Points: int64(points), Hi: binary.LittleEndian.Uint64(rec), Lo: binary.LittleEndian.Uint64(rec[8:])}
	return Loaded{Kind: kind, Shard: int(shard), Key: key, Digest: d, body: rec[16:]}, nil
}

// Load unites a record of Save with what is there. saved says that it comes from a file that stays: then the next walk
// does not write its full chunks again. Chunks that lie between or before those of their key are taken over as they
// are, with the digest of the record; others point by point. It is fast when the open chunks come first. The key is
// entered in the journal if it grew; nothing is recorded, and no limit keeps it out but that the period is full.
func (s *Store) Load(rec []byte, saved bool) (LoadResult, error) {
	l, err := ReadChunks(rec)
	if err != nil {
		return LoadResult{}, err
	}
	var open chunk.State
	var words []byte
	if l.Kind == replog.Open {
		open, words, err = s.readOpen(&l)
	} else {
		err = s.readFull(&l)
	}
	if err != nil {
		return LoadResult{}, err
	}
	s.quiet = true
	defer func() { s.quiet = false }()
	s.refused = refusal{}
	p, id, e, err := s.enter(l.Key, store.Origin{})
	if err != nil {
		return LoadResult{}, err
	}
	if p.slab.Full() {
		return LoadResult{}, budget.ErrFull
	}
	before := e.points
	in := target{p, e, id}
	switch {
	case l.Kind == replog.Full:
		s.loadFull(in, &l, saved)
	case e.points == 0 && open.Len() <= maxPoints && open.Size() <= mostOpen:
		s.loadOpen(in, &l, open, words)
	default:
		s.loadPoints(in, &l)
	}
	s.lateHours = s.lateHours[:0]
	added := int(e.points - before)
	s.grown(in, added, s.cfg.Clock().UnixMicro())
	return LoadResult{Points: int(l.Digest.Points), New: added}, s.refused.why
}

// readOpen checks an open chunk, which s.rd then reads.
func (s *Store) readOpen(l *Loaded) (open chunk.State, words []byte, err error) {
	open, words, err = s.rd.LoadState(l.body)
	if err != nil || open.Len() != int(l.Digest.Points) || !s.inPeriod(l.Key.Period) {
		return open, nil, ErrRecord
	}
	return open, words, nil
}

// readFull checks the full chunks and collects them.
func (s *Store) readFull(l *Loaded) error {
	s.disk.chunks = s.disk.chunks[:0]
	points, before := 0, int64(-1)
	for rest := l.body; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return ErrRecord
		}
		c := loadedChunk{bytes: rest[n : n+int(size)]}
		rest = rest[n+int(size):]
		s.rd.Reset(c.bytes)
		if !s.rd.Next() || !s.inPeriod(l.Key.Period) {
			return ErrRecord
		}
		c.count = s.rd.Len()
		c.first, c.last = s.rd.Time(0), s.rd.Time(c.count-1)
		if c.first < before {
			return ErrRecord
		}
		before = c.last
		points += c.count
		s.disk.chunks = append(s.disk.chunks, c)
	}
	if points != int(l.Digest.Points) {
		return ErrRecord
	}
	return nil
}

// inPeriod says whether the times of the chunk that s.rd reads are in order, and all in one period.
func (s *Store) inPeriod(pid series.Period) bool {
	first, last := s.cfg.Layout.Span(pid)
	for i := range s.rd.Len() {
		ts := s.rd.Time(i)
		if ts < first {
			return false
		}
		first = ts
	}
	return first <= last
}

// loadOpen makes an open chunk that of a key without points.
func (s *Store) loadOpen(in target, l *Loaded, open chunk.State, words []byte) {
	p, e := in.p, in.e
	p.keys++
	size := slab.OpenBytes(max(firstBytes, open.Size()+open.Size()/8+chunk.Room))
	s.startOpen(p, e, open, dirent{first: s.rd.Time(0), size: uint16(size)})
	copy(p.slab.At(e.tail, size), words)
	e.points, e.hi, e.lo = uint32(l.Digest.Points), l.Digest.Hi, l.Digest.Lo
}

// loadFull unites full chunks with those of a key.
func (s *Store) loadFull(in target, l *Loaded, saved bool) {
	p, e := in.p, in.e
	run := s.disk.chunks
	at := 0
	if e.points > 0 {
		if s.hasRun(in, l, saved) {
			return
		}
		first, last := run[0].first, run[len(run)-1].last
		at = p.search(e, func(ts int64) bool { return ts > first })
		if at == int(e.dirLen) || p.firstTS(e, at) <= last || at > 0 && s.lastTS(p, e, at-1) >= first {
			at = -1
		}
	}
	if e.points == 0 || at < 0 || !fitsWhole(run) {
		for _, c := range run {
			s.rd.Reset(c.bytes)
			s.loadPoints(in, l)
		}
		return
	}
	p.makeRoom(e, at, len(run))
	for i, c := range run {
		s.encoded = append(s.encoded[:0], c.bytes...)
		d := dirent{first: c.first, count: uint16(c.count), saved: saved}
		s.putSealed(p, &d)
		p.setDirent(e, at+i, d)
	}
	if saved {
		p.addSaved(e, l.Digest)
	}
	e.sealAt = maxPoints
	d := e.digest()
	d.Add(l.Digest)
	e.points, e.hi, e.lo = uint32(d.Points), d.Hi, d.Lo
}

// fitsWhole says whether full chunks are such as Save writes.
func fitsWhole(run []loadedChunk) bool {
	return !slices.ContainsFunc(run, func(c loadedChunk) bool { return c.count > maxPoints || len(c.bytes) > mostOpen })
}

// lastTS is the time of the last point of chunk i.
func (s *Store) lastTS(p *period, e *entry, i int) int64 {
	if e.isOpen(i) {
		return e.open.Last()
	}
	s.read(p, e, i)
	return s.rd.Time(s.rd.Len() - 1)
}

// hasRun says whether a key has these very chunks, and notes that they are in a file.
func (s *Store) hasRun(in target, l *Loaded, saved bool) bool {
	p, e, run := in.p, in.e, s.disk.chunks
	at := p.search(e, func(ts int64) bool { return ts >= run[0].first })
	if at+len(run) >= int(e.dirLen) { // the open chunk is none of them
		return false
	}
	marked := 0
	for i, c := range run {
		d := p.dirent(e, at+i)
		if int(d.size) != len(c.bytes) || !bytes.Equal(p.slab.At(d.block, int(d.size)), c.bytes) {
			return false
		}
		if d.saved {
			marked++
		}
	}
	if !saved || marked > 0 { // of some of them the digest is not known: they are written again
		return true
	}
	for i := range run {
		d := p.dirent(e, at+i)
		d.saved = true
		p.setDirent(e, at+i, d)
	}
	p.addSaved(e, l.Digest)
	return true
}

// loadPoints unites the points that s.rd reads with those of a key.
func (s *Store) loadPoints(in target, l *Loaded) {
	points, text := s.disk.points[:0], s.disk.text[:0]
	text = slices.Grow(text, 64*s.rd.Left()) // what is longer moves, and what was given out stays
	for s.rd.Next() {
		at := len(text)
		text = s.rd.AppendValue(text)
		points = append(points, series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: text[at:len(text):len(text)]})
	}
	g := store.Group{Key: l.Key, Points: points}
	s.uniteKey(in.p, in.id, in.e, &g)
	clear(points)
	s.disk.points, s.disk.text = points[:0], text[:0]
}

// ReadPoints calls fn for every point of a record of Save, and takes nothing in. The name and the value are good until
// fn returns.
func (s *Store) ReadPoints(rec []byte, fn func(name []byte, pt series.Point)) error {
	l, err := ReadChunks(rec)
	if err != nil {
		return err
	}
	points := func() {
		for s.rd.Next() {
			s.disk.text = s.rd.AppendValue(s.disk.text[:0])
			fn(l.Key.Series, series.Point{TS: s.rd.TS, Frac: s.rd.Frac, Value: s.disk.text})
		}
	}
	if l.Kind == replog.Open {
		if _, _, err := s.readOpen(&l); err != nil {
			return err
		}
		points()
		return s.rd.Err()
	}
	if err := s.readFull(&l); err != nil {
		return err
	}
	for _, c := range s.disk.chunks {
		s.rd.Reset(c.bytes)
		if points(); s.rd.Err() != nil {
			return ErrRecord
		}
	}
	return nil
}

// Replay is Put for points of a log: nothing is recorded, and no limit keeps them out.
func (s *Store) Replay(puts []store.Put) {
	s.quiet = true
	s.Put(puts)
	s.quiet = false
}

// record adds a point that is new to the log.
func (s *Store) record(id uint32, pt series.Point) {
	if s.cfg.Recorder != nil && !s.quiet {
		s.cfg.Recorder.Point(s.names.Named(id), s.names.Name(id), pt)
	}
}

func add128(hi, lo, moreHi, moreLo uint64) (uint64, uint64) {
	lo, carry := bits.Add64(lo, moreLo, 0)
	hi, _ = bits.Add64(hi, moreHi, carry)
	return hi, lo
}

func sub128(hi, lo, lessHi, lessLo uint64) (uint64, uint64) {
	lo, borrow := bits.Sub64(lo, lessLo, 0)
	hi, _ = bits.Sub64(hi, lessHi, borrow)
	return hi, lo
}
