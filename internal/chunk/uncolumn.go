package chunk

import (
	"math/bits"

	"github.com/dunlin-db/dunlin/internal/varint"
)

// columnReader reads columns from bytes of any origin.
type columnReader struct {
	b    []byte // with slack
	at   int
	bad  bool
	some []int32 // places of the others of a sparse column
}

// end is where the bytes without the slack end.
func (c *columnReader) end() int { return len(c.b) - slack }

func (c *columnReader) varints() varint.Reader { return varint.Reader{B: c.b[:c.end()], At: c.at} }

// read reads a column into x, which is not empty. What it leaves there when it sets bad is anything.
func (c *columnReader) read(x []int64) {
	in := c.varints()
	head := in.Byte()
	first := in.Signed()
	factor := int64(1)
	if head&8 != 0 {
		factor = int64(in.Unsigned())
	}
	order, slope := head>>4&3, int64(0)
	if order >= dod {
		slope = in.Signed()
	}
	c.at = in.At
	c.bad = c.bad || in.Bad
	x[0] = first
	if len(x) == 1 || c.bad {
		return
	}
	r := x[1:]
	switch head >> 6 {
	case radix:
		c.readRadix(r, uint(head&7)+1)
	case rice:
		c.readRice(r)
	case sparse:
		c.readSparse(r, uint(head&7)+1)
	default:
		c.bad = true
	}
	if factor == 1 {
		restore(r, order, slope, first)
		return
	}
	restore(r, order, slope, 0)
	for i := range r {
		r[i] = r[i]*factor + first
	}
}

// restore makes numbers of the remainders; y is the number before them.
func restore(r []int64, order uint8, slope, y int64) {
	switch order {
	case plain:
		for i := range r {
			r[i] += y
		}
	case delta:
		for i, v := range r {
			y += v
			r[i] = y
		}
	case dod:
		for i, v := range r {
			slope += v
			y += slope
			r[i] = y
		}
	case linear:
		for i, v := range r {
			y += slope
			r[i] = v + y
		}
	}
}

// unpacker begins to read bits where numbers were read up to.
func (c *columnReader) unpacker(in *varint.Reader) unpacker {
	c.at = in.At
	c.bad = c.bad || in.Bad
	return unpacker{b: c.b, at: uint64(in.At) * 8}
}

// done goes on after the bits.
func (c *columnReader) done(u *unpacker) {
	end := (u.at + 7) / 8
	if end > uint64(c.end()) {
		c.bad = true
		return
	}
	c.at = int(end)
}

// span reads the range of the numbers that follow, of which n go into a word.
func (c *columnReader) span(in *varint.Reader, n uint) (low int64, size uint64, w word) {
	low, size = in.Signed(), in.Unsigned()+1
	if n == 1 {
		return low, size, word{1, bitLen(size - 1)}
	}
	power := size
	for range n - 1 {
		hi, lo := bits.Mul64(power, size)
		if power = lo; hi != 0 || power == 0 {
			c.bad = true
			return low, 1, word{1, 0}
		}
	}
	w = word{n, bitLen(power - 1)}
	if w.bits > maxWord || size < 2 {
		c.bad = true
		return low, 1, word{1, 0}
	}
	return low, size, w
}

func (c *columnReader) readRadix(r []int64, n uint) {
	in := c.varints()
	low, size, w := c.span(&in, n)
	u := c.unpacker(&in)
	if c.bad {
		return
	}
	u.low, u.size, u.word = low, size, w
	u.radix(r)
	c.done(&u)
}

func (c *columnReader) readRice(r []int64) {
	in := c.varints()
	center, k := in.Signed(), uint(in.Byte())
	u := c.unpacker(&in)
	if c.bad = c.bad || k > 63; c.bad {
		return
	}
	for i := range r {
		r[i] = center + varint.Unzigzag(u.rice(k))
	}
	c.done(&u)
}

func (c *columnReader) readSparse(r []int64, n uint) {
	in := c.varints()
	center, others := in.Signed(), in.Unsigned()
	for i := range r {
		r[i] = center
	}
	if others == 0 {
		c.unpacker(&in)
		return
	}
	low, size, w := c.span(&in, n)
	u := c.unpacker(&in)
	if c.bad = c.bad || others > uint64(len(r)); c.bad {
		return
	}
	k := gapBits(len(r), int(others))
	c.some = c.some[:0]
	at := uint64(0)
	for range others {
		gap := u.rice(k)
		if at += gap; gap >= uint64(len(r)) || at >= uint64(len(r)) {
			c.bad = true
			return
		}
		c.some = append(c.some, int32(at))
		at++
	}
	u.low, u.size, u.word = low, size, w
	var local [64]int64
	batch := len(local) / int(w.n) * int(w.n)
	for some := c.some; len(some) > 0; {
		take := min(batch, len(some))
		u.radix(local[:take])
		for i, place := range some[:take] {
			r[place] = local[i]
		}
		some = some[take:]
	}
	c.done(&u)
}
