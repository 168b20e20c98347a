package replog

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// Kind is the first byte of a record.
type Kind byte

// The kinds of records.
const (
	Points Kind = 1 // points that were new, of one shard
	States Kind = 2 // State
	Full   Kind = 3 // full chunks, as the engine writes them
	Open   Kind = 4 // an open chunk, as the engine writes it
)

// ErrCorrupt: the bytes are no record of their kind.
var ErrCorrupt = errors.New("corrupt record")

// ErrUnknownSeries: a point is of a series whose name is not known: the records that spell it were not read.
var ErrUnknownSeries = errors.New("the records that spell the series were not read")

// KindOf gives the kind of a record, 0 for an empty one.
func KindOf(rec []byte) Kind {
	if len(rec) == 0 {
		return 0
	}
	return Kind(rec[0])
}

// Head is what a points record says of all its points.
type Head struct {
	Shard   int
	Seq     Seq // its number, the last one if it has several; 0 = none: points that came by no log
	Count   Seq // how many numbers it has, up to Seq; 0 = 1
	Points  int
	Origin  Origin // of the points, if they are foreign
	Foreign bool   // they are not of the incarnation that wrote the log

	epoch uint64 // the number from which on numbers count
	base  int64  // ms, the time before the first point
}

// Bits of the byte that says where the points come from.
const (
	headForeign = 1 << iota
	headCount
	headBits
)

// First is the first number of the record.
func (h Head) First() Seq { return h.Seq - max(h.Count, 1) + 1 }

func (h Head) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(Points)), uint64(h.Shard))
	from := byte(0)
	if h.Foreign {
		from |= headForeign
	}
	if h.Count > 1 {
		from |= headCount
	}
	dst = append(dst, from)
	if h.Foreign {
		dst = appendText(dst, h.Origin.Node)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Origin.Incarnation))
	}
	if h.Count > 1 {
		dst = binary.AppendUvarint(dst, uint64(h.Count))
	}
	dst = binary.AppendUvarint(dst, uint64(h.Seq))
	dst = binary.AppendUvarint(dst, h.epoch)
	dst = binary.AppendUvarint(dst, varint.Zigzag(h.base))
	return binary.AppendUvarint(dst, uint64(h.Points))
}

// Reader reads points records: Reset, then Next until it gives false, then Err. It is working memory, for any number
// of records.
type Reader struct {
	Head
	Series  []byte // host:metric of the current point, the Dict's; nil when nobody knows it (ErrUnknownSeries)
	Member  []byte // ts:value, as it stands in a sorted set; good until the next Reset
	Number  uint64 // of the series, counted from the epoch's first
	ValueAt uint8  // the value is Member[ValueAt:]
	TS      int64  // ms
	Frac    uint8  // fraction digits of the timestamp

	Unknown int // points whose series is not known, so far

	in    varint.Reader
	left  int
	state point
	text  []byte // of all members
	time  []byte // of the current point, with its colon
	err   error
}

// Epoch is what Numbers of two records must share to mean the same series.
func (r *Reader) Epoch() uint64 { return r.epoch }

// Read is Reset of a new Reader.
func Read(rec []byte) (*Reader, error) {
	r := &Reader{}
	return r, r.Reset(rec)
}

// Reset reads the head of a record. The reader refers to the record until the next Reset.
func (r *Reader) Reset(rec []byte) error {
	*r = Reader{in: varint.Reader{B: rec}, text: r.text[:0], time: r.time[:0]}
	in := &r.in
	kind, shard := in.Byte(), in.Unsigned()
	from := in.Byte()
	in.Bad = in.Bad || from >= headBits
	if r.Foreign = from&headForeign != 0; r.Foreign {
		r.Origin.Node = string(in.Bytes(in.Unsigned(), mostNode))
		r.Origin.Incarnation = Incarnation(in.Uint64())
	}
	r.Count = 1
	if from&headCount != 0 {
		r.Count = Seq(in.Unsigned())
	}
	r.Seq = Seq(in.Unsigned())
	in.Bad = in.Bad || r.Count == 0 || r.Count > max(r.Seq, 1)
	r.epoch = in.Unsigned()
	r.base = in.Signed()
	points := in.Unsigned()
	if in.Bad || Kind(kind) != Points || shard > math.MaxInt32 || points > uint64(in.Left()) {
		r.err = ErrCorrupt
		return r.err
	}
	r.Shard, r.Head.Points, r.left = int(shard), int(points), int(points)
	r.Origin.Shard = r.Shard
	r.state = point{ts: r.base}
	return nil
}

// Err is ErrCorrupt when the record ended before its last point or had something that is no point. The points before
// are good.
func (r *Reader) Err() error { return r.err }

// Next reads the next point. d knows the names that the records before have spelled, and learns those of this one; it
// must be that of the incarnation that wrote the log, and of the shard. One of an earlier NewEpoch is forgotten.
func (r *Reader) Next(d *Dict) bool {
	if r.left == 0 || r.err != nil {
		if r.err == nil && r.in.At != len(r.in.B) {
			r.err = ErrCorrupt
		}
		return false
	}
	r.left--
	in := &r.in
	flags := in.Byte()
	r.readSeries(d, flags)
	if flags&flagSameTime == 0 {
		u := in.Unsigned()
		r.state.ts += varint.Unzigzag(u >> 2)
		r.state.frac = uint8(u & 3)
	}
	if r.state.ts != r.TS || r.state.frac != r.Frac || len(r.time) == 0 {
		if _, last := series.Day.Span(lastDay); r.state.ts < 0 || r.state.ts > last ||
			series.FracFor(r.state.ts) > r.state.frac {
			in.Bad = true
		} else {
			r.time = append(series.AppendTime(r.time[:0], r.state.ts, r.state.frac), ':')
		}
	}
	r.TS, r.Frac = r.state.ts, r.state.frac
	if !in.Bad {
		r.readValue(flags)
	}
	if in.Bad {
		r.err = ErrCorrupt
		return false
	}
	return true
}

const (
	lastDay  = 2932896 // the last day of the year 9999
	mostNode = 255     // bytes of the name of a node
)

// readSeries reads of which series the point is.
func (r *Reader) readSeries(d *Dict, flags byte) {
	in := &r.in
	number, spelled := r.state.number, false
	if flags&flagNext == 0 {
		ref := in.Unsigned()
		number += uint64(varint.Unzigzag(ref >> 1))
		spelled = ref&1 != 0
	}
	r.Number, r.state.number = number, number+1
	if spelled {
		name := in.Bytes(in.Unsigned(), series.MaxKey)
		if len(name) == 0 {
			in.Bad = true
			return
		}
		r.Series = d.learn(r.epoch, number, name)
		return
	}
	if r.Series = d.name(r.epoch, number); r.Series == nil {
		r.Unknown++
	}
}

// readValue makes the member.
func (r *Reader) readValue(flags byte) {
	in := &r.in
	at := len(r.text)
	r.text = append(r.text, r.time...)
	r.ValueAt = uint8(len(r.time))
	if flags&flagText == 0 {
		d := decimal{in.Unsigned(), flags >> decimalsShift & mostDecimals, flags&flagNegative != 0}
		r.text = d.append(r.text)
	} else {
		n := uint64(flags >> textShift & longText)
		if n == longText {
			n = uint64(in.Byte())
		}
		value := in.Bytes(n+1, series.MaxValue)
		in.Bad = in.Bad || !series.CleanValue(value)
		r.text = append(r.text, value...)
	}
	r.Member = r.text[at:len(r.text):len(r.text)]
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
