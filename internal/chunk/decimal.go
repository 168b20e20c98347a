package chunk

import "math/bits"

const (
	maxDigits   = 18                  // an int64 holds any 18 digits, and so do their differences
	maxMantissa = 1e18 - 1            //
	maxTS       = 253402300800000 - 1 // ms, the end of the year 9999
)

var pow10 = [maxDigits + 1]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	1e16, 1e17, 1e18,
}

// decimal is a value of the grammar -?(0|[1-9][0-9]*)(\.[0-9]+)? with at most 18 digits, except -0: mant / 10^decs.
type decimal struct {
	mant int64
	decs uint8
}

func parseDecimal(b []byte) (v decimal, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	// One dot and 18 digits at most; a leading zero only alone before the dot.
	if len(b) == 0 || len(b) > maxDigits+1 || b[0] == '0' && len(b) > 1 && b[1] != '.' {
		return v, false
	}
	dot := -1
	m := int64(0)
	for i, c := range b {
		if d := c - '0'; d <= 9 {
			m = m*10 + int64(d)
			continue
		}
		if c != '.' || dot >= 0 || i == 0 {
			return v, false
		}
		dot = i
	}
	switch {
	case dot < 0 && len(b) > maxDigits, dot == len(b)-1, neg && m == 0:
		return v, false
	case dot >= 0:
		v.decs = uint8(len(b) - 1 - dot)
	}
	v.mant = m
	if neg {
		v.mant = -m
	}
	return v, true
}

// fit gives the stored mantissa of v, if the text that p prints for it is v's.
func (p params) fit(v decimal) (mant int64, ok bool) {
	if v.decs != p.min && (v.decs < p.min || v.decs > p.dec || v.mant%10 == 0) {
		return 0, false
	}
	mant = v.mant
	if v.decs < p.dec {
		f := pow10[p.dec-v.decs]
		if limit := maxMantissa / f; mant > limit || mant < -limit {
			return 0, false
		}
		mant *= f
	}
	stored := mant >> p.shift
	return stored, stored<<p.shift == mant
}

// appendValue prints a stored mantissa: dec decimals, then without trailing zeros down to min.
func (p params) appendValue(dst []byte, stored int64) []byte {
	m := stored << p.shift
	u := uint64(m)
	if m < 0 {
		dst = append(dst, '-')
		u = -u
	}
	decs := p.dec
	for decs > p.min && u%10 == 0 {
		u /= 10
		decs--
	}
	var buf [24]byte // 20 digits of a uint64 and the dot
	i := len(buf)
	for n := uint8(0); u > 0 || n <= decs; n++ {
		if n == decs && n > 0 {
			i--
			buf[i] = '.'
		}
		i--
		buf[i] = byte('0' + u%10)
		u /= 10
	}
	return append(dst, buf[i:]...)
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func bitLen(u uint64) uint8 { return uint8(bits.Len64(u)) }
