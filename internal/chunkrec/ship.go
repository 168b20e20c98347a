package chunkrec

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/store"
)

// How much a Shipper gives.
const (
	shipPoints = 2000            // of a record of full chunks, about
	mostShip   = 16 * shipPoints // points of a key: a point every 112 ms
)

// Shipper makes records of the chunks of a key that end in a span of time. Their digests only count: SetDigest says
// what they are. It is working memory, for one key after the other.
type Shipper struct {
	Head
	Span store.Span
	recs [][]byte // that are made
	full []byte   // full chunks behind their lengths, of the next
	n    int      // points in full
	all  int      // points of the key
	rd   chunk.Reader
}

// Shipped is a chunk of a key; if it is the open one, State is its state.
type Shipped struct {
	Bytes []byte
	State *chunk.State
	Open  bool
}

// Chunk takes the next chunk of the key, in their order, and says whether the next may be of any use. A chunk that is
// damaged, and what is too much, is passed over.
func (s *Shipper) Chunk(c Shipped) (more bool) {
	if c.Open {
		s.cut()
		if c.State.Last() >= s.Span.From && c.State.Last() <= s.Span.To {
			rec := s.begin(replog.Open, c.State.Len(), c.State.Size())
			s.recs = append(s.recs, c.State.AppendState(rec, c.Bytes))
		}
		return false
	}
	s.rd.Reset(c.Bytes)
	n := s.rd.Len()
	switch {
	case n == 0 || s.rd.Time(n-1) < s.Span.From:
		return true
	case s.rd.Time(n-1) > s.Span.To || s.all+n > mostShip:
		return false
	case s.n+n > shipPoints:
		s.cut()
	}
	s.full = AppendFull(s.full, c.Bytes)
	s.n, s.all = s.n+n, s.all+n
	return true
}

// cut makes a record of the full chunks that were taken.
func (s *Shipper) cut() {
	if s.n > 0 {
		s.recs = append(s.recs, append(s.begin(replog.Full, s.n, len(s.full)), s.full...))
	}
	s.full, s.n = s.full[:0], 0
}

// begin begins a record with room for so many bytes of chunks.
func (s *Shipper) begin(kind replog.Kind, points, bytes int) []byte {
	h := s.Head
	h.Kind, h.Digest.Points = kind, int64(points)
	return h.Append(make([]byte, 0, bytes+len(h.Key.Series)+48))
}

// End appends the records, the latest points first, and makes ready for the next key.
func (s *Shipper) End(dst [][]byte) [][]byte {
	s.cut()
	for i := len(s.recs) - 1; i >= 0; i-- {
		dst = append(dst, s.recs[i])
	}
	clear(s.recs)
	s.recs, s.all = s.recs[:0], 0
	return dst
}
