package engine

import (
	"slices"
	"sync"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// decoded is a chunk written out in memory that is used again.
type decoded struct {
	store.Block
	chunk int // which one of the entry, -1 = none
}

// fill takes all points of a reader that stands before the first.
func (d *decoded) fill(rd *chunk.Reader) {
	d.Reset()
	for rd.Next() {
		at := len(d.Text)
		d.Text = rd.AppendValue(d.Text)
		d.Add(rd.TS, rd.Frac, at)
	}
	if rd.Err() != nil {
		panic("BUG: engine: a chunk in memory is damaged")
	}
}

func (d *decoded) size() int64 { return int64(cap(d.Rows))*16 + int64(cap(d.Text)) }

// cut is what is left to give of a run of ranks.
type cut struct {
	desc bool
	left int // points
	skip int // points of the next chunk that come before the run, seen in the direction of reading
}

// take gives the part of the next chunk that belongs to the run. Read backwards, the rows are turned round in place.
func (c *cut) take(b store.Block) store.Block {
	n := len(b.Rows)
	if c.desc {
		end := n - c.skip
		b.Rows = b.Rows[max(end-c.left, 0):end]
		slices.Reverse(b.Rows)
	} else {
		b.Rows = b.Rows[c.skip:min(c.skip+c.left, n)]
	}
	c.skip = 0
	c.left -= len(b.Rows)
	return b
}

// view implements store.View. There is one per store, in its scratch.
type view struct {
	s *Store
	p *period
	e *entry

	// Two chunks stay decoded: the bounds of a range of time are counted in them before they are read.
	blocks [2]decoded
	latest int // which of them was used last

	cut
	at int // the next chunk to read
}

// Open implements store.Local.
func (s *Store) Open(k series.Key) store.View {
	p, e := s.find(k)
	if e == nil {
		return nil
	}
	return s.open(p, e)
}

func (s *Store) open(p *period, e *entry) *view {
	v := &s.view
	v.s, v.p, v.e = s, p, e
	v.blocks[0].chunk, v.blocks[1].chunk = -1, -1
	v.cut = cut{}
	return v
}

// Len implements store.View.
func (v *view) Len() int { return int(v.e.points) }

// load gives chunk i decoded.
func (v *view) load(i int) *decoded {
	for j := range v.blocks {
		if v.blocks[j].chunk == i {
			v.latest = j
			return &v.blocks[j]
		}
	}
	v.latest ^= 1
	d := &v.blocks[v.latest]
	v.s.read(v.p, v.e, i)
	d.fill(&v.s.rd)
	d.chunk = i
	return d
}

// Before implements store.View: it decodes one chunk at most.
func (v *view) Before(tsMillis int64) int {
	if tsMillis > v.e.open.Last() {
		return v.Len()
	}
	i := v.p.search(v.e, func(first int64) bool { return first >= tsMillis }) - 1
	if i < 0 {
		return 0
	}
	n, _ := slices.BinarySearchFunc(v.load(i).Rows, tsMillis, func(r store.Row, ts int64) int {
		if r.TS < ts {
			return -1
		}
		return 1
	})
	return v.p.firstRank(v.e, i) + n
}

// firstRank is the rank of the first point of chunk i. It counts from the nearer end.
func (p *period) firstRank(e *entry, i int) int {
	if n := int(e.dirLen); i > n/2 {
		rank := int(e.points)
		for j := n - 1; j >= i; j-- {
			rank -= p.count(e, j)
		}
		return rank
	}
	rank := 0
	for j := range i {
		rank += p.count(e, j)
	}
	return rank
}

// chunkOf gives the chunk that holds a rank, and the rank of its first point.
func (p *period) chunkOf(e *entry, rank int) (i, first int) {
	if rank >= int(e.points)/2 {
		i, first = int(e.dirLen), int(e.points)
		for first > rank {
			i--
			first -= p.count(e, i)
		}
		return i, first
	}
	for {
		n := p.count(e, i)
		if first+n > rank {
			return i, first
		}
		first += n
		i++
	}
}

// Seek implements store.View.
func (v *view) Seek(lo, hi int, desc bool) {
	v.cut = cut{desc: desc, left: max(hi-lo, 0)}
	if v.left == 0 {
		return
	}
	if desc {
		i, first := v.p.chunkOf(v.e, hi-1)
		v.at, v.skip = i, first+v.p.count(v.e, i)-hi
		return
	}
	i, first := v.p.chunkOf(v.e, lo)
	v.at, v.skip = i, lo-first
}

// Next implements store.View.
func (v *view) Next() store.Block {
	if v.left == 0 {
		return store.Block{}
	}
	if v.left == 1 && v.wantsLast() {
		v.left = 0
		d := &v.blocks[0]
		d.chunk = -1
		d.Reset()
		v.s.last(v.p, v.e, &d.Block)
		return d.Block
	}
	d := v.load(v.at)
	if v.desc {
		d.chunk = -1 // take turns it round
		v.at--
	} else {
		v.at++
	}
	return v.take(d.Block)
}

// wantsLast says that the point to give next is the last of the key, and its chunk is not decoded yet.
func (v *view) wantsLast() bool {
	if !v.e.isOpen(v.at) || v.blocks[0].chunk == v.at || v.blocks[1].chunk == v.at {
		return false
	}
	return v.desc && v.skip == 0 || !v.desc && v.skip == v.e.open.Len()-1
}

// last appends the last point of a key to b, which no chunk is decoded for.
func (s *Store) last(p *period, e *entry, b *store.Block) {
	at := len(b.Text)
	text, frac := e.open.AppendLast(b.Text, p.slab.At(e.tail, int(e.tailSize)))
	b.Text = text
	b.Add(e.open.Last(), frac, at)
}

// newest appends all points at the newest timestamp of a key to b, in order.
func (s *Store) newest(p *period, e *entry, b *store.Block) {
	if e.open.Alone() {
		s.last(p, e, b)
		return
	}
	rows, text := len(b.Rows), len(b.Text)
	open, newest := int(e.dirLen)-1, e.open.Last()
	s.read(p, e, open)
	older := false
	for s.rd.Next() {
		if s.rd.TS < newest {
			older = true
			continue
		}
		at := len(b.Text)
		b.Text = s.rd.AppendValue(b.Text)
		b.Add(s.rd.TS, s.rd.Frac, at)
	}
	if older || open == 0 {
		return
	}
	b.Rows, b.Text = b.Rows[:rows], b.Text[:text] // the chunks before may have more of that instant
	v := s.open(p, e)
	v.Seek(v.Before(newest), v.Len(), false)
	for got := v.Next(); len(got.Rows) > 0; got = v.Next() {
		for _, r := range got.Rows {
			at := len(b.Text)
			b.Text = append(b.Text, got.Value(r)...)
			b.Add(r.TS, r.Frac, at)
		}
	}
}

// stream implements store.Stream: the chunks of a run, copied one behind the other in the order they are read in.
type stream struct {
	cut
	buf  []byte
	ends []int // of the chunks in buf
	next int
	open struct { // the open chunk, if it is among them
		chunk.State
		at int // which of the chunks it is, -1 = none
	}
	decoded
	rd chunk.Reader
}

// streams are shared by all stores: a stream is closed where no lock is held.
var streams = sync.Pool{New: func() any { return new(stream) }}

// Detach implements store.View.
func (v *view) Detach(most int) store.Stream {
	step := 1
	if v.desc {
		step = -1
	}
	size, chunks := 0, 0
	for i, n := v.at, v.left+v.skip; n > 0; i += step {
		size += int(v.p.dirent(v.e, i).size)
		n -= v.p.count(v.e, i)
		chunks++
	}
	if size > most {
		return nil
	}
	s := streams.Get().(*stream)
	s.cut, s.next, s.buf, s.ends = v.cut, 0, slices.Grow(s.buf[:0], size), s.ends[:0]
	s.open.at = -1
	for i := range chunks {
		if v.e.isOpen(v.at + i*step) {
			s.open.State, s.open.at = v.e.open, i
		}
		s.buf = append(s.buf, v.p.chunkBytes(v.e, v.at+i*step)...)
		s.ends = append(s.ends, len(s.buf))
	}
	v.left = 0
	return s
}

// Next implements store.Stream.
func (s *stream) Next() store.Block {
	if s.left == 0 {
		return store.Block{}
	}
	from := 0
	if s.next > 0 {
		from = s.ends[s.next-1]
	}
	if buf := s.buf[from:s.ends[s.next]]; s.next == s.open.at {
		s.rd.ResetOpen(&s.open.State, buf)
	} else {
		s.rd.Reset(buf)
	}
	s.fill(&s.rd)
	s.next++
	return s.take(s.Block)
}

// Size implements store.Stream.
func (s *stream) Size() int { return cap(s.buf) + cap(s.ends)*8 + int(s.size()) }

// keepStream is how large a stream may be to be used again.
const keepStream = 256 << 10

// Close implements store.Stream.
func (s *stream) Close() {
	if s.Size() <= keepStream {
		streams.Put(s)
	}
}
