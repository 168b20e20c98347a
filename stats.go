package dunlin

import "sync/atomic"

// Stats counts points since the client was opened.
type Stats struct {
	Added       int64            // taken by Add
	Written     int64            // given to Write
	Stored      int64            // acknowledged by a node; what was sent twice counts twice
	Refused     int64            // by the grammar or by a node, for good
	Unavailable int64            // results of Write that say so
	FailedOver  int64            // sent to another node because one did not take them
	Dropped     map[string]int64 // taken by Add and lost, by reason
	Waiting     int              // in memory now
	Spooled     int64            // in the spool now
}

// Why points that Add took are dropped.
const (
	dropQueueFull  = "queue full"
	dropClosed     = "client closed"
	dropSpoolFull  = "spool full"
	dropSpoolWrite = "spool can not be written"
	dropSpoolRead  = "spool can not be read"
)

var dropReasons = []string{dropQueueFull, dropClosed, dropSpoolFull, dropSpoolWrite, dropSpoolRead}

// counts are the figures behind Stats.
type counts struct {
	added, written, stored, refused, unavailable, failedOver atomic.Int64
	dropped                                                  [5]atomic.Int64 // as dropReasons
}

func (n *counts) drop(reason string, points int) {
	for i, r := range dropReasons {
		if r == reason {
			n.dropped[i].Add(int64(points))
		}
	}
}

// lost is how many points were dropped for any reason.
func (n *counts) lost() (sum int64) {
	for i := range n.dropped {
		sum += n.dropped[i].Load()
	}
	return sum
}

// Stats gives the counts so far.
func (c *Client) Stats() Stats {
	n := &c.counts
	s := Stats{
		Added: n.added.Load(), Written: n.written.Load(), Stored: n.stored.Load(), Refused: n.refused.Load(),
		Unavailable: n.unavailable.Load(), FailedOver: n.failedOver.Load(), Dropped: map[string]int64{},
	}
	for i, reason := range dropReasons {
		if d := n.dropped[i].Load(); d > 0 {
			s.Dropped[reason] = d
		}
	}
	s.Waiting = c.queue.waiting()
	if c.queue.disk != nil {
		s.Spooled = c.queue.disk.Points()
	}
	return s
}
