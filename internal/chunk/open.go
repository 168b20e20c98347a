package chunk

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/dunlin-db/dunlin/internal/decimal"
	"github.com/dunlin-db/dunlin/internal/varint"
)

const (
	// defaultBits is the width class for values of a chunk whose data is not known yet.
	defaultBits = 6
	maxBits     = 56 // so that the usual codes are less than 64 bits

	// Room is what a point takes in an open chunk at most, beside the text of an odd one, in bytes.
	Room = 32
)

// Params are how an open chunk writes its points. The zero value is not meant to be used; Suit and Encoder.Params make
// them.
type Params struct {
	style uint8 // of timestamps
	dec   uint8 // decimals of the mantissas, 0 to 18
	min   uint8 // decimals that are printed even when they are zeros, ≤ dec
	k     uint8 // bits of the shortest class of value differences, 0 to 56
	shift uint8 // trailing zero bits that all mantissas have, 0 to 62
	float bool  // values are the bits of float64s, not mantissas
	dod   bool  // values are predicted by their last slope, not only by the last value
}

// Suit gives parameters for a chunk of which only the first point is known.
func Suit(first Point) Params {
	p := Params{style: first.Frac & 3, k: defaultBits}
	v, ok := decimal.Parse(first.Value)
	if ok && !v.Long() {
		p.dec, p.min = v.Decs, v.Decs
	} else if _, ok := parseFloat(first.Value); ok {
		p.float, p.k = true, 50
	}
	return p
}

// State is an open chunk, all but the bytes of its stream that are in whole words: docs/format/chunk.md. It holds no
// pointers.
type State struct {
	acc     uint64 // the bits after the last whole word, left aligned
	last    int64  // ms, the newest point
	step    int64  // ms, from the point before it
	mant    int64  // stored mantissa of the last regular point
	slope   int64  // its distance from the one before, when that predicts the next
	bits    uint32 // of the stream
	count   uint16
	odd     uint16
	params  Params
	lastLen uint8 // bytes of the newest point's text when it is an odd one, else 0
}

// Start makes an empty chunk.
func Start(p Params) State { return State{params: p} }

// Len is the number of points.
func (s *State) Len() int { return int(s.count) }

// Odd is the number of points that are kept as text.
func (s *State) Odd() int { return int(s.odd) }

// Last is the timestamp of the newest point in ms.
func (s *State) Last() int64 { return s.last }

// Size is the number of bytes of the stream, those that are not yet in the buffer included.
func (s *State) Size() int { return int(s.bits+7) >> 3 }

// Params are what the chunk is written with.
func (s *State) Params() Params { return s.params }

// Append adds a point at the end of the chunk whose whole words are in buf. It reports false and changes nothing when
// buf is too short, the point is not one, or the chunk is full.
func (s *State) Append(buf []byte, pt Point) bool {
	if pt.Frac == s.params.style || s.params.style == shortest && pt.Frac == fracFor(pt.TS) {
		if m, ok := s.params.mantissa(pt.Value); ok {
			return s.put(buf, pt.TS, m)
		}
	}
	return s.text(buf, pt)
}

// mantissa gives what is stored for a value, if reading it gives the value's text.
func (p *Params) mantissa(value []byte) (m int64, ok bool) {
	if p.float {
		f, ok := parseFloat(value)
		return int64(math.Float64bits(f)), ok
	}
	v, ok := decimal.Parse(value)
	if !ok {
		return 0, false
	}
	if m, ok = v.Fit(p.dec, p.min); !ok {
		return 0, false
	}
	stored := m >> p.shift
	return stored, stored<<p.shift == m
}

