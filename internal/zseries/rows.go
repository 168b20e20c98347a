package zseries

import (
	"encoding/binary"
	"slices"

	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// rowWriter writes points as the elements of a reply: the member, and its score if asked for.
type rowWriter struct {
	scores bool // WITHSCORES
	nested bool // RESP3: a pair each

	// The time of one point is mostly that of the one before it but for its last four digits.
	high    int64 // seconds / 10,000 that headLen digits of head spell; 0 = none
	head    [16]byte
	headLen int
}

// rowMost is the most that a row takes beside its value, in bytes: two lengths, two times, a pair's header.
const rowMost = 80

// append writes the points of a block.
func (r *rowWriter) append(dst []byte, b store.Block) []byte {
	dst = slices.Grow(dst, len(b.Rows)*rowMost+len(b.Text))
	for _, row := range b.Rows {
		if r.nested {
			dst = append(dst, "*2\r\n"...)
		}
		value := b.Value(row)
		at := len(dst)
		dst = append(dst, "$00\r\n"...) // mostly two digits
		from := len(dst)
		dst = r.time(dst, row.TS)
		seconds := len(dst) - from
		if row.Frac > 0 {
			dst = appendFraction(dst, row.TS, row.Frac)
		}
		dst = append(dst, ':')
		dst = append(dst, value...)
		dst = setLength(dst, at, len(dst)-from)
		dst = append(dst, '\r', '\n')
		if r.scores {
			dst = r.score(dst, row.TS, at, seconds)
		}
	}
	return dst
}

// time appends the seconds of an instant.
func (r *rowWriter) time(dst []byte, tsMillis int64) []byte {
	seconds := tsMillis / 1000
	high := seconds / 10_000
	if high == 0 {
		return series.AppendTime(dst, tsMillis, 0)
	}
	if high != r.high {
		r.high = high
		r.headLen = len(series.AppendTime(r.head[:0], high*1000, 0))
	}
	dst = append(dst, r.head[:r.headLen]...)
	dst = append(dst, "0000"...)
	series.PutDigits(dst[len(dst)-4:], uint32(seconds-high*10_000))
	return dst
}

func appendFraction(dst []byte, tsMillis int64, frac uint8) []byte {
	ms := tsMillis % 1000
	digits := [4]byte{'.', byte('0' + ms/100), byte('0' + ms/10%10), byte('0' + ms%10)}
	return append(dst, digits[:1+frac]...)
}

// setLength writes n into the bulk header at at, which has room for two digits; for another number of digits it moves
// what follows.
func setLength(dst []byte, at, n int) []byte {
	switch {
	case n < 10:
		copy(dst[at+2:], dst[at+3:])
		dst[at+1] = byte('0' + n)
		return dst[:len(dst)-1]
	case n < 100:
		binary.BigEndian.PutUint16(dst[at+1:], series.TwoDigits(uint32(n)))
		return dst
	}
	dst = append(dst, 0)
	copy(dst[at+4:], dst[at+3:])
	dst[at+1] = byte('0' + n/100)
	binary.BigEndian.PutUint16(dst[at+2:], series.TwoDigits(uint32(n%100)))
	return dst
}

// score appends the score of the member whose element begins at at with so many digits of seconds. Whole seconds read
// the same in both.
func (r *rowWriter) score(dst []byte, tsMillis int64, at, seconds int) []byte {
	if tsMillis%1000 != 0 {
		w := resp.Writer{Buf: dst, Proto: 2}
		if r.nested {
			w.Proto = 3
		}
		w.Double(series.Score(tsMillis))
		return w.Buf
	}
	for dst[at] != '\n' {
		at++
	}
	text := dst[at+1 : at+1+seconds]
	if r.nested {
		dst = append(dst, ',')
	} else {
		dst = append(dst, "$00\r\n"...)
		dst = setLength(dst, len(dst)-5, seconds)
	}
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}
