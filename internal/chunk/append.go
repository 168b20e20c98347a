package chunk

// Point is a point as its member spells it.
type Point struct {
	TS    int64  // ms since 1970, not negative
	Frac  uint8  // fraction digits of the timestamp's text, 0 to 3; digits beyond are zero
	Value []byte // text, 1 to 128 bytes
}

// MaxValue is the longest value, in bytes.
const MaxValue = 128

// room is what the longest regular point and the slack of putBits take, in bytes. An odd point takes its text more.
const room = 48

// MinSize is the least buffer that Start takes and that holds at least one point of any kind.
const MinSize = headerSize + room + MaxValue

// State is where an open chunk stands: all that Append needs beside its bytes. It holds no pointers.
type State struct {
	bits        uint32 // in use, header included
	count, odd  uint16
	last        int64 // ms, the newest point
	at, step    int64 // time of the last regular point, in units, and its distance from the one before
	mant, slope int64 // stored mantissa of the last regular point, and its distance
}

// Len is the number of points.
func (s *State) Len() int { return int(s.count) }

// Odd is the number of points that are kept as text.
func (s *State) Odd() int { return int(s.odd) }

// Last is the timestamp of the newest point in ms.
func (s *State) Last() int64 { return s.last }

// Size is the number of bytes in use.
func (s *State) Size() int { return int(s.bits+7) >> 3 }

// Start writes the header of an empty chunk into buf. Its parameters are those of like, a chunk of the same series
// before it, or suit the first point when like is nil.
func Start(buf, like []byte, first Point) State {
	p := params{frac: first.Frac, k: defaultBits}
	if v, ok := parseDecimal(first.Value); ok {
		p.dec, p.min = v.decs, v.decs
	}
	if like != nil {
		p = readParams(like)
	}
	p.put(buf, 0)
	return State{bits: headerSize * 8}
}

// Append adds a point at the end of the chunk whose bytes are in buf. It reports false and changes nothing when buf is
// too short, or the chunk holds 65,535 points.
func (s *State) Append(buf []byte, pt Point) bool {
	free := len(buf) - s.Size()
	if free < room || s.count == 1<<16-1 {
		return false
	}
	p := readParams(buf)
	if pt.Frac == p.frac {
		if v, ok := parseDecimal(pt.Value); ok {
			if mant, ok := p.fit(v); ok {
				s.regular(buf, p, pt.TS, mant)
				return true
			}
		}
	}
	if free < room+len(pt.Value) || len(pt.Value) == 0 || len(pt.Value) > MaxValue {
		return false
	}
	s.text(buf, pt)
	return true
}

// regular writes one of
//
//	0                      time and value as predicted
//	10  value              time as predicted
//	110 time 0             value as predicted
//	110 time 1 value
func (s *State) regular(buf []byte, p params, ts, mant int64) {
	at := ts / unitMillis[p.frac]
	step, slope := at-s.at, mant-s.mant
	dt, dv := step-s.step, slope
	if p.dod {
		dv -= s.slope
	}
	switch {
	case dt == 0 && dv == 0:
		s.bits = putBits(buf, s.bits, 0, 1)
	case dt == 0:
		s.bits = putBits(buf, s.bits, 0b10, 2)
		s.bits = putValue(buf, s.bits, dv, p.k)
	default:
		s.bits = putBits(buf, s.bits, 0b110, 3)
		s.bits = putTime(buf, s.bits, dt)
		if dv == 0 {
			s.bits = putBits(buf, s.bits, 0, 1)
		} else {
			s.bits = putBits(buf, s.bits, 1, 1)
			s.bits = putValue(buf, s.bits, dv, p.k)
		}
	}
	if s.count == s.odd { // the first regular point is a distance from zero: no slope to go on with
		step, slope = 0, 0
	}
	s.at, s.step, s.mant, s.slope, s.last = at, step, mant, slope, ts
	s.count++
	putCount(buf, s.count)
}

