package replica

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
)

// Hold is how long entries of a node that the asker follows itself are kept from it: mostly it has them by then.
const Hold = time.Second

// Cursor is how far a peer has been served from a Tail. Entries of this shard, and of nodes that the peer does not
// follow itself, go at once: that is the front. All others follow behind it, where the peer lacks them still: that is
// the back. Whatever the two do, an entry goes only as the next of its origin. The zero Cursor needs a Reset.
type Cursor struct {
	front, back uint64
	sent        map[replog.Origin]replog.Seq
	patience    patience
	preview     preview
}

// Reset makes a Cursor begin anew, for a peer that knows so much.
func (c *Cursor) Reset(t *Tail, v []replog.Reach) {
	c.front, c.back = t.First(), t.First()
	c.sent, c.preview = make(map[replog.Origin]replog.Seq, len(v)), preview{}
	c.Knows(v)
}

// Knows notes what the peer knows by now.
func (c *Cursor) Knows(v []replog.Reach) {
	for _, r := range v {
		c.sent[r.Origin] = max(c.sent[r.Origin], r.Seq)
	}
}

// Pick is an entry for the peer.
type Pick struct {
	Head   replog.Head // with its origin, also where that is the shard itself
	Record []byte      // the Tail's
	Names  *replog.Names
}

// Asker says what a peer is to be served.
type Asker struct {
	Follows  map[string]bool // nodes that the peer has a working link to
	Now      time.Duration   // as Append was told
	Most     int             // bytes of records, about
	Disk     bool            // the log on disk can be read where the Tail does not reach back
	Previews bool            // it takes them
}

// Served is what a peer is to get.
type Served struct {
	Picks    []Pick
	Previews []Pick // of what is written now, before its turn
	Gap      bool   // the log does not have all that it lacks (R4)
	Lacks    *Lacks // the Tail does not have that, the log on disk may; nil = it has
	Drained  bool   // there is no more that may go now
	Excess   uint64 // of the State
}

// Serve picks the next entries for the peer.
func (c *Cursor) Serve(t *Tail, s *State, a Asker) Served {
	whole := c.sent != nil && s.Covers(c.sent)
	if c.sent == nil || !whole && !a.Disk {
		return Served{Gap: true, Excess: s.excess}
	}
	c.preview.arrive(t, a)
	tells := func(o replog.Origin) bool { return o == s.self || !s.jumping && !a.Follows[o.Node] }
	shown := walk{t: t, s: s}
	if c.preview.on {
		shown.left = a.Most / previewShare
	}
	if whole {
		c.patience = patience{}
	} else if s.jumping { // what the log has of an exchange counts only when that is done
		return Served{Excess: s.excess}
	} else if l, gap := c.lacks(s, a); gap || l != nil {
		return Served{Gap: gap, Lacks: l, Previews: c.previews(shown, !gap, tells), Excess: s.excess}
	}
	if first := t.First(); c.front < first || c.back < first { // what is gone is known to the peer, or comes later
		c.front, c.back = max(c.front, first), max(c.back, first)
	}
	w := walk{t: t, s: s, left: a.Most - shown.left}
	c.front = w.from(c.front, t.End(), func(h replog.Head) bool { return tells(h.Origin) && c.next(h) })
	if whole && !s.jumping && mutant != "no-transit" {
		c.back = w.from(c.back, t.Before(a.Now-Hold), c.next)
	}
	return Served{
		Picks: w.picks, Previews: c.previews(shown, t.End()-c.front > uint64(t.grain), tells),
		Drained: c.front == t.End(), Excess: s.excess,
	}
}

// walk is one walk of a Cursor along a Tail.
type walk struct {
	t     *Tail
	s     *State
	left  int // bytes of records
	picks []Pick
}

// from picks from a place up to another, and gives where it came to.
func (w *walk) from(at, end uint64, want func(replog.Head) bool) uint64 {
	var r replog.Reader
	for at < end && w.left > 0 {
		p, ok := w.t.Read(at)
		if !ok {
			panic("BUG: replica: a cursor before the tail")
		}
		for at < end && w.left > 0 {
			rec := p.Next()
			if rec == nil {
				break
			}
			at = p.At
			if err := r.Reset(rec); err != nil {
				panic("BUG: replica: " + err.Error())
			}
			if !r.Foreign {
				r.Origin = w.s.self
			}
			if want(r.Head) {
				w.picks = append(w.picks, Pick{r.Head, rec, p.Names})
				w.left -= len(rec)
			}
		}
	}
	return at
}

// next says whether an entry is the next of its origin for the peer, and notes that it goes.
func (c *Cursor) next(h replog.Head) bool {
	have := c.sent[h.Origin]
	if h.Seq <= have || h.First() > have+1 && mutant != "skips-sent" {
		return false
	}
	c.sent[h.Origin] = h.Seq
	return true
}
