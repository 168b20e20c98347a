package chunk

import "errors"

// ErrCorrupt: the bytes are no chunk. The points read before it was noticed may be wrong too.
var ErrCorrupt = errors.New("corrupt chunk")

// Reader decodes a chunk: for r.Next() { r.TS, r.Frac, r.AppendValue(nil) }, then r.Err.
type Reader struct {
	TS   int64 // ms, of the current point
	Frac uint8 // fraction digits of the current point's timestamp

	in          bitReader
	p           params
	left        int // points not yet read
	regulars    int
	at, step    int64
	mant, slope int64
	text        []byte // value of the current point if it is an odd one, else nil
	textBuf     [MaxValue]byte
	err         error
}

// Reset makes r read the chunk in buf; bytes after its last bit do not matter.
func (r *Reader) Reset(buf []byte) {
	p, count, ok := header(buf)
	r.TS, r.Frac, r.text, r.err = 0, 0, nil, nil
	r.p, r.left, r.regulars = p, count, 0
	r.at, r.step, r.mant, r.slope = 0, 0, 0, 0
	if !ok {
		r.left, r.err = 0, ErrCorrupt
		return
	}
	r.in = bitReader{buf: buf, at: headerSize * 8}
}

// Err is ErrCorrupt or nil.
func (r *Reader) Err() error { return r.err }

// Left is the number of points after the current one.
func (r *Reader) Left() int { return r.left }

// Next goes to the next point. It reports false at the end and on damage.
func (r *Reader) Next() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	switch head := r.in.peek(); {
	case head>>63 == 0:
		r.in.skip(1)
		r.regular(0, 0)
	case head>>62 == 0b10:
		r.in.skip(2)
		r.regular(0, r.value())
	case head>>61 == 0b110:
		r.in.skip(3)
		dt, dv := r.time(), int64(0)
		if r.in.bits(1) == 1 {
			dv = r.value()
		}
		r.regular(dt, dv)
	default:
		r.in.skip(3)
		r.odd()
	}
	if r.in.over || r.TS < 0 || r.TS > maxTS {
		r.left, r.err = 0, ErrCorrupt
		return false
	}
	return true
}

func (r *Reader) regular(dt, dv int64) {
	step, slope := r.step+dt, dv
	if r.p.dod {
		slope += r.slope
	}
	r.at += step
	r.mant += slope
	if r.regulars == 0 {
		step, slope = 0, 0
	}
	r.regulars++
	r.step, r.slope = step, slope
	r.TS, r.Frac, r.text = r.at*unitMillis[r.p.frac], r.p.frac, nil
}

func (r *Reader) odd() {
	d := r.in.bits(uint8(r.in.bits(6)))
	r.TS += unzigzag(d)
	r.Frac = uint8(r.in.bits(2))
	n := int(r.in.bits(7)) + 1
	r.text = r.textBuf[:n]
	for i := range r.text {
		r.text[i] = byte(r.in.bits(8))
	}
}

func (r *Reader) value() int64 {
	var u uint64
	switch k := r.p.k; {
	case r.in.bits(1) == 0:
		u = r.in.bits(k)
	case r.in.bits(1) == 0:
		u = r.in.bits(k + 2)
	default:
		u = r.in.bits(uint8(r.in.bits(6)) + 1)
	}
	return unzigzag(u + 1)
}

func (r *Reader) time() int64 {
	var u uint64
	switch {
	case r.in.bits(1) == 0:
		u = r.in.bits(2)
	case r.in.bits(1) == 0:
		u = r.in.bits(7)
	case r.in.bits(1) == 0:
		u = r.in.bits(12)
	default:
		u = r.in.bits(uint8(r.in.bits(6)) + 1)
	}
	return unzigzag(u + 1)
}

// AppendValue appends the text of the current point's value.
func (r *Reader) AppendValue(dst []byte) []byte {
	if r.text != nil {
		return append(dst, r.text...)
	}
	return r.p.appendValue(dst, r.mant)
}
