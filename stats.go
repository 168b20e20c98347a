package dunlin

import "sync/atomic"

// Stats counts points since the client was opened.
type Stats struct {
	Added       int64            // taken by Add
	Written     int64            // given to Write
	Stored      int64            // acknowledged by a node
	Refused     int64            // by the grammar or by a node, for good
	Unavailable int64            // results of Write that say so
	FailedOver  int64            // sent to another node because one did not take them
	Dropped     map[string]int64 // taken by Add and lost, by reason
	Waiting     int              // in memory now
}

// Why points that Add took are dropped.
const (
	dropQueueFull = "queue full"
	dropClosed    = "client closed"
)

var dropReasons = []string{dropQueueFull, dropClosed}

// counts are the figures behind Stats.
type counts struct {
	added, written, stored, refused, unavailable, failedOver atomic.Int64
	dropped                                                  [2]atomic.Int64 // as dropReasons
}

func (n *counts) drop(reason string, points int) {
	for i, r := range dropReasons {
		if r == reason {
			n.dropped[i].Add(int64(points))
		}
	}
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
	return s
}
