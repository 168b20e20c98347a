package chunkrec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// ErrCorrupt: the bytes are no record of chunks.
var ErrCorrupt = errors.New("corrupt record of chunks")

// Head is what a record says of its chunks.
type Head struct {
	Kind   replog.Kind // Full or Open
	Shard  int
	Key    series.Key   // when read, its bytes are the record's
	Digest store.Digest // of all points of the record
}

// Append begins a record.
func (h Head) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(h.Kind)), uint64(h.Shard))
	dst = binary.AppendUvarint(dst, uint64(h.Key.Period))
	dst = append(binary.AppendUvarint(dst, uint64(len(h.Key.Series))), h.Key.Series...)
	dst = binary.AppendUvarint(dst, uint64(h.Digest.Points))
	dst = binary.LittleEndian.AppendUint64(dst, h.Digest.Hi)
	return binary.LittleEndian.AppendUint64(dst, h.Digest.Lo)
}

// AppendFull goes on with a full chunk, each behind the one before.
func AppendFull(dst, sealed []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(sealed))), sealed...)
}

// ReadHead reads what a record says of its chunks, and nothing behind it.
func ReadHead(rec []byte) (Head, error) {
	h, _, err := readHead(rec)
	return h, err
}

// readHead reads what Append wrote, and gives what follows.
func readHead(rec []byte) (h Head, body []byte, err error) {
	bad := false
	uvarint := func(most uint64) uint64 {
		u, n := binary.Uvarint(rec)
		if n <= 0 || u > most {
			bad = true
			return 0
		}
		rec = rec[n:]
		return u
	}
	h.Kind = replog.KindOf(rec)
	if h.Kind != replog.Full && h.Kind != replog.Open {
		return Head{}, nil, ErrCorrupt
	}
	rec = rec[1:]
	h.Shard = int(uvarint(math.MaxInt32))
	period := series.Period(uvarint(math.MaxInt32))
	n := uvarint(series.MaxKey)
	if bad || n > uint64(len(rec)) {
		return Head{}, nil, ErrCorrupt
	}
	if h.Key, err = series.ParseSeries(rec[:n]); err != nil {
		return Head{}, nil, fmt.Errorf("%w: series: %w", ErrCorrupt, err)
	}
	h.Key.Period = period
	rec = rec[n:]
	h.Digest.Points = int64(uvarint(math.MaxInt32))
	if bad || h.Digest.Points == 0 || len(rec) < 16 {
		return Head{}, nil, ErrCorrupt
	}
	h.Digest.Hi, h.Digest.Lo = binary.LittleEndian.Uint64(rec), binary.LittleEndian.Uint64(rec[8:])
	return h, rec[16:], nil
}

// SetDigest puts a digest in the place of the one that a record says. The number of points stays.
func SetDigest(rec []byte, d store.Digest) error {
	_, body, err := readHead(rec)
	if err != nil {
		return err
	}
	at := rec[len(rec)-len(body)-16:]
	binary.LittleEndian.PutUint64(at, d.Hi)
	binary.LittleEndian.PutUint64(at[8:], d.Lo)
	return nil
}

// Chunk is one chunk of a record. A full one stands for itself.
type Chunk struct {
	Bytes       []byte // of a full chunk, the record's
	First, Last int64  // ms, of its points
	Len         int
}

// Reader reads records: Reset, then what it says. It is working memory, for any number of records.
type Reader struct {
	Head
	Chunks []Chunk // in the order of their times
	// State and Words, what its buffer must hold, are those of an open chunk.
	State chunk.State
	Words []byte

	rd   chunk.Reader
	text []byte
	sum  store.Summer
}

// Reset reads a record whole, and checks it: the error is ErrCorrupt. The reader refers to the record until the next
// Reset.
func (r *Reader) Reset(rec []byte, layout series.Layout) error {
	h, body, err := readHead(rec)
	r.Head, r.Chunks, r.Words = h, r.Chunks[:0], nil
	if err != nil {
		return err
	}
	from, to := layout.Span(h.Key.Period)
	if h.Kind == replog.Open {
		if r.State, r.Words, err = r.rd.LoadState(body); err != nil {
			return ErrCorrupt
		}
		body = nil
		from = r.note(Chunk{}, from)
	}
	for len(body) > 0 {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return ErrCorrupt
		}
		c := Chunk{Bytes: body[n : n+int(size)]}
		body = body[n+int(size):]
		if r.rd.Reset(c.Bytes); !r.rd.Next() {
			return ErrCorrupt
		}
		from = r.note(c, from)
	}
	points := 0
	for _, c := range r.Chunks {
		points += c.Len
	}
	if from > to || points != int(h.Digest.Points) {
		return ErrCorrupt
	}
	return nil
}

// note adds the chunk that r.rd reads. It gives the time of its last point, or more than any time if its points are
// not all at or behind from, in order.
func (r *Reader) note(c Chunk, from int64) (last int64) {
	c.Len = r.rd.Len()
	for i := range c.Len {
		ts := r.rd.Time(i)
		if ts < from {
			return math.MaxInt64
		}
		from = ts
	}
	c.First, c.Last = r.rd.Time(0), from
	r.Chunks = append(r.Chunks, c)
	return from
}

// Fits says whether no chunk has more points or more bytes.
func (r *Reader) Fits(points, bytes int) bool {
	return len(r.Words) < bytes && !slices.ContainsFunc(r.Chunks, func(c Chunk) bool {
		return c.Len > points || len(c.Bytes) > bytes
	})
}

// Decode gives the points of a chunk behind dst; the texts of their values are behind text.
func (r *Reader) Decode(c Chunk, dst []series.Point, text []byte) ([]series.Point, []byte) {
	text = slices.Grow(text, 64*c.Len) // if it moves, what was given out stays
	r.Points(c, func(pt series.Point) {
		at := len(text)
		text = append(text, pt.Value...)
		pt.Value = text[at:len(text):len(text)]
		dst = append(dst, pt)
	})
	return dst, text
}

// Hours computes the digests of the points by hour, behind dst, and of all of them. The seed is that of the series.
func (r *Reader) Hours(seriesSeed uint64, dst []grid.HourDigest) (hours []grid.HourDigest, sum store.Digest) {
	for _, c := range r.Chunks {
		r.Points(c, func(pt series.Point) {
			if h := pt.TS / store.HourMillis; len(dst) == 0 || dst[len(dst)-1].Hour != h {
				dst = append(dst, grid.HourDigest{Hour: h})
			}
			r.sum.Add(&dst[len(dst)-1].Digest, seriesSeed, pt)
		})
	}
	for _, h := range dst {
		sum.Add(h.Digest)
	}
	return dst, sum
}

// Points calls fn for each point of a chunk, a full one by its bytes. The value is good until fn returns.
func (r *Reader) Points(c Chunk, fn func(pt series.Point)) {
	if c.Bytes == nil {
		r.rd.ResetOpen(&r.State, r.Words)
	} else {
		r.rd.Reset(c.Bytes)
	}
	for r.rd.Next() {
		r.text = r.rd.AppendValue(r.text[:0])
		fn(series.Point{TS: r.rd.TS, Frac: r.rd.Frac, Value: r.text})
	}
}
