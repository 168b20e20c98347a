package dunlin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run sends what waits until ctx ends, and returns when nothing is on its way any longer.
func (q *queue) Run(ctx context.Context) {
	defer q.flights.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(q.runSome(ctx))
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-timer.C:
		}
	}
}

// runSome sends whatever may go now and says when to look again.
func (q *queue) runSome(ctx context.Context) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, again := time.Now(), time.Hour
	for _, l := range q.lanes {
		if l.open != nil {
			if due := l.opened.Add(q.core.cfg.Limits.Linger).Sub(now); due <= 0 {
				l.seal()
			} else {
				again = min(again, due)
			}
		}
		if wait := l.until.Sub(now); wait > 0 {
			again = min(again, wait)
			continue
		}
		if len(l.ready) > 0 && !l.cell.up() {
			l.behind = true
			continue
		}
		for len(l.ready) > 0 && l.flying < max(1, mostFlying>>l.tried) {
			q.runFlight(ctx, l, l.take())
		}
	}
	q.shed(now)
	q.runRefill()
	return again
}

// shed lets go of the oldest points of cells that nobody takes from when the queue is full: into the spool if there is
// one. mu is held.
func (q *queue) shed(now time.Time) {
	most := q.core.cfg.Limits.Queue
	if q.points < most || q.depot.writing {
		return
	}
	defer q.runSpill()
	for q.points-q.depot.points > most-most/4 {
		var oldest *lane
		for _, l := range q.lanes {
			stuck := now.Before(l.until) || !l.cell.up()
			if stuck && len(l.ready) == 0 {
				l.seal()
			}
			if stuck && len(l.ready) > 0 && (oldest == nil || l.ready[0].seq < oldest.ready[0].seq) {
				oldest = l
			}
		}
		if oldest == nil {
			return
		}
		p := oldest.ready[0]
		oldest.ready = slices.Delete(oldest.ready, 0, 1)
		q.letGo(p, dropQueueFull)
	}
}

// letGo spools a parcel, or drops it for a reason where there is no spool; mu is held.
func (q *queue) letGo(p *parcel, reason string) {
	switch {
	case p.loan != nil: // it lies there already
		q.left(p.Len())
		p.loan.settle(false)
	case q.disk != nil:
		q.depot.spill = append(q.depot.spill, p)
		q.depot.points += p.Len()
	default:
		q.drop(p, reason)
	}
}

// drop loses a parcel, and says so; mu is held.
func (q *queue) drop(p *parcel, reason string) {
	q.core.counts.drop(reason, p.Len())
	q.left(p.Len())
	if q.core.cfg.OnResult != nil {
		err := fmt.Errorf("%w: %s", ErrUnavailable, reason)
		q.runReport(p, Result{Status: Dropped, Err: err})
		return
	}
	p.recycle()
}

// runReport tells the owner what became of all points of a parcel.
func (q *queue) runReport(p *parcel, r Result) {
	q.flights.Add(1)
	go func() {
		defer q.flights.Done()
		for i := range p.Len() {
			q.core.cfg.OnResult(p.point(i), r)
		}
	}()
}

// runFlight delivers a parcel; what is left of it waits again. mu is held.
func (q *queue) runFlight(ctx context.Context, l *lane, p *parcel) {
	id, f := q.next(), flight{p.seq, p.Len(), p.loan}
	p.patience = q.patience(l)
	q.flying[id] = f
	l.flying++
	q.flights.Add(1)
	go func() {
		defer q.flights.Done()
		left, err := q.core.deliver(ctx, p, q.settle)
		q.mu.Lock()
		delete(q.flying, id)
		if left != nil {
			f.points -= left.Len()
		}
		q.left(f.points)
		q.land(l, f.loan, left, err)
		q.mu.Unlock()
		q.kick()
	}()
}

// patience is how long a server may take for a parcel that nobody waits for: longer than for a call, and longer each
// time it was not long enough, so that a flock which is slower than it should be still gets its points. There are also
// fewer of them on their way then.
func (q *queue) patience(l *lane) time.Duration {
	return min(q.core.cfg.Timeout*5<<l.tried, max(longPatience, q.core.cfg.Timeout))
}

// land makes what is left of a parcel wait again; mu is held.
func (q *queue) land(l *lane, on *loan, left *parcel, why error) {
	l.flying--
	switch {
	case left == nil:
		l.tried, l.rest, l.until = max(l.tried-1, 0), 0, time.Time{}
		on.settle(true)
	case l.stale:
		q.split(left)
	default:
		l.putBack(left)
		l.behind = true
		l.tried = min(l.tried+1, mostTried)
		if l.cell.up() && !errors.Is(why, context.Canceled) {
			l.rest = min(max(firstRest, 2*l.rest), longRest)
			l.until = time.Now().Add(l.rest)
		}
	}
}

// settle reports a point of Add that is refused.
func (q *queue) settle(p *parcel, i int, r Result) {
	if r.Status == Refused && q.core.cfg.OnResult != nil {
		q.core.cfg.OnResult(p.point(i), r)
	}
}