// put writes a regular point.
func (s *State) put(buf []byte, ts, mant int64) bool {
	dv := mant - s.mant - s.slope
	if ts-s.last != s.step {
		return s.putRare(buf, ts, mant)
	}
	code, n := uint64(0), uint32(1)
	if dv != 0 {
		k := uint32(s.params.k)
		u := varint.Zigzag(dv) - 1
		over := u >> k
		if over>>2 != 0 {
			return s.putRare(buf, ts, mant)
		}
		wide := uint32((over | -over) >> 63) // 1 or 0; which can not be predicted, so no branch is taken on it
		n = 3 + k + 3*wide
		code = uint64(0b100+0b110*wide)<<((k+2*wide)&63) | u
	}
	if s.count == MaxPoints {
		return false
	}
	used := s.bits & 63
	if used+n < 64 {
		s.acc |= code << (64 - used - n)
	} else {
		at := uint(s.bits >> 6 << 3)
		if at+8 > uint(len(buf)) {
			return false
		}
		rest := used + n - 64
		binary.BigEndian.PutUint64(buf[at:], s.acc|code>>rest)
		s.acc = code << (64 - rest)
	}
	s.bits += n
	if s.params.dod && s.count != s.odd { // as in regular
		s.slope = mant - s.mant
	}
	s.mant, s.last, s.lastLen = mant, ts, 0
	s.count++
	return true
}

// regular notes a regular point that was written or read.
func (s *State) regular(ts, mant int64) {
	if s.params.dod && s.count != s.odd { // the first is a distance from zero: no slope to go on with
		s.slope = mant - s.mant
	}
	s.mant, s.lastLen = mant, 0
	s.pass(ts)
}

// pass notes the time of a point that was written or read.
func (s *State) pass(ts int64) {
	if s.count > 0 {
		s.step = ts - s.last
	}
	s.last = ts
	s.count++
}

// fieldWriter collects the few fields of a rare entry, so that it can be known to fit before it is written.
type fieldWriter struct {
	v     [8]uint64
	n     [8]uint32
	count int
	bits  uint32
}

func (f *fieldWriter) add(v uint64, n uint) {
	f.v[f.count], f.n[f.count] = v, uint32(n)
	f.count++
	f.bits += uint32(n)
}

// putRare writes any regular point.
func (s *State) putRare(buf []byte, ts, mant int64) bool {
	dt, dv := ts-s.last-s.step, mant-s.mant-s.slope
	var f fieldWriter
	if dt == 0 && dv != 0 {
		f.add(0b10, 2)
	} else {
		f.add(0b110, 3)
		f.time(dt, unitMillis[s.params.style])
		if dv == 0 {
			f.add(0, 1)
		} else {
			f.add(1, 1)
		}
	}
	if dv != 0 {
		f.value(dv, uint(s.params.k))
	}
	if !s.flush(buf, &f) {
		return false
	}
	s.regular(ts, mant)
	return true
}

// value adds a difference other than 0, less 1: 0 and k bits, 10 and k+2 bits, or 11, 6 bits length and so many.
func (f *fieldWriter) value(d int64, k uint) {
	u := varint.Zigzag(d) - 1
	switch {
	case u>>k == 0:
		f.add(u, k+1)
	case u>>(k+2) == 0:
		f.add(0b10<<(k+2)|u, k+4)
	default:
		n := max(bitLen(u), 1)
		f.add(0b11<<6|uint64(n-1), 8)
		f.add(u, n)
	}
}

// time adds a difference in units, or in ms where it is large or no whole number of units: 0 and 3 bits, 10 and 7, 110
// and 12, or 111, 6 bits length and so many.
func (f *fieldWriter) time(d, unit int64) {
	u := varint.Zigzag(d / unit)
	switch {
	case d%unit != 0 || u >= 1<<12:
		u = varint.Zigzag(d)
		n := bitLen(u)
		f.add(0b111<<6|uint64(n), 9)
		f.add(u, n)
	case u < 1<<3:
		f.add(u, 4)
	case u < 1<<7:
		f.add(0b10<<7|u, 9)
	default:
		f.add(0b110<<12|u, 15)
	}
}

