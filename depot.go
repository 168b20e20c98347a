package dunlin

import (
	"fmt"

	"github.com/dunlin-db/dunlin/internal/bundle"
	"github.com/dunlin-db/dunlin/internal/spool"
)

// depot is the queue's side of the spool. The queue's mu protects it.
type depot struct {
	spill   []*parcel // to be written
	points  int       // of these, and of those being written
	writing bool
	reading bool
}

// loan is a segment of the spool whose points are being sent. It is deleted when all of its parcels are settled, and
// kept to be sent again when one is given up. A nil loan is none. The queue's mu protects it.
type loan struct {
	segment *spool.Loan
	queue   *queue
	parcels int
	kept    bool
}

// share says that one more parcel answers for the loan.
func (l *loan) share() {
	if l != nil {
		l.parcels++
	}
}

// settle says that a parcel needs the loan no longer: done, or given up. mu is held.
func (l *loan) settle(done bool) {
	if l == nil {
		return
	}
	l.parcels--
	l.kept = l.kept || !done
	if l.parcels > 0 {
		return
	}
	l.queue.runReturn(l)
}

// runReturn gives a loan back to the disk.
func (q *queue) runReturn(l *loan) {
	q.flights.Add(1)
	go func() {
		defer q.flights.Done()
		if l.kept || l.segment.Done() != nil {
			l.segment.Return()
		}
		q.mu.Lock()
		q.depot.reading = false
		q.left(0) // Flush looks at the spool too
		q.mu.Unlock()
		q.kick()
	}()
}

// runSpill writes the parcels that were let go to the spool; mu is held.
func (q *queue) runSpill() {
	d := &q.depot
	if len(d.spill) == 0 || d.writing {
		return
	}
	batch := d.spill
	d.spill, d.writing = nil, true
	q.flights.Add(1)
	go func() {
		defer q.flights.Done()
		var record []byte
		for _, p := range batch {
			record = p.AppendRecord(record[:0])
			dropped, err := q.disk.Append(spool.Record{Points: p.Len(), Payload: record})
			q.core.counts.drop(dropSpoolFull, int(dropped))
			q.mu.Lock()
			d.points -= p.Len()
			if err != nil {
				q.drop(p, dropSpoolWrite)
			} else {
				q.left(p.Len())
				p.recycle()
			}
			q.mu.Unlock()
		}
		q.mu.Lock()
		d.writing = false
		q.runSpill() // what was let go meanwhile
		q.mu.Unlock()
		q.kick()
	}()
}

// dropped reports the points of a record that went because the spool is full; they are counted elsewhere.
func (q *queue) dropped(r spool.Record) {
	b, err := bundle.ParseRecord(r.Payload)
	if err != nil {
		return
	}
	why := fmt.Errorf("%w: %s", ErrUnavailable, dropSpoolFull)
	q.runReport(&parcel{Bundle: *b}, Result{Status: Dropped, Err: why})
}

// runRefill takes the newest segment of the spool when somebody answers and little waits in memory; mu is held.
func (q *queue) runRefill() {
	if q.disk == nil || q.closed || q.depot.reading || q.points > q.core.cfg.Limits.Queue/2 || q.disk.Points() == 0 {
		return
	}
	idle := false
	for _, c := range q.core.view.Load().cells {
		idle = idle || c.up() && len(q.lane(c).ready) == 0
	}
	if !idle {
		return
	}
	q.depot.reading = true
	q.flights.Add(1)
	go func() {
		defer q.flights.Done()
		segment, err := q.disk.Newest()
		q.mu.Lock()
		defer q.mu.Unlock()
		if segment == nil || err != nil {
			q.depot.reading = false
			return
		}
		q.core.counts.drop(dropSpoolRead, int(segment.Lost))
		q.refill(segment)
		q.kick()
	}()
}

// refill queues the points of a segment, before all that is in memory; mu is held.
func (q *queue) refill(segment *spool.Loan) {
	l := &loan{segment: segment, queue: q, parcels: 1}
	for i, r := range segment.Records {
		b, err := bundle.ParseRecord(r.Payload)
		if err != nil {
			q.core.counts.drop(dropSpoolRead, r.Points)
			continue
		}
		p := &parcel{Bundle: *b, seq: uint64(i + 1), loan: l}
		l.share()
		q.points += p.Len()
		q.split(p)
	}
	for _, lane := range q.lanes {
		lane.behind = lane.behind || len(lane.ready) > 0
	}
	l.settle(true)
}
