package zseries

import (
	"fmt"

	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	pieceBytes = 128 << 10 // a reply that may be longer is made and sent in pieces of about this length
	rowBytes   = 40        // of a reply, typical with a score
	maxDetach  = 16 << 20  // compressed bytes that one reply may keep while it is sent
)

// Run is a run of ranks, hi not included, highest first if Desc.
type Run struct {
	Lo, Hi           int
	Desc, WithScores bool
}

// Reply writes the members of a run. A long run is detached from the store as it stands: w gets the header of the
// array, and the elements are the Rest. So the number that was announced is delivered, whatever is added or dropped
// while the reply is being sent.
func (v *Set) Reply(w *resp.Writer, run Run) *Rest {
	n := max(run.Hi-run.Lo, 0)
	out := rowWriter{scores: run.WithScores, nested: run.WithScores && w.Proto == 3}
	v.Seek(run.Lo, run.Hi, run.Desc)
	var rest store.Stream
	if n*rowBytes > pieceBytes {
		if rest = v.Detach(maxDetach); rest == nil {
			w.Error(fmt.Sprintf("ERR %d points are more than one reply may keep: ask for less, with LIMIT, a narrower "+
				"range or ZSCAN", n))
			return nil
		}
	}
	if out.scores && !out.nested {
		n *= 2
	}
	w.Array(n)
	if rest != nil {
		return &Rest{points: rest, out: out}
	}
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		w.Buf = out.append(w.Buf, b)
	}
	return nil
}

// Rest is the elements of an array whose header is written. It needs no lock and has one owner.
type Rest struct {
	points store.Stream
	out    rowWriter
}

// Append writes a piece of the rest to w. false: that was the last of it.
func (r *Rest) Append(w *resp.Writer) (more bool) {
	for from := len(w.Buf); len(w.Buf)-from < pieceBytes; {
		b := r.points.Next()
		if len(b.Rows) == 0 {
			return false
		}
		w.Buf = r.out.append(w.Buf, b)
	}
	return true
}

// Size is the memory it holds, in bytes.
func (r *Rest) Size() int { return r.points.Size() }

// Close gives the memory back.
func (r *Rest) Close() { r.points.Close() }
