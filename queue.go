package dunlin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/bundle"
	"github.com/dunlin-db/dunlin/internal/spool"
)

const (
	mostFlying = 3                     // parcels of a cell on their way at once: they leave room for calls
	firstRest  = 20 * time.Millisecond // how long a cell is left alone whose points came back
	longRest   = time.Second
	mostTried  = 8
	// longPatience is the most that a server may take for a parcel, where Config.Timeout is not longer
	longPatience = 10 * time.Second
	addChunk     = 256     // points that Add takes under one lock
	firstSeq     = 1 << 32 // of what Add takes: what comes from the spool is older
)

// queue holds the points of Add until they are stored. Its Run sends them.
type queue struct {
	core *core
	wake chan struct{} // something may be sent now
	disk *spool.Spool  // nil = none

	mu      sync.Mutex // protects what follows
	text    bundle.Text
	lanes   map[*cell]*lane
	flying  map[uint64]flight
	depot   depot
	points  int // in memory: in open, ready and flying parcels
	seq     uint64
	closed  bool
	moved   chan struct{} // closed, and another made, when points left; nil while nobody waits
	flights sync.WaitGroup
}

// lane is the queue of one cell.
type lane struct {
	cell   *cell
	open   *parcel
	opened time.Time
	ready  []*parcel // oldest first
	flying int       // parcels on their way
	tried  int       // parcels that came back, less those that were stored since
	rest   time.Duration
	until  time.Time // nothing is sent before
	behind bool      // nobody took from it for a while
	stale  bool      // the topology changed
}

// flight is a parcel on its way.
type flight struct {
	seq    uint64
	points int
	loan   *loan
}

func newQueue(c *core, t *Topology) *queue {
	return &queue{
		core: c, wake: make(chan struct{}, 1), text: bundle.NewText(t.Layout),
		lanes: map[*cell]*lane{}, flying: map[uint64]flight{}, seq: firstSeq,
	}
}

// changed is called when a server went down or came up.
func (q *queue) changed() {
	q.mu.Lock()
	for _, l := range q.lanes {
		l.until, l.rest = time.Time{}, 0
	}
	q.mu.Unlock()
	q.kick()
}

func (q *queue) kick() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.points
}

func (q *queue) lane(c *cell) *lane {
	l := q.lanes[c]
	if l == nil {
		l = &lane{cell: c}
		q.lanes[c] = l
	}
	return l
}

// add takes points, and waits where the queue is full.
func (q *queue) add(ctx context.Context, points []Point) error {
	var bad error
	refused := 0
	for start := 0; start < len(points); start += addChunk {
		if err := q.room(ctx); err != nil {
			left := len(points) - start
			return errors.Join(bad, fmt.Errorf("%w: the last %d of %d points not taken", err, left, len(points)))
		}
		n, err := q.addSome(points[start:min(start+addChunk, len(points))])
		if refused += n; bad == nil {
			bad = err
		}
	}
	if bad != nil {
		return fmt.Errorf("%d of %d points not taken: %w", refused, len(points), bad)
	}
	return nil
}

// room waits until the queue has room.
func (q *queue) room(ctx context.Context) error {
	for {
		q.mu.Lock()
		switch {
		case q.closed:
			q.mu.Unlock()
			return ErrClosed
		case q.points < q.core.cfg.Limits.Queue:
			q.mu.Unlock()
			return ctx.Err()
		}
		moved := q.watch()
		q.mu.Unlock()
		q.kick()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%w: the queue is full and ctx ended: %w", ErrUnavailable, ctx.Err())
		}
	}
}

// watch gives a channel that is closed when points have left; mu is held.
func (q *queue) watch() <-chan struct{} {
	if q.moved == nil {
		q.moved = make(chan struct{})
	}
	return q.moved
}

// left notes that n points left; mu is held.
func (q *queue) left(n int) {
	q.points -= n
	if q.moved != nil {
		close(q.moved)
		q.moved = nil
	}
}

