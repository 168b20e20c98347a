package replica

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
)

const (
	// Away is how long a peer does not ask that counts as one that comes back when it does.
	Away = 3 * time.Second
	// previewShare is how much of an answer goes to previews at most: one part in so many. The rest is for what the peer
	// lacks, so that a writer who is faster than that can not keep it from catching up.
	previewShare = 4
)

// preview is what a Cursor shows a peer that is back after an absence: what is written from then on, before its turn.
// The points are seen at once, and count for nothing until the entry comes in its place. It ends when less than a block
// of the Tail is left to go before what is written.
type preview struct {
	asked time.Duration // when the peer did, the last time; 0 = not since the Reset
	on    bool
	at    uint64 // what is before this place of the Tail was shown, or was there when the peer came back
}

// arrive notes that the peer asks.
func (p *preview) arrive(t *Tail, a Asker) {
	if !p.on && (p.asked == 0 || a.Now-p.asked > Away) {
		p.on, p.at = a.Previews, t.End()
	}
	p.asked = max(a.Now, 1)
}

// previews picks what is to be shown; far says that much is to go before it.
func (c *Cursor) previews(w walk, far bool, tells func(replog.Origin) bool) []Pick {
	p := &c.preview
	if p.on = p.on && far; !p.on {
		return nil
	}
	if p.at < w.t.First() { // more is written than can be shown: what is newest comes first
		p.at = w.t.End()
	}
	p.at = w.from(max(p.at, c.front), w.t.End(), func(h replog.Head) bool {
		return tells(h.Origin) && h.Seq > c.sent[h.Origin]
	})
	return w.picks
}
