package replica

import (
	"maps"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
)

// Patience is how long a peer may stand still in what it gets from a third node before it is given that from here,
// where that means reading the disk.
const Patience = 3 * time.Second

// Lacks is what a peer lacks that the Tail does not have any more. It is good after the State has changed.
type Lacks struct {
	All     bool // of all origins, not only of those that this node is the one to tell of
	node    string
	follows map[string]bool
	knows   map[replog.Origin]replog.Seq
}

// patience is what a Cursor remembers of entries that the peer is to get from others.
type patience struct {
	known replog.Seq    // of all origins, together
	since time.Duration // when that changed
	out   bool
}

// wants says that entries of an origin are told by this node, at once: its own, of all its lives, and those of nodes
// that the peer does not follow.
func (l *Lacks) wants(o replog.Origin) bool { return l.All || o.Node == l.node || !l.follows[o.Node] }

// Covers says whether the peer knows all of a vector that it is to be told of.
func (l *Lacks) Covers(v []replog.Reach) bool {
	for _, r := range v {
		if l.wants(r.Origin) && l.knows[r.Origin] < r.Seq {
			return false
		}
	}
	return true
}

// lacks says what is to be read from the disk for the peer; nil = nothing. gap says that no log has it, or that the
// peer is better off without: who knows nothing gets the latest hour first by an exchange.
func (c *Cursor) lacks(s *State, a Asker) (l *Lacks, gap bool) {
	l = &Lacks{All: c.patience.out, node: s.self.Node, follows: a.Follows, knows: c.sent}
	if !l.All && s.covers(c.sent, l.start) {
		l.All = c.stands(s, a.Now)
	}
	empty := true
	for _, seq := range c.sent {
		empty = empty && seq == 0
	}
	jumped := func(o replog.Origin, r *reach) replog.Seq {
		if l.wants(o) {
			return r.jumped
		}
		return 0
	}
	switch {
	case s.covers(c.sent, l.start):
		return nil, false
	case empty || !s.covers(c.sent, jumped):
		return nil, true
	}
	l.follows, l.knows = maps.Clone(l.follows), maps.Clone(l.knows)
	return l, false
}

// start is where the Tail begins, of the origins that are wanted.
func (l *Lacks) start(o replog.Origin, r *reach) replog.Seq {
	if l.wants(o) {
		return r.start
	}
	return 0
}

// stands says that the peer has not come further for a while.
func (c *Cursor) stands(s *State, now time.Duration) bool {
	known := replog.Seq(0)
	for o := range s.origins {
		if o != s.self {
			known += c.sent[o]
		}
	}
	if p := &c.patience; known != p.known || p.since == 0 {
		*p = patience{known: known, since: max(now, 1)}
	} else if now-p.since > Patience {
		p.out = true
	}
	return c.patience.out
}

// Take says whether an entry that was read from the disk is the next for the peer, and notes that it goes.
func (c *Cursor) Take(l *Lacks, h replog.Head) bool {
	return h.Seq > 0 && h.Origin.Node != "" && l.wants(h.Origin) && c.next(h)
}
