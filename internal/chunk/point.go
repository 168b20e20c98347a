package chunk

import (
	"bytes"
	"cmp"
	"errors"
)

// Point is a point as its member spells it.
type Point struct {
	TS    int64  // ms since 1970, not negative
	Frac  uint8  // fraction digits of the timestamp's text, 0 to 3; digits beyond are zero
	Value []byte // text, 1 to 128 bytes
}

const (
	// MaxValue is the longest value, in bytes.
	MaxValue = 128
	// MaxPoints is the most points of a chunk.
	MaxPoints = 1<<16 - 1

	maxTS = 253402300800000 - 1 // ms, the end of the year 9999
)

// ErrCorrupt: the bytes are no chunk. The points read before it was noticed may be wrong too.
var ErrCorrupt = errors.New("corrupt chunk")

// shortest is the style of timestamps that have as many fraction digits as they need; the styles below it are a fixed
// number of them.
const shortest = 4

// unitMillis is the unit of time of each style.
var unitMillis = [5]int64{1000, 100, 10, 1, 1}

// fracFor is the smallest number of fraction digits that writes ts exactly.
func fracFor(ts int64) uint8 {
	switch {
	case ts%1000 == 0:
		return 0
	case ts%100 == 0:
		return 1
	case ts%10 == 0:
		return 2
	}
	return 3
}

// styled gives the fraction digits that a style writes a time with.
func styled(style uint8, ts int64) uint8 {
	if style == shortest {
		return fracFor(ts)
	}
	return style
}

// compare orders points as a sorted set orders their members, by time, then by bytes: of two spellings of one time the
// longer is first, since '.' and the digits are before ':'.
func compare(a, b Point) int {
	if c := cmp.Compare(a.TS, b.TS); c != 0 {
		return c
	}
	if c := cmp.Compare(b.Frac, a.Frac); c != 0 {
		return c
	}
	return bytes.Compare(a.Value, b.Value)
}

// fits says whether a point is one that chunks take.
func (p Point) fits() bool { return len(p.Value) >= 1 && len(p.Value) <= MaxValue && p.Frac <= 3 }
