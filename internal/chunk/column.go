package chunk

import (
	"math/bits"

	"github.com/dunlin-db/dunlin/internal/varint"
)

// How the values of a column are taken apart before they are packed: docs/format/chunk.md.
const (
	plain  = iota // distance from the first
	delta         // distance from the one before
	dod           // distance from what the slope before predicts
	linear        // distance from a line
)

// How what is left is packed.
const (
	radix  = iota // numbers of one range, some to a word
	rice          // short codes for what is near to a centre
	sparse        // one value, and a list of the others
)

const (
	maxWord    = 57 // bits of a word of several numbers: what one load gives
	maxGroup   = 8  // numbers of a word
	riceEscape = 24 // ones in a row after which a number follows in full
)

// stats are what is known about the remainders of a column.
type stats struct {
	center    int64
	low, high int64 // of all
	others    int   // that are not center
	oLow      int64 // of the others
	oHigh     int64
	lens      uint // sum of the bit lengths of the distances from center
}

func measure(r []int64) stats {
	s := stats{center: median(r)}
	s.oLow, s.oHigh = 1<<63-1, -1<<63
	for _, v := range r {
		if d := v - s.center; d != 0 {
			s.others++
			s.oLow, s.oHigh = min(s.oLow, v), max(s.oHigh, v)
			s.lens += uint(bits.Len64(varint.Zigzag(d)))
		}
	}
	s.low, s.high = s.center, s.center
	if s.others > 0 {
		s.low, s.high = min(s.low, s.oLow), max(s.high, s.oHigh)
	}
	return s
}

// median gives the middle one of some of r.
func median(r []int64) int64 {
	var some [15]int64
	n := min(len(r), len(some))
	for i := range n {
		v := r[i*len(r)/n]
		j := i
		for ; j > 0 && some[j-1] > v; j-- {
			some[j] = some[j-1]
		}
		some[j] = v
	}
	return some[n/2]
}

// group gives how many numbers below size go into one word, and its bits: the fewest bits each.
func group(size uint64) (n, width uint) {
	n, width = 1, bitLen(size-1)
	if size&(size-1) == 0 || width > maxWord/2 {
		return n, width
	}
	power := size
	for g := uint(2); g <= maxGroup; g++ {
		hi, lo := bits.Mul64(power, size)
		w := bitLen(lo - 1)
		if hi != 0 || w > maxWord {
			break
		}
		power = lo
		if w*n < width*g {
			n, width = g, w
		}
	}
	return n, width
}

// radixBits is what n numbers of a range take, without their header.
func radixBits(low, high int64, n int) int {
	size := uint64(high-low) + 1
	if size == 0 {
		return 64 * n
	}
	g, w := group(size)
	return (n + int(g) - 1) / int(g) * int(w)
}

// gapBits is the parameter of the gaps between the others of a sparse column.
func gapBits(n, others int) uint { return bitLen(uint64(n*11/(16*max(others, 1)))|1) - 1 }

func (s *stats) sparseBits(n int) int {
	if s.others == 0 {
		return 0
	}
	return 16 + s.others*(int(gapBits(n, s.others))+2) + radixBits(s.oLow, s.oHigh, s.others)
}

// guess is about what the remainders take in the best packing.
func (s *stats) guess(n int) int {
	return min(radixBits(s.low, s.high, n), s.sparseBits(n), int(s.lens)+n*3/2)
}

// columnBuilder packs columns. Its memory is used again.
type columnBuilder struct {
	y   []int64
	rem [4][]int64
	st  [4]stats
}

