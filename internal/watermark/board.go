package watermark

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
)

// Mark says that the entries of an origin went up to Seq when its node's clock was at Wall.
type Mark struct {
	Origin replog.Origin
	Seq    replog.Seq
	Wall   int64 // ms
}

// Board is what a node knows of all others. It is safe for concurrent use.
type Board struct {
	mu   sync.Mutex // protects rows
	rows map[replog.Origin]*row
}

// row is one origin.
type row struct {
	newest  heard
	waiting heard // the oldest that is not covered yet; Wall 0 = there is none
	covered heard
}

// heard is a mark, and when it was heard of, by the own clock.
type heard struct {
	Mark
	at time.Time
}

// NewBoard makes an empty one.
func NewBoard() *Board { return &Board{rows: map[replog.Origin]*row{}} }

// mostRows bounds what others can make a Board remember.
const mostRows = 1 << 16

// Hear takes marks over, each if it is newer than what is known.
func (b *Board) Hear(marks []Mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range marks {
		r := b.rows[m.Origin]
		if r == nil {
			if len(b.rows) >= mostRows {
				continue
			}
			r = &row{}
			b.rows[m.Origin] = r
		}
		if m.Wall <= r.newest.Wall || m.Seq < r.newest.Seq {
			continue
		}
		if r.newest = (heard{m, time.Now()}); r.waiting.Wall == 0 {
			r.waiting = r.newest
		}
	}
}

// Cover says what a shard has: all entries of each origin up to its number.
func (b *Board) Cover(shard int, vector []replog.Reach) {
	known := make(map[replog.Origin]replog.Seq, len(vector))
	for _, v := range vector {
		known[v.Origin] = v.Seq
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for o, r := range b.rows {
		if o.Shard != shard {
			continue
		}
		switch seq := known[o]; {
		case seq >= r.newest.Seq:
			r.covered, r.waiting = r.newest, heard{}
		case r.waiting.Wall > 0 && seq >= r.waiting.Seq:
			r.covered, r.waiting = r.waiting, r.newest
		}
	}
}

// Newest gives the newest mark of each origin.
func (b *Board) Newest() []Mark {
	b.mu.Lock()
	defer b.mu.Unlock()
	marks := make([]Mark, 0, len(b.rows))
	for _, r := range b.rows {
		marks = append(marks, r.newest.Mark)
	}
	slices.SortFunc(marks, func(a, b Mark) int { return cmp.Compare(b.Wall, a.Wall) })
	return marks
}

// Complete is up to when a node is complete here.
type Complete struct {
	Until time.Time // of its clock; zero = not known
	Heard time.Time // the newest mark of it that was heard of
	// Behind is how long ago, by the own clock, a mark was heard of up to which it is complete: clocks that differ do not
	// matter. -1 = not known.
	Behind time.Duration
}

// Complete says of each node of which there are marks of all of some shards up to when it is complete here.
func (b *Board) Complete(shards map[string][]int) map[string]Complete {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]Complete{}
	for node, held := range shards {
		var until, newest heard
		for i, shard := range held {
			u, h := b.shard(node, shard)
			if h.Wall > newest.Wall {
				newest = h
			}
			if i == 0 || u.Wall < until.Wall {
				until = u
			}
		}
		c := Complete{Behind: -1}
		if until.Wall > 0 {
			c.Until, c.Behind = time.UnixMilli(until.Wall), time.Since(until.at)
		}
		if newest.Wall > 0 {
			c.Heard = time.UnixMilli(newest.Wall)
		}
		all[node] = c
	}
	return all
}

// shard says up to when a shard of a node is complete, over all its lives, and the newest that was heard of it.
func (b *Board) shard(node string, shard int) (until, newest heard) {
	var low *heard // what an origin that is not covered allows
	for o, r := range b.rows {
		if o.Node != node || o.Shard != shard {
			continue
		}
		if r.newest.Wall > newest.Wall {
			newest = r.newest
		}
		if r.covered.Wall > until.Wall {
			until = r.covered
		}
		if r.waiting.Wall > 0 && (low == nil || r.covered.Wall < low.Wall) {
			low = &r.covered
		}
	}
	if low != nil && low.Wall < until.Wall {
		until = *low
	}
	return until, newest
}

// Keep forgets the origins of a shard that are not among some, but for the newest of each node.
func (b *Board) Keep(shard int, live map[replog.Origin]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	newest := map[string]int64{}
	for o, r := range b.rows {
		if o.Shard == shard {
			newest[o.Node] = max(newest[o.Node], r.newest.Wall)
		}
	}
	maps.DeleteFunc(b.rows, func(o replog.Origin, r *row) bool {
		return o.Shard == shard && !live[o] && r.waiting.Wall == 0 && r.newest.Wall < newest[o.Node]
	})
}
