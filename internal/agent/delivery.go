package agent

import (
	"context"
	"log/slog"
	"sync"

	"github.com/dunlin-db/dunlin"
)

// maxSend is how many points go into one call of the client.
const maxSend = 5000

// Writer is the part of the client that an agent needs.
type Writer interface {
	Write(ctx context.Context, points []dunlin.Point) ([]dunlin.Result, error)
}

// Stats counts points since the start.
type Stats struct {
	Stored  int64
	Refused int64
	Dropped int64 // fell out of the full queue
	Queued  int   // waiting now
}

// Delivery writes points and keeps those that no node took for the next time.
type Delivery struct {
	writer Writer
	max    int // points the queue holds; the oldest fall out
	log    *slog.Logger

	mu    sync.Mutex // protects what follows
	queue []dunlin.Point
	stats Stats
	down  bool // the last send failed: complain once per outage
}

// NewDelivery makes one whose queue holds max points.
func NewDelivery(w Writer, max int, log *slog.Logger) *Delivery {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Delivery{writer: w, max: max, log: log}
}

// Stats gives the present counts.
func (d *Delivery) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Queued = len(d.queue)
	return s
}

// Send writes the points that wait and then these. It is called by one goroutine at a time.
func (d *Delivery) Send(ctx context.Context, points []dunlin.Point) {
	d.mu.Lock()
	all := append(d.queue, points...)
	d.queue = nil
	d.mu.Unlock()
	var left []dunlin.Point
	for len(all) > 0 && ctx.Err() == nil {
		n := min(len(all), maxSend)
		undelivered, err := d.sendSome(ctx, all[:n])
		left, all = append(left, undelivered...), all[n:]
		d.report(len(undelivered) > 0, err)
		if len(undelivered) == n { // nobody is there: spare the rest the wait
			break
		}
	}
	left = append(left, all...)
	d.mu.Lock()
	defer d.mu.Unlock()
	if over := len(left) - d.max; over > 0 {
		d.stats.Dropped += int64(over)
		left = left[over:]
	}
	d.queue = left
}

func (d *Delivery) sendSome(ctx context.Context, points []dunlin.Point) ([]dunlin.Point, error) {
	results, err := d.writer.Write(ctx, points)
	var left []dunlin.Point
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, r := range results {
		switch r.Status {
		case dunlin.Stored:
			d.stats.Stored++
		case dunlin.Refused:
			d.stats.Refused++
		default:
			left = append(left, points[i])
		}
	}
	return left, err
}

func (d *Delivery) report(down bool, err error) {
	switch {
	case down && !d.down:
		d.log.Warn("points wait: no node takes them", "err", err)
	case !down && d.down:
		d.log.Info("points are taken again")
	case !down && err != nil:
		d.log.Warn("points refused", "err", err)
	}
	d.down = down
}
