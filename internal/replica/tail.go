package replica

import (
	"encoding/binary"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
)

const (
	blockBytes = 64 << 10
	// markEvery and marks bound how exactly, and how far back, Before knows when something was appended.
	markEvery = 50 * time.Millisecond
	marks     = 64
)

// Tail is the newest records of a log, in memory. A place in it is a number of bytes, counted from its beginning. Only
// one may use it at a time, but what Read gave is good, and never changed, for whoever has it.
type Tail struct {
	most   int64 // bytes that it keeps, about
	grain  int   // bytes of a block
	blocks []*block
	end    uint64
	bytes  int64
	last   time.Duration // of the last Append
	marks  []mark        // oldest first
}

// block is records that follow each other, with the names of their series.
type block struct {
	from  uint64
	buf   []byte // each behind its length; never moved
	names *replog.Names
	last  map[replog.Origin]replog.Seq
}

// mark says that what lies before a place was appended before a time.
type mark struct {
	at   uint64
	when time.Duration
}

// NewTail makes an empty one that keeps so many bytes.
func NewTail(most int64) *Tail { return &Tail{most: most, grain: int(min(blockBytes, most/8))} }

// Entry is a record that is appended. Its bytes are copied.
type Entry struct {
	Record []byte
	Origin replog.Origin
	Seq    replog.Seq // its last number
	Names  *replog.Names
}

// Append puts a record at the end, at a moment of a clock that only goes forward. drop is told, before they go, which
// entries the Tail no longer has: those of an origin up to seq.
func (t *Tail) Append(e Entry, now time.Duration, drop func(o replog.Origin, seq replog.Seq)) {
	if n := len(t.marks); n == 0 || now-t.marks[n-1].when >= markEvery {
		if n == marks {
			t.marks = append(t.marks[:0], t.marks[1:]...)
		}
		t.marks = append(t.marks, mark{t.end, now})
	}
	t.last = now
	size := len(e.Record) + binary.MaxVarintLen32
	n := len(t.blocks)
	if n == 0 || t.blocks[n-1].names != e.Names || cap(t.blocks[n-1].buf)-len(t.blocks[n-1].buf) < size {
		t.blocks = append(t.blocks, &block{
			from: t.end, names: e.Names, last: map[replog.Origin]replog.Seq{},
			buf: make([]byte, 0, max(t.grain, size)),
		})
		t.bytes += int64(max(t.grain, size))
		t.trim(drop)
		n = len(t.blocks)
	}
	b := t.blocks[n-1]
	before := len(b.buf)
	b.buf = append(binary.AppendUvarint(b.buf, uint64(len(e.Record))), e.Record...)
	b.last[e.Origin] = max(b.last[e.Origin], e.Seq)
	t.end += uint64(len(b.buf) - before)
}

// trim lets the oldest blocks go.
func (t *Tail) trim(drop func(o replog.Origin, seq replog.Seq)) {
	for t.bytes > t.most && len(t.blocks) > 1 {
		b := t.blocks[0]
		for o, seq := range b.last {
			drop(o, seq)
		}
		t.bytes -= int64(cap(b.buf))
		t.blocks[0] = nil
		t.blocks = t.blocks[1:]
	}
}

// End is the place behind the last record.
func (t *Tail) End() uint64 { return t.end }

// First is the place of the oldest record that is here.
func (t *Tail) First() uint64 {
	if len(t.blocks) == 0 {
		return t.end
	}
	return t.blocks[0].from
}

// Size is the memory it holds, bytes.
func (t *Tail) Size() int64 { return t.bytes }

// Before is a place before which everything was appended before a time, and behind which little was.
func (t *Tail) Before(when time.Duration) uint64 {
	if t.last <= when {
		return t.end
	}
	for i := len(t.marks) - 1; i >= 0; i-- {
		if t.marks[i].when <= when {
			return t.marks[i].at
		}
	}
	if len(t.marks) == marks { // it was long ago
		return t.First()
	}
	return 0
}

// Read gives some records from a place on, which must be one that Read or First gave, and the names of their series.
// There are none at the end. ok is false when the place is not here any more.
func (t *Tail) Read(at uint64) (p Part, ok bool) {
	if at < t.First() {
		return Part{}, false
	}
	lo, hi := 0, len(t.blocks)
	for lo < hi { // the first block that begins behind at
		if m := (lo + hi) / 2; t.blocks[m].from > at {
			hi = m
		} else {
			lo = m + 1
		}
	}
	for ; lo > 0 && lo <= len(t.blocks); lo++ {
		b := t.blocks[lo-1]
		if off := at - b.from; off < uint64(len(b.buf)) {
			return Part{At: at, Names: b.names, rest: b.buf[off:]}, true
		}
	}
	return Part{At: at}, true
}

// Part is records that follow each other.
type Part struct {
	At    uint64 // the place of the next
	Names *replog.Names
	rest  []byte
}

// Next gives a record, nil at the end of the part.
func (p *Part) Next() []byte {
	if len(p.rest) == 0 {
		return nil
	}
	size, n := binary.Uvarint(p.rest)
	rec := p.rest[n : n+int(size)]
	p.rest = p.rest[n+int(size):]
	p.At += uint64(n) + size
	return rec
}
