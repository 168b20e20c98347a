package series

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// The reasons why a member is refused.
var (
	ErrMember    = errors.New("want ts:value, ts in decimal seconds with at most 3 fraction digits")
	ErrValue     = errors.New("the value must be 1 to 128 bytes of text without control characters")
	ErrScore     = errors.New("the score and the member's timestamp are not the same instant in ms")
	ErrNotPeriod = errors.New("the timestamp is not in the key's period")
)

// Point is one point as its member spells it. Two points are the same point when their members are the same bytes, so
// the number of fraction digits belongs to it.
type Point struct {
	TS    int64  // ms since 1970, UTC
	Frac  uint8  // fraction digits of the timestamp's text, 0 to 3
	Value []byte // text, byte for byte
}

// ParseMember reads ts:value. The value refers to b.
func ParseMember(b []byte) (Point, error) {
	colon := bytes.IndexByte(b[:min(len(b), 17)], ':')
	if colon < 1 {
		return Point{}, ErrMember
	}
	ts, frac, ok := parseTS(b[:colon])
	if !ok {
		return Point{}, ErrMember
	}
	value := b[colon+1:]
	if !CleanValue(value) {
		return Point{}, ErrValue
	}
	return Point{TS: ts, Frac: frac, Value: value}, nil
}

// CleanValue says whether b is the value of a member: 1 to 128 bytes of text without control characters.
func CleanValue(b []byte) bool { return len(b) > 0 && len(b) <= MaxValue && cleanText(b) }

// ParseTime reads the timestamp of a member: decimal seconds, no sign, no leading zeros, at most 3 fraction digits.
func ParseTime(b []byte) (tsMillis int64, frac uint8, ok bool) { return parseTS(b) }

func parseTS(b []byte) (tsMillis int64, frac uint8, ok bool) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		tsMillis = tsMillis*10 + int64(b[i]-'0')
	}
	if i == 0 || i > 12 || b[0] == '0' && i > 1 {
		return 0, 0, false
	}
	if i < len(b) {
		if b[i] != '.' || len(b) < i+2 || len(b) > i+4 {
			return 0, 0, false
		}
		for _, c := range b[i+1:] {
			if c < '0' || c > '9' {
				return 0, 0, false
			}
			tsMillis = tsMillis*10 + int64(c-'0')
			frac++
		}
	}
	for n := frac; n < 3; n++ {
		tsMillis *= 10
	}
	return tsMillis, frac, tsMillis <= maxMillis
}

// AppendTime appends ts with frac fraction digits; digits beyond frac must be zero.
func AppendTime(dst []byte, tsMillis int64, frac uint8) []byte {
	dst = appendInt(dst, tsMillis/1000)
	ms := tsMillis % 1000
	digits := [4]byte{'.', byte('0' + ms/100), byte('0' + ms/10%10), byte('0' + ms%10)}
	if frac == 0 {
		return dst
	}
	return append(dst, digits[:1+frac]...)
}

// PutDigits writes the four last decimal digits of n to b[:4].
func PutDigits(b []byte, n uint32) {
	upper, lower := n/100%100, n%100
	binary.BigEndian.PutUint32(b, uint32(TwoDigits(upper))<<16|uint32(TwoDigits(lower)))
}

// TwoDigits gives two decimal digits as text, the tens in the upper byte.
func TwoDigits(n uint32) uint16 {
	tens := n * 205 >> 11 // n / 10 for n < 100
	return uint16('0'+tens)<<8 | uint16('0'+n-tens*10)
}

// FracFor is the smallest number of fraction digits that writes ts exactly.
func FracFor(tsMillis int64) uint8 {
	switch {
	case tsMillis%1000 == 0:
		return 0
	case tsMillis%100 == 0:
		return 1
	case tsMillis%10 == 0:
		return 2
	}
	return 3
}

// AppendMember appends ts:value.
func AppendMember(dst []byte, p Point) []byte {
	dst = AppendTime(dst, p.TS, p.Frac)
	dst = append(dst, ':')
	return append(dst, p.Value...)
}

// Score is the canonical score of an instant: the float64 nearest to its decimal seconds.
func Score(tsMillis int64) float64 { return float64(tsMillis) / 1000 }

// ScoreIs says whether score is the instant ts, to the millisecond.
func ScoreIs(score float64, tsMillis int64) bool {
	return math.Abs(score) < 1e12 && int64(math.Round(score*1000)) == tsMillis
}

// Compare orders points as a sorted set orders their members: by timestamp, then by the member's bytes.
func Compare(a, b Point) int {
	switch {
	case a.TS < b.TS:
		return -1
	case a.TS > b.TS:
		return 1
	case a.Frac == b.Frac:
		return bytes.Compare(a.Value, b.Value)
	}
	var x, y [160]byte
	return bytes.Compare(AppendMember(x[:0], a), AppendMember(y[:0], b))
}

func appendInt(dst []byte, n int64) []byte {
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = byte('0' + n%10)
		n /= 10
		if n == 0 {
			return append(dst, buf[i:]...)
		}
	}
}

// Sorted gives points in the order of a sorted set and without duplicates: themselves if they are so already, else in
// scratch memory.
func Sorted(scratch *[]Point, points []Point) []Point {
	for i := 1; i < len(points); i++ {
		if points[i-1].TS >= points[i].TS && Compare(points[i-1], points[i]) >= 0 {
			*scratch = append((*scratch)[:0], points...)
			slices.SortFunc(*scratch, Compare)
			return slices.CompactFunc(*scratch, func(a, b Point) bool { return Compare(a, b) == 0 })
		}
	}
	return points
}
