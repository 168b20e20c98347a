package chunk

import (
	"encoding/binary"
	"math"
)

// Outcome is what became of an insertion.
type Outcome uint8

// The outcomes.
const (
	Inserted Outcome = iota
	Known            // the point was there
	NoRoom           // the buffer is too short, the point is not one, or the chunk is full; nothing has changed
)

// Insert puts a point into an open chunk, in its place by time and then by the member's bytes. What stands before the
// place is not written again.
func (e *Encoder) Insert(s *State, buf []byte, pt Point) Outcome {
	if s.count == MaxPoints || !pt.fits() {
		return NoRoom
	}
	b, n := &e.in, int(s.count)
	b.copyOpen(s, buf)
	b.size(n)
	here := Start(s.params)
	at := here.walk(b, 0, n, pt.TS)
	for at < n { // those of the same time
		before := here
		if here.walk(b, at, at+1, pt.TS+1) == at {
			break
		}
		value, frac := b.appendText(e.text[:0], at, &s.params)
		e.text = value
		c := compare(Point{TS: b.ts[at], Frac: frac, Value: value}, pt)
		if c == 0 {
			return Known
		}
		if c > 0 {
			here = before
			break
		}
		at++
	}
	tail := here
	tail.walk(b, at, n, math.MaxInt64)
	here.acc = accAt(b.bytes, here.bits)
	if !here.Append(buf, pt) || !here.appendBlock(buf, b, at) {
		copy(buf, b.bytes[:s.bits>>6<<3])
		return NoRoom
	}
	*s = here
	return Inserted
}

// appendBlock adds the points of an open chunk with the same parameters from index at on.
func (s *State) appendBlock(buf []byte, b *block, at int) bool {
	var text [MaxValue]byte
	for i := at; i < len(b.ts); i++ {
		ok := false
		if b.isOdd(i) {
			frac, value := readText(b.bytes, uint64(b.val[i]), text[:0])
			ok = s.text(buf, Point{TS: b.ts[i], Frac: frac, Value: value})
		} else {
			ok = s.put(buf, b.ts[i], b.val[i])
		}
		if !ok {
			return false
		}
	}
	return true
}

// accAt gives the bits of the last word that is not whole when a stream ends at a place.
func accAt(b []byte, end uint32) uint64 {
	word := binary.BigEndian.Uint64(b[end>>6<<3:])
	return word &^ (math.MaxUint64 >> (end & 63))
}
