package chunk

import (
	"math"
	"slices"
	"sort"

	"github.com/dunlin-db/dunlin/internal/decimal"
)

// Reader decodes a chunk: for r.Next() { r.TS, r.Frac, r.AppendValue(nil) }, then r.Err. It keeps a copy of the
// chunk's bytes, so these may change once it was reset.
type Reader struct {
	TS   int64 // ms, of the current point
	Frac uint8 // fraction digits of the current point's timestamp

	b      block
	i, n   int // the current point is i-1; n are there
	alike  int // points before it are decoded, and have the Frac that is there
	params Params
	sealed bool
	odd    bool // there are odd points, not yet decoded
	values bool // they are decoded
	cols   columnReader
	near   []int64 // distances of a column of short decimals
	dict   []dictEntry
	err    error
}

// dictEntry is a text of the dictionary: its place in the bytes, its length, and the fraction digits of its time.
type dictEntry struct {
	at   uint32
	n    uint8
	frac uint8
}

// Reset makes r read a sealed chunk; bytes after it do not matter. It decodes the times.
func (r *Reader) Reset(sealed []byte) {
	r.reset(true)
	r.b.bytes = append(append(r.b.bytes[:0], sealed...), make([]byte, slack)...)
	r.cols.b, r.cols.at, r.cols.bad = r.b.bytes, 0, false
	in := r.cols.varints()
	head, last := in.Byte(), in.Unsigned()
	r.params = Params{style: head & 7}
	if in.Bad || head>>4 != version || r.params.style > shortest || last >= MaxPoints {
		r.fail()
		return
	}
	r.cols.at = in.At
	r.n = int(last) + 1
	r.b.size(r.n)
	ts := r.b.ts
	r.cols.read(ts)
	unit := unitMillis[r.params.style]
	if head&8 != 0 {
		unit = 1
	}
	wrong, newest := int64(0), maxTS/unit // negative if a time is outside
	for i, t := range ts {
		wrong |= t | (newest - t)
		ts[i] = t * unit
	}
	if wrong < 0 || r.cols.bad {
		r.fail()
		return
	}
	r.odd = head&8 != 0
}

// ResetOpen makes r read an open chunk.
func (r *Reader) ResetOpen(s *State, buf []byte) {
	r.reset(false)
	r.b.copyOpen(s, buf, 0)
	r.params = s.params
	r.n = int(s.count)
	r.b.size(r.n)
	all := Start(s.params)
	if all.walk(&r.b, 0, r.n, math.MaxInt64) < r.n || all.bits != s.bits {
		r.fail()
	}
	r.values = true
}

func (r *Reader) reset(sealed bool) {
	r.TS, r.Frac, r.i, r.n, r.alike, r.err = 0, 0, 0, 0, 0, nil
	r.sealed, r.values, r.odd = sealed, false, false
}

func (r *Reader) fail() { r.n, r.i, r.alike, r.err = 0, 0, 0, ErrCorrupt }

// Err is ErrCorrupt or nil.
func (r *Reader) Err() error { return r.err }

// Len is the number of points of the chunk.
func (r *Reader) Len() int { return r.n }

// Left is the number of points after the current one.
func (r *Reader) Left() int { return r.n - r.i }

// Next goes to the next point. It reports false at the end and on damage.
func (r *Reader) Next() bool {
	if r.i < r.alike {
		r.TS = r.b.ts[r.i]
		r.i++
		return true
	}
	return r.nextAny()
}

func (r *Reader) nextAny() bool {
	if r.i >= r.n || !r.values && !r.decodeValues() {
		return false
	}
	r.at(r.i)
	r.i++
	if len(r.b.odd) == 0 && r.params.style != shortest {
		r.alike = r.n
	}
	return true
}

// At goes to point i, from 0. It reports false when there is none, and on damage.
func (r *Reader) At(i int) bool {
	if i < 0 || i >= r.n {
		return false
	}
	r.i = i
	return r.Next()
}

// Points appends the points from one on, with their values in text, which is appended to. There may be fewer on damage.
func (r *Reader) Points(dst []Point, text []byte, from int) ([]Point, []byte) {
	text = slices.Grow(text, 64*(r.n-from+1)) // where it is not enough, what was given out stays
	for more := r.At(from); more; more = r.Next() {
		at := len(text)
		text = r.AppendValue(text)
		dst = append(dst, Point{TS: r.TS, Frac: r.Frac, Value: text[at:len(text):len(text)]})
	}
	return dst, text
}

// Time gives the timestamp of point i in ms, without going there and without decoding values.
func (r *Reader) Time(i int) int64 { return r.b.ts[i] }

// Search gives the first point whose timestamp is ts or later, or Len. No values are decoded.
func (r *Reader) Search(ts int64) int {
	all := r.b.ts[:r.n]
	return sort.Search(len(all), func(i int) bool { return all[i] >= ts })
}

// aGap is how many times the last interval one is that something may belong into.
const aGap = 16

// Split says how many of the points are to be sealed, of a chunk into which points came late, when one of a time comes:
// not the newest few, nor what is behind that time, or else behind the last gap. It is few at least.
func (r *Reader) Split(ts int64, few int) int {
	all, n := r.b.ts[:r.n], r.n-few
	if ts <= all[r.n-1] {
		return max(min(n, r.Search(ts)), few)
	}
	gap := aGap * (all[r.n-1] - all[r.n-2])
	for i := r.n - 2; gap > 0 && i > few; i-- {
		if all[i]-all[i-1] > gap {
			return min(n, i)
		}
	}
	return n
}

