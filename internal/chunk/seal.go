package chunk

import (
	"math"
	"strings"
)

const version = 2

// Kinds of values of a sealed chunk.
const (
	kindDecimal = iota // mantissas
	kindFloat          // bits of float64s
	kindNear           // mantissas of short decimals and distances in floats
)

// Encoder seals and merges chunks. It is working memory: one serves any number of chunks, one after the other, and
// nothing is allocated once it has grown to their size.
type Encoder struct {
	in     block
	points []Point
	texts  []byte
	text   []byte // one value
	recs   []record
	vals   []int64 // mantissas or float bits of the regular points
	odd    oddPoints
	cols   columnBuilder
	params Params // that suit a chunk after the one encoded last
}

// Params are those that suit an open chunk that follows what was sealed or encoded last.
func (e *Encoder) Params() Params { return e.params }

// oddPoints are the points that are kept as text, while a chunk is encoded.
type oddPoints struct {
	at    []int64    // indexes
	which []int64    // of the dictionary
	dict  []Point    // without times
	table [256]int16 // by hash of the text: index in dict plus 1
}

const maxDict = 192 // texts that are looked up; those beyond are written each time they come

func (o *oddPoints) reset() {
	if len(o.dict) > 0 {
		o.table = [256]int16{}
	}
	o.at, o.which, o.dict = o.at[:0], o.which[:0], o.dict[:0]
}

func (o *oddPoints) add(i int, pt Point) {
	o.at = append(o.at, int64(i))
	h := uint32(pt.Frac)
	for _, c := range pt.Value {
		h = h*16777619 ^ uint32(c)
	}
	slot := &o.table[h>>24^h>>16&255^h&255]
	for ; len(o.dict) < maxDict && *slot != 0; slot = &o.table[h&255] {
		if d := o.dict[*slot-1]; d.Frac == pt.Frac && string(d.Value) == string(pt.Value) {
			o.which = append(o.which, int64(*slot-1))
			return
		}
		h = h*16777619 + 1
	}
	if len(o.dict) < maxDict {
		*slot = int16(len(o.dict) + 1)
	}
	o.which = append(o.which, int64(len(o.dict)))
	o.dict = append(o.dict, pt)
}

// Seal appends the sealed form of an open chunk that has points.
func (e *Encoder) Seal(dst []byte, s *State, buf []byte) []byte {
	b := &e.in
	b.copyOpen(s, buf, 0)
	b.size(int(s.count))
	all := Start(s.params)
	all.walk(b, 0, len(b.ts), math.MaxInt64)
	if s.odd > 0 {
		return e.Encode(dst, e.inPoints(&s.params))
	}
	e.params = s.params
	e.vals = e.vals[:0]
	if s.params.shift == 0 {
		e.vals = append(e.vals, b.val...)
	} else {
		for _, v := range b.val {
			e.vals = append(e.vals, v<<s.params.shift)
		}
	}
	e.odd.reset()
	return e.write(dst)
}

// Cut gives an open chunk as it was with its first n points. It has the same buffer.
func (e *Encoder) Cut(s *State, buf []byte, n int) State {
	b := &e.in
	b.copyOpen(s, buf, 0)
	b.size(n)
	cut := Start(s.params)
	cut.walk(b, 0, n, math.MaxInt64)
	cut.acc = accAt(b.bytes, cut.bits)
	return cut
}

// inPoints gives the points of e.in as texts.
func (e *Encoder) inPoints(p *Params) []Point {
	b := &e.in
	e.points, e.texts = e.points[:0], e.texts[:0]
	for i, ts := range b.ts {
		at := len(e.texts)
		var frac uint8
		e.texts, frac = b.appendText(e.texts, i, p)
		e.points = append(e.points, Point{TS: ts, Frac: frac, Value: e.texts[at:len(e.texts):len(e.texts)]})
	}
	return e.points
}

// Encode appends a sealed chunk of the points, of which there are 1 to MaxPoints and which all are points.
func (e *Encoder) Encode(dst []byte, points []Point) []byte {
	e.params = e.choose(points)
	e.vals = e.vals[:0]
	e.odd.reset()
	e.in.size(len(points))
	for i, pt := range points {
		e.in.ts[i] = pt.TS
		if m, ok := e.regular(i, pt); ok {
			e.vals = append(e.vals, m)
			continue
		}
		if !pt.fits() {
			panic("BUG: chunk: a point that is none: " + strings.ToValidUTF8(string(pt.Value), "?"))
		}
		e.odd.add(i, pt)
	}
	return e.write(dst)
}

