package node

import (
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// origin is up to when another node is complete here, by whatever way its points came.
type origin struct {
	node string
	watermark.Complete
}

// origins tells of all nodes whose log is followed, in the order of the topology.
func (p *peers) origins() (list []origin) {
	if p == nil {
		return nil
	}
	held := map[string][]int{}
	for _, l := range p.links {
		for _, sh := range l.link.Shards() {
			held[l.peer] = append(held[l.peer], sh.ID())
		}
	}
	all := p.marks.Complete(held)
	for _, l := range p.links {
		list = append(list, origin{l.peer, all[l.peer]})
	}
	return list
}

// String is what INFO replication says of it.
func (o origin) String() string {
	return fmt.Sprintf("until=%s,heard=%s,behind_ms=%d", instant(o.Until), instant(o.Heard), millisOf(o.Behind))
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func millisOf(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Milliseconds()
}

// behindOf is how far a node's points are behind here, ms, by whatever way they come; -1 = nothing is known.
func (p *peers) behindOf(node string) int64 {
	for _, o := range p.origins() {
		if o.node == node {
			return millisOf(o.Behind)
		}
	}
	return -1
}

// tidyMarks forgets the marks of origins that nothing is known of any more.
func (p *peers) tidyMarks() {
	if p == nil {
		return
	}
	for _, sh := range p.feed.Shards {
		live := map[replog.Origin]bool{}
		tx := sh.Begin()
		for _, r := range tx.Peers().Published() {
			live[r.Origin] = true
		}
		tx.End()
		p.marks.Keep(sh.ID(), live)
	}
}
