package chunk

const (
	version    = 1
	headerSize = 7
	// defaultBits is the width class for values of a chunk whose data is not known yet.
	defaultBits = 6
	maxBits     = 62
)

// params are how a chunk writes its regular points.
type params struct {
	frac  uint8 // fraction digits of the timestamps, 0 to 3: the unit of time
	dod   bool  // values are predicted by their last slope, not only by the last value
	dec   uint8 // decimals of the mantissas, 0 to 18
	min   uint8 // decimals that are printed even when they are zeros, ≤ dec
	k     uint8 // bits of the shortest class of value differences, 0 to 62
	shift uint8 // trailing zero bits that all mantissas have, 0 to 62
}

// unitMillis is the unit of time for each number of fraction digits.
var unitMillis = [4]int64{1000, 100, 10, 1}

func (p params) put(buf []byte, count uint16) {
	b := byte(version<<4) | p.frac
	if p.dod {
		b |= 4
	}
	buf[0], buf[1], buf[2], buf[3], buf[4] = b, p.dec, p.min, p.k, p.shift
	putCount(buf, count)
}

func putCount(buf []byte, count uint16) { buf[5], buf[6] = byte(count), byte(count>>8) }

func readParams(buf []byte) params {
	b := buf[0]
	return params{frac: b & 3, dod: b&4 != 0, dec: buf[1], min: buf[2], k: buf[3], shift: buf[4]}
}

// header reads and checks the header of bytes from anywhere.
func header(buf []byte) (p params, count int, ok bool) {
	if len(buf) < headerSize || buf[0]&^7 != version<<4 {
		return p, 0, false
	}
	p = readParams(buf)
	if p.dec > maxDigits || p.min > p.dec || p.k > maxBits || p.shift > maxBits {
		return p, 0, false
	}
	return p, int(buf[5]) | int(buf[6])<<8, true
}

// record is a point as choose sees it.
type record struct {
	at  int64 // ms
	val decimal
	ok  bool // the value is a decimal
}

// choose finds the parameters under which the points take the fewest bits, near enough.
func choose(points []Point) params {
	var local [256]record
	recs := local[:0]
	var fracs [4]int
	for _, p := range points {
		v, ok := parseDecimal(p.Value)
		recs = append(recs, record{val: v, ok: ok})
		fracs[p.Frac&3]++
	}
	p := params{k: defaultBits}
	for f := range fracs {
		if fracs[f] > fracs[p.frac] {
			p.frac = uint8(f)
		}
	}
	n := 0 // odd ones out
	for i := range recs {
		if recs[i].ok && points[i].Frac == p.frac {
			recs[n] = recs[i]
			n++
		}
	}
	recs = recs[:n]
	p.chooseDecimals(recs)
	p.chooseShift(recs)
	p.chooseBits(recs)
	return p
}

// chooseDecimals weighs every pair of decimal counts that occurs: an odd point costs about 100 bits, a decimal more
// than needed a third of a digit's bits (differences scale less than values).
func (p *params) chooseDecimals(recs []record) {
	var count, zero [maxDigits + 1]int // by decimals; zero: of these, ending in '0'
	var digits [maxDigits + 1]int64    // largest mantissa
	for _, r := range recs {
		d := r.val.decs
		count[d]++
		if r.val.mant%10 == 0 {
			zero[d]++
		}
		digits[d] = max(digits[d], r.val.mant, -r.val.mant)
	}
	best := int(^uint(0) >> 1)
	for lo := range count {
		for hi := lo; hi <= maxDigits; hi++ {
			if count[lo] == 0 || count[hi] == 0 {
				continue
			}
			odd := 0
			for d := range count {
				switch {
				case d < lo || d > hi || digits[d] > maxMantissa/pow10[hi-d]:
					odd += count[d]
				case d > lo:
					odd += zero[d]
				}
			}
			if cost := odd*100 + (len(recs)-odd)*hi; cost < best {
				best, p.min, p.dec = cost, uint8(lo), uint8(hi)
			}
		}
	}
}

func (p *params) chooseShift(recs []record) {
	all := uint64(0)
	for _, r := range recs {
		if m, ok := p.fit(r.val); ok {
			all |= uint64(m)
		}
	}
	for all != 0 && all&1 == 0 {
		all >>= 1
		p.shift++
	}
}

func (p *params) chooseBits(recs []record) {
	var plain, slope [65]int // by bit length of what is stored for a difference; differences of 0 are free
	last, step, n := int64(0), int64(0), 0
	for _, r := range recs {
		m, ok := p.fit(r.val)
		if !ok {
			continue
		}
		d := m - last
		if n > 0 {
			if d != 0 {
				plain[bitLen(zigzag(d)-1)]++
			}
			if d != step {
				slope[bitLen(zigzag(d-step)-1)]++
			}
			step = d
		}
		last = m
		n++
	}
	k1, cost1 := bestBits(&plain)
	k2, cost2 := bestBits(&slope)
	p.k, p.dod = k1, false
	if cost2 < cost1 {
		p.k, p.dod = k2, true
	}
}

func bestBits(hist *[65]int) (k uint8, cost int) {
	lo, hi := uint8(64), uint8(0)
	for b := range uint8(65) {
		if hist[b] > 0 {
			lo, hi = min(lo, b), max(hi, b)
		}
	}
	k, cost = 0, 0
	if lo > hi {
		return k, cost
	}
	cost = int(^uint(0) >> 1)
	for try := max(int(lo)-2, 0); try <= int(min(hi, maxBits)); try++ {
		c := 0
		for b := lo; b <= hi; b++ {
			c += hist[b] * valueBits(b, uint8(try))
		}
		if c < cost {
			k, cost = uint8(try), c
		}
	}
	return k, cost
}

// valueBits is what a difference other than 0 takes, control bit included.
func valueBits(b, k uint8) int {
	switch {
	case b <= k:
		return 2 + int(k)
	case b <= k+2:
		return 3 + int(k) + 2
	}
	return 9 + int(b)
}