// regular gives the mantissa or float of a point, if the chunk's parameters print its text.
func (e *Encoder) regular(i int, pt Point) (m int64, ok bool) {
	p := &e.params
	if pt.Frac != styled(p.style, pt.TS) {
		return 0, false
	}
	if p.float {
		f, ok := parseFloat(pt.Value)
		return int64(math.Float64bits(f)), ok
	}
	if r := &e.recs[i]; r.ok {
		return r.val.Fit(p.dec, p.min)
	}
	return 0, false
}

// Open writes the points, of which there is at least one, as an open chunk into buf, with the parameters that suit
// them. It reports false when buf is too short: MaxSize is enough.
func (e *Encoder) Open(buf []byte, points []Point) (s State, ok bool) {
	p := e.choose(points)
	e.params = p
	e.vals = e.vals[:0]
	for i, pt := range points {
		if m, ok := e.regular(i, pt); ok {
			e.vals = append(e.vals, m)
		}
	}
	p.chooseBits(e.vals)
	e.params = p
	s = Start(p)
	for _, pt := range points {
		if !s.Append(buf, pt) {
			return s, false
		}
	}
	return s, true
}

// MaxSize is the most bytes that points can take in an open chunk.
func MaxSize(points []Point) int {
	n := 0
	for _, p := range points {
		n += 24 + len(p.Value)
	}
	return n
}

// write appends the chunk that stands in e.in.ts, e.vals and e.odd.
func (e *Encoder) write(dst []byte) []byte {
	ts, p := e.in.ts, &e.params
	head := byte(version<<4) | p.style
	if len(e.odd.at) > 0 {
		head |= 8
	}
	dst = appendUnsigned(append(dst, head), uint64(len(ts)-1))
	if len(e.odd.at) > 0 { // times of other styles are no whole units: in ms
		dst = e.cols.append(dst, ts, true, linear, delta)
		dst = e.writeOdd(dst, len(ts))
	} else {
		if unit := unitMillis[p.style]; unit == 1000 {
			for i := range ts {
				ts[i] /= 1000
			}
		} else if unit > 1 {
			for i := range ts {
				ts[i] /= unit
			}
		}
		dst = e.cols.append(dst, ts, false, linear, delta)
	}
	if len(e.vals) == 0 {
		return dst
	}
	dst = e.writeValues(dst)
	p.chooseBits(e.vals)
	return dst
}

// writeOdd writes where the odd points are, the dictionary of their texts, and which of them each has.
func (e *Encoder) writeOdd(dst []byte, n int) []byte {
	o := &e.odd
	dst = appendUnsigned(dst, uint64(len(o.at)-1))
	if len(o.at) < n {
		dst = e.cols.append(dst, o.at, false, delta)
	}
	dst = appendUnsigned(dst, uint64(len(o.dict)-1))
	for _, d := range o.dict {
		dst = appendUnsigned(dst, uint64(len(d.Value)-1)<<2|uint64(d.Frac))
		dst = append(dst, d.Value...)
	}
	clear(o.dict) // it must not keep the caller's memory alive
	return e.cols.append(dst, o.which, false, delta, plain)
}

// writeValues writes the regular values.
func (e *Encoder) writeValues(dst []byte) []byte {
	p := &e.params
	if !p.float {
		dst = append(dst, kindDecimal<<6|p.dec)
		if p.dec > 0 {
			dst = append(dst, p.min)
		}
		return e.cols.append(dst, e.vals, true, delta, plain, dod)
	}
	decs, ok := nearDecimals(e.vals)
	if !ok {
		dst = append(dst, kindFloat<<6)
		return e.cols.append(dst, e.vals, false, delta, plain)
	}
	dst = append(dst, kindNear<<6|byte(decs))
	ulps := e.odd.which[:0]
	mants := e.odd.at[:0]
	for _, v := range e.vals {
		m, u, _ := nearDecimal(v, decs)
		mants = append(mants, m)
		ulps = append(ulps, u)
	}
	e.odd.which, e.odd.at = ulps, mants
	dst = e.cols.append(dst, mants, true, delta, plain, dod)
	return e.cols.append(dst, ulps, false, plain)
}
