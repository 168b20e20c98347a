package chunk

import (
	"github.com/dunlin-db/dunlin/internal/decimal"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// record is a regular point as the choice of parameters sees it.
type record struct {
	val decimal.Decimal
	ok  bool // the value is a decimal
}

// chooseStyle gives the style of time that suits most points.
func chooseStyle(points []Point) uint8 {
	var count [5]int
	for _, p := range points {
		count[p.Frac&3]++
		if p.Frac == fracFor(p.TS) {
			count[shortest]++
		}
	}
	best := uint8(0)
	for s := range count {
		if count[s] > count[best] {
			best = uint8(s)
		}
	}
	return best
}

// chooseDecimals weighs every pair of decimal counts that occurs: an odd point costs about 100 bits, a decimal more
// than needed a third of a digit's bits (differences scale less than values).
func chooseDecimals(recs []record) (dec, least uint8) {
	var count, zero [decimal.MaxDigits + 1]int // by decimals; zero: of these, ending in '0'
	var digits [decimal.MaxDigits + 1]int64    // largest mantissa
	for _, r := range recs {
		if !r.ok {
			continue
		}
		d := r.val.Decs
		count[d]++
		if r.val.Mant%10 == 0 {
			zero[d]++
		}
		digits[d] = max(digits[d], r.val.Mant, -r.val.Mant)
	}
	best := int(^uint(0) >> 1)
	for lo := range count {
		for hi := lo; hi <= decimal.MaxDigits; hi++ {
			if count[lo] == 0 || count[hi] == 0 {
				continue
			}
			odd := 0
			for d := range count {
				switch {
				case d < lo || d > hi || digits[d] > decimal.MaxMantissa/decimal.Pow10[hi-d]:
					odd += count[d]
				case d > lo:
					odd += zero[d]
				}
			}
			if cost := odd*100 + (len(recs)-odd)*hi; cost < best {
				best, least, dec = cost, uint8(lo), uint8(hi)
			}
		}
	}
	return dec, least
}

// choose gives the parameters under which points take the fewest bits, near enough; those of values are for open
// chunks alone and are not set.
func (e *Encoder) choose(points []Point) Params {
	p := Params{style: chooseStyle(points), k: defaultBits}
	e.recs = e.recs[:0]
	long := 0
	for _, pt := range points {
		v, ok := decimal.Parse(pt.Value)
		e.recs = append(e.recs, record{v, ok})
		if ok && v.Long() || !ok && len(pt.Value) > decimal.MaxDigits {
			long++
		}
	}
	if long*4 > len(points) {
		floats := 0
		for _, pt := range points {
			if _, ok := parseFloat(pt.Value); ok {
				floats++
			}
		}
		p.float = floats*4 > len(points)*3
	}
	if !p.float {
		p.dec, p.min = chooseDecimals(e.recs)
	}
	return p
}

// chooseBits sets the parameters of values for an open chunk of values like these: shift, prediction, width.
func (p *Params) chooseBits(vals []int64) {
	all := uint64(0)
	for _, v := range vals {
		all |= uint64(v)
	}
	p.shift = 0
	for ; all != 0 && all&1 == 0 && !p.float; all >>= 1 {
		p.shift++
	}
	var first, second [65]int // by bit length of what is stored for a difference; differences of 0 are free
	every := max(len(vals)/64, 1)
	for i := 2; i < len(vals); i += every {
		a, b, c := vals[i-2]>>p.shift, vals[i-1]>>p.shift, vals[i]>>p.shift
		if d := c - b; d != 0 {
			first[bitLen(varint.Zigzag(d)-1)]++
		}
		if d := c - b - (b - a); d != 0 {
			second[bitLen(varint.Zigzag(d)-1)]++
		}
	}
	k1, cost1 := bestBits(&first)
	k2, cost2 := bestBits(&second)
	p.k, p.dod = k1, false
	if cost2 < cost1 {
		p.k, p.dod = k2, true
	}
	if len(vals) < 3 {
		p.k = defaultBits
	}
}

func bestBits(hist *[65]int) (k uint8, cost int) {
	lo, hi := 64, 0
	for b, n := range hist {
		if n > 0 {
			lo, hi = min(lo, b), max(hi, b)
		}
	}
	if lo > hi {
		return 0, 0
	}
	cost = int(^uint(0) >> 1)
	for try := max(min(lo, maxBits)-2, 0); try <= min(hi, maxBits); try++ {
		c := 0
		for b := lo; b <= hi; b++ {
			c += hist[b] * valueBits(b, try)
		}
		if c < cost {
			k, cost = uint8(try), c
		}
	}
	return k, cost
}

// valueBits is what a difference other than 0 takes, control bits included.
func valueBits(b, k int) int {
	switch {
	case b <= k:
		return 3 + k
	case b <= k+2:
		return 4 + k + 2
	}
	return 10 + b
}
