package chunkrec

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/store"
)

// MostShipped is how many points a record of a Shipper has at most: what fits into a record of the log.
const MostShipped = replog.MostPoints

// Shipper makes records of the chunks of a key that end in a span of time. Their digests only count: SetDigest says
// what they are. It is working memory, for one key after the other.
type Shipper struct {
	Head
	Span store.Span
	full []byte // chunks behind their lengths
	n    int64  // points in full
	rd   chunk.Reader
}

// Shipped is a chunk of a key; if it is the open one, State is its state.
type Shipped struct {
	Bytes []byte
	State *chunk.State
	Open  bool
}

// Chunk takes the next chunk of the key, in their order. It appends the record of the open chunk, and says whether the
// next chunk may be of any use. A chunk that is damaged, and what does not fit any more, is passed over.
func (s *Shipper) Chunk(dst [][]byte, c Shipped) (recs [][]byte, more bool) {
	if c.Open {
		if c.State.Last() >= s.Span.From && c.State.Last() <= s.Span.To {
			h := s.Head
			h.Kind, h.Digest.Points = replog.Open, int64(c.State.Len())
			dst = append(dst, c.State.AppendState(h.Append(nil), c.Bytes))
		}
		return dst, false
	}
	s.rd.Reset(c.Bytes)
	n := s.rd.Len()
	if n == 0 || s.rd.Time(n-1) < s.Span.From {
		return dst, true
	}
	if s.rd.Time(n-1) > s.Span.To || s.n+int64(n) > MostShipped {
		return dst, false
	}
	s.full = AppendFull(s.full, c.Bytes)
	s.n += int64(n)
	return dst, true
}

// End appends the record of the full chunks, and makes ready for the next key.
func (s *Shipper) End(dst [][]byte) [][]byte {
	if s.n > 0 {
		h := s.Head
		h.Kind, h.Digest.Points = replog.Full, s.n
		dst = append(dst, append(h.Append(make([]byte, 0, len(s.full)+len(h.Key.Series)+40)), s.full...))
	}
	s.full, s.n = s.full[:0], 0
	return dst
}
