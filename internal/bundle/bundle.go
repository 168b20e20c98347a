package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
)

// ErrRecord: the bytes are no bundle.
var ErrRecord = errors.New("not a record of points")

// Bundle is a run of points.
type Bundle struct {
	text  []byte // timestamps, series and values
	refs  []ref
	mixed bool // more than one timestamp
}

// ref says where in the text a point is: its series is followed by its value; points in a row share a timestamp.
type ref struct {
	time, series      uint32 // offsets
	seriesLen         uint16
	timeLen, valueLen uint8
}

// Len is the number of points.
func (b *Bundle) Len() int { return len(b.refs) }

// Size is the number of bytes of text.
func (b *Bundle) Size() int { return len(b.text) }

// Reset empties the bundle and keeps its memory.
func (b *Bundle) Reset() { b.text, b.refs, b.mixed = b.text[:0], b.refs[:0], false }

// Add appends the point that t holds.
func (b *Bundle) Add(t *Text) { b.add(t.time, t.series, t.value) }

// AddFrom appends a point of another bundle.
func (b *Bundle) AddFrom(other *Bundle, i int) { b.add(other.At(i)) }

func (b *Bundle) add(time, name, value []byte) {
	var r ref
	if n := len(b.refs); n > 0 && bytes.Equal(b.timeOf(n-1), time) {
		r.time = b.refs[n-1].time
	} else {
		b.mixed = b.mixed || n > 0
		r.time = uint32(len(b.text))
		b.text = append(b.text, time...)
	}
	r.series, r.timeLen = uint32(len(b.text)), uint8(len(time))
	r.seriesLen, r.valueLen = uint16(len(name)), uint8(len(value))
	b.text = append(append(b.text, name...), value...)
	b.refs = append(b.refs, r)
}

func (b *Bundle) timeOf(i int) []byte {
	r := b.refs[i]
	return b.text[r.time : r.time+uint32(r.timeLen)]
}

// At gives a point: its timestamp in decimal seconds, host:metric, and its value. They refer to the bundle's memory.
func (b *Bundle) At(i int) (time, name, value []byte) {
	r := b.refs[i]
	end := r.series + uint32(r.seriesLen)
	return b.timeOf(i), b.text[r.series:end], b.text[end : end+uint32(r.valueLen)]
}

// MAdd appends the arguments of the one command that stores the points of the bundle to args. Its reply is a number, or
// an array of that number and [index, why] for each refused point.
func (b *Bundle) MAdd(args []string) []string {
	if b.mixed {
		args = append(args, "DN.MADDT")
	} else {
		args = append(args, "DN.MADD", view(b.timeOf(0)))
	}
	for i := range b.refs {
		time, name, value := b.At(i)
		if b.mixed {
			args = append(args, view(time))
		}
		args = append(args, view(name), view(value))
	}
	return args
}

// view is a string of the same memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// ZAdds gives the same as one ZADD a point, for a server that is a plain Redis.
func (b *Bundle) ZAdds(l series.Layout) [][]string {
	out := make([][]string, 0, len(b.refs))
	for i := range b.refs {
		time, name, value := b.At(i)
		ms, _, _ := series.ParseTime(time)
		key := append(l.AppendPeriod(nil, l.PeriodOf(ms)), ':')
		key = append(key, name...)
		member := make([]byte, 0, len(time)+1+len(value))
		member = append(append(append(member, time...), ':'), value...)
		out = append(out, []string{"ZADD", string(key), string(time), string(member)})
	}
	return out
}

// AppendRecord appends the bundle as bytes: the number of points, and timestamp, series and value of each, lengths
// first (uvarint).
func (b *Bundle) AppendRecord(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.refs)))
	for i := range b.refs {
		time, name, value := b.At(i)
		for _, part := range [3][]byte{time, name, value} {
			dst = binary.AppendUvarint(dst, uint64(len(part)))
			dst = append(dst, part...)
		}
	}
	return dst
}

// ParseRecord reads what AppendRecord wrote. ErrRecord, with the reason, when the bytes are anything else.
func ParseRecord(data []byte) (*Bundle, error) {
	count, n := binary.Uvarint(data)
	if n <= 0 || count > uint64(len(data)) {
		return nil, ErrRecord
	}
	data = data[n:]
	b := &Bundle{refs: make([]ref, 0, count)}
	for range count {
		var part [3][]byte
		for i := range part {
			size, n := binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return nil, ErrRecord
			}
			part[i], data = data[n:n+int(size)], data[n+int(size):]
		}
		if err := checkParts(part); err != nil {
			return nil, errors.Join(ErrRecord, err)
		}
		b.add(part[0], part[1], part[2])
	}
	if len(data) > 0 {
		return nil, ErrRecord
	}
	return b, nil
}

func checkParts(part [3][]byte) error {
	if _, _, ok := series.ParseTime(part[0]); !ok {
		return series.ErrMember
	}
	if len(part[1]) > series.MaxKey {
		return series.ErrKeyTooLong
	}
	if _, err := series.ParseSeries(part[1]); err != nil {
		return err
	}
	if !series.CleanValue(part[2]) {
		return series.ErrValue
	}
	return nil
}

// Describe names a point for people.
func (b *Bundle) Describe(i int) string {
	time, name, value := b.At(i)
	return string(name) + " " + string(time) + " " + strconv.Quote(string(value))
}
