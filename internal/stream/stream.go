package stream

import (
	"slices"
	"sync"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Decoded is a chunk written out in memory that is used again.
type Decoded struct {
	store.Block
	Chunk int // which one it is, for whoever fills it; -1 = none
}

// Fill takes all points of a reader that stands before the first. A chunk that is damaged gives none: it reads as a gap
// until it is repaired.
func (d *Decoded) Fill(rd *chunk.Reader) {
	d.Reset()
	for rd.Next() {
		at := len(d.Text)
		d.Text = rd.AppendValue(d.Text)
		d.Add(rd.TS, rd.Frac, at)
	}
}

func (d *Decoded) size() int64 { return int64(cap(d.Rows))*16 + int64(cap(d.Text)) }

// Cut is what is left to give of a run of ranks.
type Cut struct {
	Desc bool
	Left int // points
	Skip int // points of the next chunk that come before the run, seen in the direction of reading
}

// Take gives the part of the next chunk that belongs to the run. Read backwards, the rows are turned round in place.
func (c *Cut) Take(b store.Block) store.Block {
	n := len(b.Rows)
	if n <= c.Skip { // a chunk that is damaged: ranks mean nothing any more
		c.Left = 0
		return store.Block{}
	}
	if c.Desc {
		end := n - c.Skip
		b.Rows = b.Rows[max(end-c.Left, 0):end]
		slices.Reverse(b.Rows)
	} else {
		b.Rows = b.Rows[c.Skip:min(c.Skip+c.Left, n)]
	}
	c.Skip = 0
	c.Left -= len(b.Rows)
	return b
}

// Stream implements store.Stream: the chunks of a run, copied one behind the other in the order they are read in.
type Stream struct {
	Cut
	buf  []byte
	ends []int // of the chunks in buf
	next int
	open struct { // the open chunk, if it is among them
		chunk.State
		at int // which of the chunks it is, -1 = none
	}
	Decoded
	rd chunk.Reader
}

// streams are shared by all stores: a stream is closed where no lock is held.
var streams = sync.Pool{New: func() any { return new(Stream) }}

// New makes a Stream of a run, with room for so many bytes of chunks.
func New(c Cut, size int) *Stream {
	s := streams.Get().(*Stream)
	s.Cut, s.next, s.buf, s.ends = c, 0, slices.Grow(s.buf[:0], size), s.ends[:0]
	s.open.at = -1
	return s
}

// Append copies the next chunk; open is its state if it is the open one, else nil.
func (s *Stream) Append(bytes []byte, open *chunk.State) {
	if open != nil {
		s.open.State, s.open.at = *open, len(s.ends)
	}
	s.buf = append(s.buf, bytes...)
	s.ends = append(s.ends, len(s.buf))
}

// Next implements store.Stream.
func (s *Stream) Next() store.Block {
	if s.Left == 0 {
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
	s.Fill(&s.rd)
	s.next++
	return s.Take(s.Block)
}

// Size implements store.Stream.
func (s *Stream) Size() int { return cap(s.buf) + cap(s.ends)*8 + int(s.size()) }

// keepStream is how large a stream may be to be used again.
const keepStream = 256 << 10

// Close implements store.Stream.
func (s *Stream) Close() {
	if s.Size() <= keepStream {
		streams.Put(s)
	}
}
