package decimal

import (
	"encoding/binary"
	"math/bits"
)

const (
	// MaxDigits is the most digits of a value: an int64 holds any 18, and so do their differences.
	MaxDigits = 18
	// MaxMantissa is the largest mantissa.
	MaxMantissa = 1e18 - 1
)

// Pow10 are the powers of ten.
var Pow10 = [MaxDigits + 1]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	1e16, 1e17, 1e18,
}

// Decimal is a value of the grammar -?(0|[1-9][0-9]*)(\.[0-9]+)? with at most 18 digits, except -0: Mant / 10^Decs.
type Decimal struct {
	Mant int64
	Decs uint8
}

// Long says that a value has more digits than people write: it is probably a float64 in full.
func (v Decimal) Long() bool { return v.Mant >= 1e15 && v.Decs > 0 || v.Mant <= -1e15 && v.Decs > 0 }

// Eight characters at a time, the first in the lowest byte.
const (
	ones   = 0x0101010101010101
	dots   = '.' * ones
	zeroes = '0' * ones
	nibble = 0xf0 * ones
)

// Parse reads a decimal. Texts of up to 8 characters, whose memory goes on to 8 bytes, take no loop and hardly a
// branch that depends on them.
func Parse(b []byte) (v Decimal, ok bool) {
	if len(b) > 8 || len(b) == 0 || cap(b) < 8 || b[0] == '-' {
		return parseAny(b)
	}
	unused := uint(64-8*len(b)) & 63
	x := binary.LittleEndian.Uint64(b[:8])<<unused | zeroes>>1>>(63-unused)
	last := uint(56) // the place after which a leading zero must end
	t := x ^ dots
	if dot := (t - ones) & ^t & (0x80 * ones); dot != 0 {
		at := uint(bits.TrailingZeros64(dot)) &^ 7 // of the dot's lowest bit
		if at == 56 || at == unused {
			return v, false
		}
		v.Decs = uint8(7 - at/8)
		last = at - 8
		x = x>>(at+8)<<(at+8) | x&(1<<at-1)<<8 | '0'
	}
	if b[0] == '0' && unused != last {
		return v, false
	}
	x, ok = digits8(x)
	v.Mant = int64(x)
	return v, ok
}

// parseAny reads any decimal.
func parseAny(b []byte) (v Decimal, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	switch {
	case len(b) == 0 || b[0] == '-' || b[0] == '0' && len(b) > 1 && b[1] != '.':
		return v, false
	case len(b) <= 8 && cap(b) >= 8:
		v, ok = Parse(b)
	default:
		v, ok = parseLong(b)
	}
	if neg {
		ok = ok && v.Mant != 0
		v.Mant = -v.Mant
	}
	return v, ok
}

// digits8 reads eight digits.
func digits8(x uint64) (n uint64, ok bool) {
	if x&nibble|(x+0x06*ones)&nibble>>4 != 0x33*ones {
		return 0, false
	}
	x -= zeroes
	x = x*10 + x>>8
	const even = 0x000000ff000000ff
	return (x&even*(100+1e6<<32) + x>>16&even*(1+1e4<<32)) >> 32, true
}

// parseLong reads digits and dot of any number of characters.
func parseLong(b []byte) (v Decimal, ok bool) {
	if len(b) > MaxDigits+1 {
		return v, false
	}
	if len(b) >= 9 && len(b) <= 16 { // most are counters
		hi, ok1 := digits8(binary.LittleEndian.Uint64(b)<<(8*(16-len(b))) | zeroes>>1>>(8*(len(b)-8)-1))
		lo, ok2 := digits8(binary.LittleEndian.Uint64(b[len(b)-8:]))
		if ok1 && ok2 {
			return Decimal{Mant: int64(hi*1e8 + lo)}, true
		}
	}
	dot := -1
	m, i := int64(0), 0
	for len(b)-i >= 8 {
		n, ok := digits8(binary.LittleEndian.Uint64(b[i:]))
		if !ok {
			break
		}
		m = m*1e8 + int64(n)
		i += 8
	}
	for ; i < len(b); i++ {
		if d := b[i] - '0'; d <= 9 {
			m = m*10 + int64(d)
			continue
		}
		if b[i] != '.' || dot >= 0 || i == 0 {
			return v, false
		}
		dot = i
	}
	switch {
	case dot < 0 && len(b) > MaxDigits, dot == len(b)-1:
		return v, false
	case dot >= 0:
		v.Decs = uint8(len(b) - 1 - dot)
	}
	v.Mant = m
	return v, true
}

// Fit gives v scaled to dec decimals, if what is then printed is v's text.
func (v Decimal) Fit(dec, least uint8) (mant int64, ok bool) {
	if v.Decs != least && (v.Decs < least || v.Decs > dec || v.Mant%10 == 0) {
		return 0, false
	}
	if v.Decs == dec {
		return v.Mant, true
	}
	up := dec - v.Decs
	if limit := Pow10[MaxDigits-up]; v.Mant >= limit || v.Mant <= -limit {
		return 0, false
	}
	return v.Mant * Pow10[up], true
}

// Append prints a mantissa: dec decimals, then without trailing zeros down to least.
func Append(dst []byte, m int64, dec, least uint8) []byte {
	u := uint64(m)
	if m < 0 {
		dst = append(dst, '-')
		u = -u
	}
	if u >= 1e7 || dec > 6 {
		return appendLong(dst, u, dec, least)
	}
	z := eightDigits(u)
	skip := min(uint(bits.TrailingZeros64(z))>>3, uint(7-dec)) // at least one digit before the dot
	strip := min(uint(bits.LeadingZeros64(z))>>3, uint(dec-least))
	z = (z | zeroes) >> (8 * skip)
	n := 8 - skip - strip
	if decs := uint(dec) - strip; decs > 0 {
		at := 8 * (n - decs)
		z = z&(1<<at-1) | '.'<<at | z>>at<<at<<8
		n++
	}
	if end := len(dst) + 8; end <= cap(dst) {
		binary.LittleEndian.PutUint64(dst[len(dst):end], z)
		return dst[:len(dst)+int(n)]
	}
	var text [8]byte
	binary.LittleEndian.PutUint64(text[:], z)
	return append(dst, text[:n]...)
}

// eightDigits gives the digits of u < 10^8 as numbers 0 to 9, the first in the lowest byte.
func eightDigits(u uint64) uint64 {
	x := u/1e4 | u%1e4<<32
	q := x * 10486 >> 20 & 0x0000007f0000007f
	x = (x-q*100)<<16 | q
	q = x * 103 >> 10 & 0x000f000f000f000f
	return (x-q*10)<<8 | q
}

// appendLong prints any mantissa.
func appendLong(dst []byte, u uint64, dec, least uint8) []byte {
	for dec > least && u%10 == 0 {
		u /= 10
		dec--
	}
	var buf [32]byte
	i := len(buf)
	for {
		i -= 8
		binary.LittleEndian.PutUint64(buf[i:], eightDigits(u%1e8)|zeroes)
		u /= 1e8
		if u == 0 {
			break
		}
	}
	from := i // of the digits, of which the first are zeros
	for from < len(buf)-1-int(dec) && buf[from] == '0' {
		from++
	}
	for from > len(buf)-1-int(dec) { // small numbers of many decimals
		from--
		buf[from] = '0'
	}
	dst = append(dst, buf[from:len(buf)-int(dec)]...)
	if dec > 0 {
		dst = append(dst, '.')
		dst = append(dst, buf[len(buf)-int(dec):]...)
	}
	return dst
}