// append packs x, of which there is at least one. Of the orders it tries those that are named.
func (c *columnBuilder) append(dst []byte, x []int64, factor bool, orders ...uint8) []byte {
	n := len(x)
	if n == 1 {
		return varint.AppendSigned(append(dst, 0), x[0])
	}
	c.reset(n)
	first := x[0]
	for i, v := range x {
		c.y[i] = v - first
	}
	g := int64(1)
	if factor {
		g = c.divide()
	}
	order, slope := c.choose(orders)
	st, r := &c.st[order], c.rem[order]
	pack, k := choosePacking(st, r)
	head := pack<<6 | order<<4
	if g > 1 {
		head |= 8
	}
	size, low, numbers := uint64(st.high-st.low)+1, st.low, len(r)
	if pack == sparse {
		size, low, numbers = uint64(st.oHigh-st.oLow)+1, st.oLow, st.others
	}
	width := group1
	if pack != rice && numbers > 0 && size != 0 {
		width.n, width.bits = group(size)
		head |= uint8(width.n - 1)
	}
	dst = varint.AppendSigned(append(dst, head), first)
	if g > 1 {
		dst = appendUnsigned(dst, uint64(g))
	}
	if order >= dod {
		dst = varint.AppendSigned(dst, slope)
	}
	p := packer{out: bitWriter{dst: dst}, low: low, size: size, word: width}
	switch pack {
	case radix:
		p.header()
		p.radix(r)
	case rice:
		p.out.dst = append(varint.AppendSigned(p.out.dst, st.center), uint8(k))
		for _, v := range r {
			p.rice(varint.Zigzag(v-st.center), k)
		}
	default:
		p.sparse(r, st)
	}
	return p.out.finish()
}

func (c *columnBuilder) reset(n int) {
	if cap(c.y) < n {
		c.y = make([]int64, n)
		for i := range c.rem {
			c.rem[i] = make([]int64, n)
		}
	}
	c.y = c.y[:n]
	for i := range c.rem {
		c.rem[i] = c.rem[i][:n-1]
	}
}

// divide takes the common factor out of c.y.
func (c *columnBuilder) divide() int64 {
	g := uint64(0)
	for i := len(c.y) - 1; i > 0 && g != 1; i-- {
		u := uint64(c.y[i])
		if c.y[i] < 0 {
			u = -u
		}
		if g == 0 || u%g != 0 {
			g = gcd(u, g)
		}
	}
	if g <= 1 || g > 1<<62 {
		return 1
	}
	if g&(g-1) == 0 {
		shift := bits.TrailingZeros64(g)
		for i := range c.y {
			c.y[i] >>= shift
		}
		return int64(g)
	}
	for i := range c.y {
		c.y[i] /= int64(g)
	}
	return int64(g)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// choose gives the order under which the remainders are shortest.
func (c *columnBuilder) choose(orders []uint8) (order uint8, slope int64) {
	best := -1
	for _, o := range orders {
		s := c.remainders(o)
		c.st[o] = measure(c.rem[o])
		cost := c.st[o].guess(len(c.rem[o]))
		if o >= dod {
			cost += 8
		}
		if best < 0 || cost < best {
			best, order, slope = cost, o, s
		}
		if cost == 0 {
			break
		}
	}
	return order, slope
}

// remainders writes those of an order. Differences wrap around; reading them wraps back.
func (c *columnBuilder) remainders(order uint8) (slope int64) {
	y := c.y
	r := c.rem[order][:len(y)-1]
	switch order {
	case plain:
		copy(r, y[1:])
	case delta:
		for i := range r {
			r[i] = y[i+1] - y[i]
		}
	case dod:
		slope = y[1]
		before := slope
		for i := range r {
			d := y[i+1] - y[i]
			r[i] = d - before
			before = d
		}
	case linear:
		for i := range r {
			r[i] = y[i+1] - y[i]
		}
		slope = median(r)
		line := int64(0)
		for i := range r {
			line += slope
			r[i] = y[i+1] - line
		}
	}
	return slope
}

// choosePacking gives the packing of the fewest bits, and the parameter of the short codes.
func choosePacking(s *stats, r []int64) (pack uint8, k uint) {
	n := len(r)
	best := radixBits(s.low, s.high, n)
	if c := s.sparseBits(n); c < best {
		best, pack = c, sparse
	}
	if s.others == 0 || int(s.lens)+n/2 > best {
		return pack, 0
	}
	mean := s.lens / uint(n)
	for try := max(mean, 2) - 2; try <= mean && try < 60; try++ {
		c := 8 + n*int(try+1)
		for _, v := range r {
			q := varint.Zigzag(v-s.center) >> try
			if q >= riceEscape {
				q = riceEscape + 64
			}
			c += int(q)
		}
		if c < best {
			best, pack, k = c, rice, try
		}
	}
	return pack, k
}