// text writes 111, the distance from the newest point in ms (6 bits length, then so many), the fraction digits (2),
// the length of the value less 1 (7), the value.
func (s *State) text(buf []byte, pt Point) {
	d := zigzag(pt.TS - s.last)
	n := bitLen(d)
	at := putBits(buf, s.bits, 0b111<<6|uint64(n), 9)
	at = putBits(buf, at, d, n)
	at = putBits(buf, at, uint64(pt.Frac&3)<<7|uint64(len(pt.Value)-1), 9)
	for _, c := range pt.Value {
		at = putBits(buf, at, uint64(c), 8)
	}
	s.bits, s.last = at, pt.TS
	s.count++
	s.odd++
	putCount(buf, s.count)
}

// putValue writes a difference other than 0, less 1: 0 and k bits, 10 and k+2 bits, or 11, 6 bits length and so many.
func putValue(buf []byte, at uint32, d int64, k uint8) uint32 {
	u := zigzag(d) - 1
	switch n := bitLen(u); {
	case n <= k:
		at = putBits(buf, at, 0, 1)
		return putBits(buf, at, u, k)
	case n <= k+2:
		at = putBits(buf, at, 0b10, 2)
		return putBits(buf, at, u, k+2)
	default:
		at = putBits(buf, at, 0b11<<6|uint64(n-1), 8)
		return putBits(buf, at, u, n)
	}
}

// putTime writes a difference other than 0, less 1: 0 and 2 bits, 10 and 7, 110 and 12, or 111, 6 bits length and so
// many.
func putTime(buf []byte, at uint32, d int64) uint32 {
	u := zigzag(d) - 1
	switch n := bitLen(u); {
	case n <= 2:
		return putBits(buf, at, u, 3)
	case n <= 7:
		return putBits(buf, at, 0b10<<7|u, 9)
	case n <= 12:
		return putBits(buf, at, 0b110<<12|u, 15)
	default:
		at = putBits(buf, at, 0b111<<6|uint64(n-1), 9)
		return putBits(buf, at, u, n)
	}
}

// MaxSize is the most bytes that points can take in a chunk, slack of Append included.
func MaxSize(points []Point) int {
	n := headerSize + room
	for _, p := range points {
		n += 24 + len(p.Value)
	}
	return n
}

// Recode writes the chunk in src into buf with parameters chosen anew, without going through text. It reports false
// when src has odd points, for which Encode may find better, more than 256 points, or buf may be too short.
func Recode(buf, src []byte) (State, bool) {
	old, n, ok := header(src)
	var local [256]record
	if !ok || n > len(local) || len(buf) < headerSize+room+24*n {
		return State{}, false
	}
	recs, p := local[:0], params{frac: old.frac, min: old.min, dec: old.min}
	var r Reader
	for r.Reset(src); r.Next(); {
		if r.text != nil {
			return State{}, false
		}
		v := decimal{r.mant << old.shift, old.dec}
		for v.decs > old.min && v.mant%10 == 0 {
			v.mant /= 10
			v.decs--
		}
		p.dec = max(p.dec, v.decs)
		recs = append(recs, record{at: r.TS, val: v, ok: true})
	}
	p.chooseShift(recs)
	p.chooseBits(recs)
	p.put(buf, 0)
	s := State{bits: headerSize * 8}
	for _, rec := range recs {
		mant, ok := p.fit(rec.val)
		if !ok {
			return State{}, false
		}
		s.regular(buf, p, rec.at, mant)
	}
	return s, r.Err() == nil
}

// Encode writes a chunk of the points, at most 65,535, into buf, which has MaxSize bytes, with parameters chosen for
// them. The chunk is buf[:State.Size()]; Append may go on in a buffer that is longer.
func Encode(buf []byte, points []Point) State {
	p := choose(points)
	p.put(buf, 0)
	s := State{bits: headerSize * 8}
	for _, pt := range points {
		if !s.Append(buf, pt) {
			panic("BUG: chunk: buffer shorter than MaxSize")
		}
	}
	return s
}