// flush writes the fields, if the chunk takes another point and they fit.
func (s *State) flush(buf []byte, f *fieldWriter) bool {
	if s.count == MaxPoints || int((s.bits+f.bits)>>6<<3) > len(buf) {
		return false
	}
	for i := range f.count {
		s.push(buf, f.v[i], f.n[i])
	}
	return true
}

// push writes n ≤ 64 bits, for which there is room.
func (s *State) push(buf []byte, v uint64, n uint32) {
	if used := s.bits & 63; used+n < 64 {
		s.acc |= v << (64 - used - n)
	} else {
		rest := used + n - 64
		binary.BigEndian.PutUint64(buf[s.bits>>6<<3:], s.acc|v>>rest)
		s.acc = v << (64 - rest)
	}
	s.bits += n
}

// text writes 111, the difference of the time in ms (6 bits length, then so many), the fraction digits (2), the length
// of the value less 1 (7), the value.
func (s *State) text(buf []byte, pt Point) bool {
	if !pt.fits() {
		return false
	}
	var f fieldWriter
	d := varint.Zigzag(pt.TS - s.last - s.step)
	f.add(0b111<<6|uint64(bitLen(d)), 9)
	f.add(d, bitLen(d))
	f.add(uint64(pt.Frac)<<7|uint64(len(pt.Value)-1), 9)
	if int((s.bits+f.bits+8*uint32(len(pt.Value)))>>6<<3) > len(buf) || !s.flush(buf, &f) {
		return false
	}
	for _, c := range pt.Value {
		s.push(buf, uint64(c), 8)
	}
	s.odd++
	s.pass(pt.TS)
	s.lastLen = uint8(len(pt.Value))
	return true
}

// Alone says that the newest point has no other of its time before it in the chunk, which has others.
func (s *State) Alone() bool { return s.count > 1 && s.step != 0 }

// LastIs says whether a point is the newest of the chunk.
func (s *State) LastIs(buf []byte, pt Point) bool {
	if s.count == 0 || pt.TS != s.last {
		return false
	}
	if s.lastLen == 0 {
		if pt.Frac != styled(s.params.style, pt.TS) {
			return false
		}
		m, ok := s.params.mantissa(pt.Value)
		return ok && m == s.mant
	}
	var text [MaxValue]byte
	frac, value := s.lastText(buf, text[:0])
	return pt.Frac == frac && bytes.Equal(pt.Value, value)
}

// AppendLast appends the value of the newest point, and gives the fraction digits of its time.
func (s *State) AppendLast(dst, buf []byte) (value []byte, frac uint8) {
	if s.lastLen == 0 {
		return s.params.appendValue(dst, s.mant), styled(s.params.style, s.last)
	}
	frac, dst = s.lastText(buf, dst)
	return dst, frac
}

// lastText reads the newest point back when it is an odd one: it is the end of the stream.
func (s *State) lastText(buf, dst []byte) (frac uint8, text []byte) {
	var tail [MaxValue + 4*8 + slack]byte
	from := (s.bits - 8*uint32(s.lastLen) - 9) >> 6 << 3
	whole := buf[from : s.bits>>6<<3]
	n := copy(tail[:], whole)
	binary.BigEndian.PutUint64(tail[n:], s.acc)
	return readText(tail[:], uint64(s.bits-8*uint32(s.lastLen)-9-from*8), dst)
}

// readText reads fraction digits, length and value of an odd point.
func readText(b []byte, at uint64, dst []byte) (frac uint8, text []byte) {
	head := load(b, at)
	n := head << 2 >> 57
	at += 9
	for range n + 1 {
		dst = append(dst, byte(load(b, at)>>56))
		at += 8
	}
	return uint8(head >> 62), dst
}

func (p *Params) appendValue(dst []byte, stored int64) []byte {
	if p.float {
		return appendFloat(dst, stored)
	}
	return decimal.Append(dst, stored<<p.shift, p.dec, p.min)
}