// addSome takes points under one lock and gives the number and the first error of those that break the grammar.
func (q *queue) addSome(points []Point) (refused int, bad error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	v := q.core.view.Load()
	wake := false
	for i := range points {
		cell, err := q.core.place(v, &q.text, &points[i])
		if err != nil {
			if refused++; bad == nil {
				bad = err
			}
			continue
		}
		l := q.lane(cell)
		if l.open == nil {
			l.open = newParcel(v, cell)
			l.open.seq = q.next()
			l.opened = time.Now()
			wake = true // its linger begins
		}
		l.open.Add(&q.text)
		q.points++
		if l.open.Len() >= q.core.cfg.Limits.Batch {
			l.seal()
			wake = true
		}
	}
	q.core.counts.added.Add(int64(len(points) - refused))
	q.core.counts.refused.Add(int64(refused))
	if wake {
		q.kick()
	}
	return refused, bad
}

func (q *queue) next() uint64 { q.seq++; return q.seq }

// seal makes the open parcel ready to go.
func (l *lane) seal() {
	if l.open != nil {
		l.ready = append(l.ready, l.open)
		l.open = nil
	}
}

// take gives the parcel to send next: the oldest, so that points arrive in the order of their time, which is cheapest
// for a node; after an outage the newest, until none is left.
func (l *lane) take() *parcel {
	at := 0
	if l.behind {
		at = len(l.ready) - 1
	}
	p := l.ready[at]
	l.ready = slices.Delete(l.ready, at, at+1)
	l.behind = l.behind && len(l.ready) > 0
	return p
}

// putBack makes a parcel wait again, at its place in time.
func (l *lane) putBack(p *parcel) {
	i, _ := slices.BinarySearchFunc(l.ready, p.seq, func(other *parcel, seq uint64) int {
		return int(int64(other.seq) - int64(seq))
	})
	l.ready = slices.Insert(l.ready, i, p)
}

// split gives the points of a parcel to the cells of the present topology; mu is held.
func (q *queue) split(p *parcel) {
	for _, part := range p.split(q.core.view.Load()) {
		q.lane(part.cell).putBack(part)
	}
}

// reroute gives what waits to the cells of the present topology. What is on its way follows if it comes back.
func (q *queue) reroute() {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := q.lanes
	q.lanes = map[*cell]*lane{}
	for _, l := range old {
		l.seal()
		l.stale = true
		for _, p := range l.ready {
			q.split(p)
		}
		l.ready = nil
	}
	q.kick()
}

// flush waits until nothing is left of what was added before.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	for _, l := range q.lanes {
		l.seal()
	}
	upTo := q.seq
	q.mu.Unlock()
	q.kick()
	for {
		q.mu.Lock()
		n := q.older(upTo)
		if n == 0 {
			q.mu.Unlock()
			return nil
		}
		moved := q.watch()
		q.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%w: %d points wait: %w", ErrUnavailable, n, ctx.Err())
		}
	}
}

// older counts the points of parcels that were begun up to seq; mu is held.
func (q *queue) older(seq uint64) int {
	n := 0
	for _, f := range q.flying {
		if f.seq <= seq && f.loan == nil {
			n += f.points
		}
	}
	n += q.depot.points
	if q.disk != nil && !q.closed {
		n += int(q.disk.Points())
	}
	for _, l := range q.lanes {
		for _, p := range append(l.ready[:len(l.ready):len(l.ready)], l.open) {
			if p != nil && p.seq <= seq && p.loan == nil {
				n += p.Len()
			}
		}
	}
	return n
}

// drain takes no more points and gives those that wait a last chance, where somebody is there to take them.
func (q *queue) drain() {
	q.mu.Lock()
	q.closed = true
	q.left(0) // Add need not wait any longer
	hope := len(q.flying) > 0
	for _, l := range q.lanes {
		l.seal()
		hope = hope || len(l.ready) > 0 && l.cell.up()
	}
	q.mu.Unlock()
	if !hope {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.core.cfg.Deadline)
	defer cancel()
	_ = q.flush(ctx) // what is left is counted below
}

// abandon lets go of what is left when nothing is sent any longer.
func (q *queue) abandon() error {
	q.mu.Lock()
	before := q.core.counts.lost()
	for _, l := range q.lanes {
		for _, p := range l.ready {
			q.letGo(p, dropClosed)
		}
		l.ready = nil
	}
	q.runSpill()
	q.mu.Unlock()
	q.flights.Wait()
	var err error
	if n := q.core.counts.lost() - before; n > 0 {
		err = fmt.Errorf("%w: %d points that no node took are lost", ErrUnavailable, n)
	}
	if q.disk != nil {
		err = errors.Join(err, q.disk.Close())
	}
	return err
}
