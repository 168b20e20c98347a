package replog

import (
	"encoding/binary"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// Named is what a Recorder knows of a series: its number since the last NewEpoch and in which block of records the
// number was spelled out first. The zero Named is a series that was never written. It is 8 bytes and belongs to
// whoever keeps the series.
type Named struct{ v uint64 } // number<<16 | block

const (
	spelledTwice = 1<<16 - 1 // instead of a block: the name was spelled again, far enough away
	blocks       = 1 << 15   // blocks are counted modulo this

	// BlockBytes is what lies between the two records that spell a name at least: no damage of one page reaches both.
	BlockBytes = 4096

	// A body that is longer, or has more points, is followed by another. Whoever writes a record again with names of
	// its own, spelled at full length, stays below what a frame holds.
	splitBytes = 32 << 10

	// MostPoints is the most points of a record.
	MostPoints = 8192
)

// Recorder encodes points records: docs/format/log.md. There is one for each shard, used under the shard's lock:
// Begin, Point for each point that is new, then Record until Len is 0. Or BeginEntry, Point, and Record once.
type Recorder struct {
	next  uint64 // the number of the next series that is new
	first uint64 // the first number since NewEpoch

	block   uint64 // counts blocks: whole records of at least BlockBytes together
	inBlock int    // bytes of the block that is being filled

	buf    []byte // bodies, one behind the other
	bodies []body // the last one is being filled
	points int    // of all bodies
	given  int    // bodies that Record has given
	whole  bool   // there is one body, however long
	latest int64  // ms, of all points
	state  point
	out    []byte
	names  *Names // that were spelled since NewEpoch
}

// body is what follows the head of a record.
type body struct {
	from, points int
	base         int64 // ms
}

// point is what the next point of a body is written as a difference from.
type point struct {
	number uint64 // counted from the epoch's first, of the series after the one before
	ts     int64  // ms
	frac   uint8
}

// NewRecorder makes one that has written nothing.
func NewRecorder() *Recorder { return &Recorder{next: 1, first: 1, names: &Names{}} }

// NewEncoder makes one whose Names nobody asks for.
func NewEncoder() *Recorder { return &Recorder{next: 1, first: 1} }

// Begin begins a batch of points. What was not taken with Record is forgotten.
func (r *Recorder) Begin() {
	r.buf, r.bodies, r.points, r.given, r.whole, r.latest = r.buf[:0], r.bodies[:0], 0, 0, false, 0
}

// BeginEntry is Begin for the points of one entry of another origin: Record gives exactly one record, also of none.
func (r *Recorder) BeginEntry() {
	r.Begin()
	r.bodies, r.whole = append(r.bodies, body{}), true
	r.state = point{}
}

// NewEpoch makes every series be spelled again: a segment of the log begins, and nobody need read those before it.
func (r *Recorder) NewEpoch() { r.first, r.names = r.next, &Names{} }

// Names knows the names in the records since the last NewEpoch. It stays good for them after the next one.
func (r *Recorder) Names() *Names { return r.names }

// Len is the number of points since Begin that Record has not given yet.
func (r *Recorder) Len() int { return r.points }

// Latest is the latest timestamp of the points since Begin, ms.
func (r *Recorder) Latest() int64 { return r.latest }

// Size is the memory that the recorder holds, bytes.
func (r *Recorder) Size() int64 { return int64(cap(r.buf) + cap(r.out) + cap(r.bodies)*32) }

// Point adds a point of a series. The point must be one of the grammar; nothing of it is kept. It is a pointer because
// a copy, pushed word by word and read at once in one piece, costs more than all the rest.
func (r *Recorder) Point(n *Named, name []byte, pt *series.Point) {
	if r.full() {
		r.bodies = append(r.bodies, body{from: len(r.buf), base: pt.TS})
		r.state = point{ts: pt.TS}
	}
	last := &r.bodies[len(r.bodies)-1]
	if last.points == 0 {
		last.base, r.state.ts = pt.TS, pt.TS
	}
	number, spell := r.number(n, name)
	spell = spell && (last.points == 0 || number+1 != r.state.number) // the point before may have spelled it
	last.points++
	r.points++
	r.latest = max(r.latest, pt.TS)
	v, ok := parseDecimal(pt.Value)
	flags := v.flags()
	if !ok {
		flags = flagText | min(byte(len(pt.Value)-1), longText)<<textShift
	}
	b := r.buf
	at := len(b)
	b = append(b, 0)
	if number == r.state.number && !spell {
		flags |= flagNext
	} else {
		ref := varint.Zigzag(int64(number-r.state.number)) << 1
		if spell {
			b = binary.AppendUvarint(b, ref|1)
			b = binary.AppendUvarint(b, uint64(len(name)))
			b = append(b, name...)
		} else {
			b = binary.AppendUvarint(b, ref)
		}
	}
	if pt.TS == r.state.ts && pt.Frac == r.state.frac {
		flags |= flagSameTime
	} else {
		b = binary.AppendUvarint(b, varint.Zigzag(pt.TS-r.state.ts)<<2|uint64(pt.Frac))
	}
	if ok {
		b = binary.AppendUvarint(b, v.mant)
	} else {
		if len(pt.Value) > longText {
			b = append(b, byte(len(pt.Value)-1))
		}
		b = append(b, pt.Value...)
	}
	b[at] = flags
	r.buf = b
	r.state = point{number + 1, pt.TS, pt.Frac}
}

// full says that the next point needs a new body.
func (r *Recorder) full() bool {
	if len(r.bodies) == 0 {
		return true
	}
	last := r.bodies[len(r.bodies)-1]
	return !r.whole && (len(r.buf)-last.from >= splitBytes || last.points >= MostPoints)
}

// number gives the number of a series in this epoch, and whether its name is to be spelled.
func (r *Recorder) number(n *Named, name []byte) (number uint64, spell bool) {
	number, block := n.v>>16, n.v&spelledTwice
	if number < r.first {
		number, block = r.next, r.block%blocks
		r.next++
		n.v = number<<16 | block
		if r.names != nil {
			r.names.learn(r.first, number-r.first, name)
		}
		return number - r.first, true
	}
	if block == spelledTwice {
		return number - r.first, false
	}
	if (r.block-block)%blocks >= 2 { // all of the block in between lies between the two
		n.v |= spelledTwice
	}
	return number - r.first, true
}

// Record gives the next record of the batch: all its points, unless they are very many. It is the recorder's, until the
// next call. What e leaves out of Head is found here.
func (r *Recorder) Record(e Head) []byte {
	b := r.bodies[r.given]
	r.given++
	end := len(r.buf)
	if r.given < len(r.bodies) {
		end = r.bodies[r.given].from
	}
	r.points -= b.points
	e.epoch, e.base, e.Points = r.first, b.base, b.points
	r.out = append(e.append(r.out[:0]), r.buf[b.from:end]...)
	if r.inBlock += len(r.out); r.inBlock >= BlockBytes && r.given == len(r.bodies) {
		r.block++
		r.inBlock = 0
	}
	return r.out
}
