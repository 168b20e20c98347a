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
	Damaged          // the chunk is not what was written; nothing has changed
)

// Insert puts a point into an open chunk, in its place by time and then by the member's bytes. What stands before the
// place is not written again, and of what comes after it only the next few points are: then the differences are what
// they were, and the rest is moved. m are the marks of the chunk.
func (e *Encoder) Insert(s *State, m *Marks, buf []byte, pt Point) Outcome {
	if s.count == MaxPoints || !pt.fits() {
		return NoRoom
	}
	b, n := &e.in, int(s.count)
	here, from := m.before(b, s, buf, pt.TS)
	at := here.walk(b, int(here.count), n, pt.TS)
	for at < n { // those of the same time
		before := here
		if here.walk(b, at, at+1, pt.TS+1) == at {
			break
		}
		value, frac := b.appendText(e.text[:0], at, &s.params)
		e.text = value
		c := compare(Point{TS: b.ts[at], Frac: frac, Value: value}, pt)
		if c == 0 {
			if here.walk(b, at+1, n, math.MaxInt64); here.bits != s.bits {
				return Damaged
			}
			return Known
		}
		if c > 0 {
			here = before
			break
		}
		at++
	}
	if here.bits > s.bits {
		return Damaged
	}
	place, old := here.bits, here
	here.acc = accAt(b.bytes, place)
	fits := here.Append(buf, pt)
	behind := here
	fits = fits && here.catchUp(&old, buf, b)
	end := here
	bad := old.bits > s.bits || int(old.count) == n && old.bits < s.bits
	if bad || !fits || !end.move(buf, b, old.bits, s.bits) {
		copy(buf[from:], b.bytes[from:s.bits>>6<<3])
		if bad {
			return Damaged
		}
		return NoRoom
	}
	m.shift(place, &old, &here)
	if int(old.count) == n {
		*s = end
	} else {
		s.bits, s.acc, s.count, s.odd = end.bits, end.acc, s.count+1, s.odd+here.odd-old.odd
	}
	m.follow(&behind, s.count)
	return Inserted
}

// catchUp writes points that come after the place until those that are left can stay as they are written: until s,
// where they would go on, predicts what old does, where they went on.
func (s *State) catchUp(old *State, buf []byte, b *block) bool {
	var text [MaxValue]byte
	for i := int(old.count); i < len(b.ts); i++ {
		first := s.count == s.odd // of the regular ones is still to come
		if s.last == old.last && s.step == old.step && s.mant == old.mant && s.slope == old.slope &&
			first == (old.count == old.odd) && old.count > 0 {
			break
		}
		old.walk(b, i, i+1, math.MaxInt64)
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

// move appends the bits of a copy of the stream from one place to another. Only bits and acc of s change.
func (s *State) move(buf []byte, b *block, at, end uint32) bool {
	if int((s.bits+end-at)>>6<<3) > len(buf) {
		return false
	}
	for at < end {
		n := min(end-at, 64)
		s.push(buf, loadLong(b.bytes, uint64(at), uint(n)), n)
		at += n
	}
	return true
}

// accAt gives the bits of the last word that is not whole when a stream ends at a place.
func accAt(b []byte, end uint32) uint64 {
	word := binary.BigEndian.Uint64(b[end>>6<<3:])
	return word &^ (math.MaxUint64 >> (end & 63))
}