// SeekTime makes Next go to the first point whose timestamp is ts or later.
func (r *Reader) SeekTime(ts int64) { r.i = r.Search(ts) }

func (r *Reader) at(i int) {
	r.TS = r.b.ts[i]
	switch {
	case !r.b.isOdd(i):
		r.Frac = styled(r.params.style, r.TS)
	case r.sealed:
		r.Frac = r.dict[r.b.val[i]].frac
	default:
		r.Frac = uint8(load(r.b.bytes, uint64(r.b.val[i])) >> 62)
	}
}

// AppendValue appends the text of the current point's value.
func (r *Reader) AppendValue(dst []byte) []byte {
	i := r.i - 1
	if r.b.isOdd(i) {
		if r.sealed {
			d := r.dict[r.b.val[i]]
			return append(dst, r.b.bytes[d.at:d.at+uint32(d.n)]...)
		}
		_, dst = readText(r.b.bytes, uint64(r.b.val[i]), dst)
		return dst
	}
	return r.params.appendValue(dst, r.b.val[i])
}

// decodeValues decodes all that comes after the times.
func (r *Reader) decodeValues() bool {
	regular := r.n
	if r.odd {
		regular = r.readOdd()
	}
	if !r.cols.bad && regular > 0 {
		r.readValues(r.b.val[:regular])
	}
	if r.cols.bad {
		r.fail()
		return false
	}
	if r.odd {
		r.mingle(regular)
	}
	r.values = true
	return true
}

// readOdd reads places, texts and choices of the odd points, and gives how many points are not odd.
func (r *Reader) readOdd() (regular int) {
	c := &r.cols
	in := c.varints()
	last := in.Unsigned()
	if in.Bad || last >= uint64(r.n) {
		c.bad = true
		return 0
	}
	n := int(last) + 1
	if cap(r.near) < 2*n {
		r.near = make([]int64, 2*n)
	}
	places, which := r.near[:n], r.near[n:2*n]
	c.at = in.At
	if n < r.n {
		c.read(places)
	} else {
		for i := range places {
			places[i] = int64(i)
		}
	}
	r.readDict()
	if c.bad {
		return 0
	}
	c.read(which)
	before := int64(-1)
	for i, p := range places {
		if p <= before || p >= int64(r.n) || uint64(which[i]) >= uint64(len(r.dict)) {
			c.bad = true
			return 0
		}
		before = p
		r.b.markOdd(int(p))
	}
	return r.n - n
}

func (r *Reader) readDict() {
	c := &r.cols
	in := c.varints()
	last := in.Unsigned()
	r.dict = r.dict[:0]
	for i := uint64(0); i <= last && !in.Bad; i++ {
		head := in.Unsigned()
		n := head>>2 + 1
		if in.Bad || n > MaxValue || int(n) > in.Left() {
			c.bad = true
			return
		}
		r.dict = append(r.dict, dictEntry{uint32(in.At), uint8(n), uint8(head & 3)})
		in.At += int(n)
	}
	c.at = in.At
	c.bad = c.bad || in.Bad
}

// mingle puts the odd points between the regular ones.
func (r *Reader) mingle(regular int) {
	n := r.n - regular
	places, which := r.near[:n], r.near[n:2*n]
	to := r.n
	for i := n - 1; i >= 0; i-- {
		for to-1 > int(places[i]) {
			to--
			regular--
			r.b.val[to] = r.b.val[regular]
		}
		to--
		r.b.val[to] = which[i]
	}
}

// readValues reads the values of the regular points.
func (r *Reader) readValues(val []int64) {
	c := &r.cols
	in := c.varints()
	head := in.Byte()
	decs := head & 31
	r.params.float = head>>6 != kindDecimal
	r.params.dec, r.params.min = decs, 0
	if head>>6 == kindDecimal && decs > 0 {
		r.params.min = in.Byte()
	}
	c.at = in.At
	if c.bad = c.bad || in.Bad || decs > decimal.MaxDigits || r.params.min > decs || head&32 != 0; c.bad {
		return
	}
	c.read(val)
	switch head >> 6 {
	case kindDecimal:
		return
	case kindFloat:
	case kindNear:
		r.readNear(val, int(decs))
	default:
		c.bad = true
	}
	for _, v := range val {
		c.bad = c.bad || !plainFloat(math.Float64frombits(uint64(v)))
	}
}

// readNear makes floats of mantissas and the distances that follow.
func (r *Reader) readNear(val []int64, decs int) {
	c := &r.cols
	if c.bad = c.bad || decs > maxUlpDecs; c.bad {
		return
	}
	old := len(r.near)
	need := 2*(r.n-len(val)) + len(val)
	if cap(r.near) < need {
		bigger := make([]int64, need)
		copy(bigger, r.near[:old])
		r.near = bigger
	}
	ulps := r.near[need-len(val) : need]
	c.read(ulps)
	for i, m := range val {
		val[i] = ulpBase(m, decs) + ulps[i]
	}
}
