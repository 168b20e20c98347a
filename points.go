package dunlin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/bundle"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Point is one value of one series.
type Point struct {
	Host   string // as people write it: "web1:9100", "::1"
	Metric string // any text, or a name with canonical labels: http_requests{code="200",method="GET"}
	Time   time.Time
	Value  string // text, kept byte for byte; decimals are compressed and plotted
}

// Status is what became of a point.
type Status int

// A point is stored, refused for good, could not be delivered now, or was given to Add and dropped for a limit.
const (
	Stored Status = iota
	Refused
	Unavailable
	Dropped
)

// String gives the word for people.
func (s Status) String() string { return [...]string{"stored", "refused", "unavailable", "dropped"}[s] }

// Result is what became of one point.
type Result struct {
	Status Status
	Node   string // who took or refused it
	Err    error  // why not: wraps ErrRefused or ErrUnavailable
}

// Write stores points, each on the nearest node that holds its series, and gives a result for each, in order. It
// blocks until all have one, for Config.Deadline at most. The error joins what could not be done, nil when everything
// is stored; a point that is refused does not hold up the others. Nothing is kept: what is Unavailable may be given to
// Add, or written again, which is harmless.
func (c *Client) Write(ctx context.Context, points []Point) ([]Result, error) {
	results := make([]Result, len(points))
	c.counts.written.Add(int64(len(points)))
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cancel()
	c.core.runParcels(ctx, c.pack(points, results), results)
	return results, summary(results)
}

// pack checks the points and gathers them by cell. Points that break the grammar get their result here.
func (c *core) pack(points []Point, results []Result) []*parcel {
	var out []*parcel
	v := c.view.Load()
	text := bundle.NewText(v.topo.Layout)
	open := map[*cell]*parcel{}
	for i := range points {
		cell, err := c.place(v, &text, &points[i])
		if err != nil {
			c.counts.refused.Add(1)
			results[i] = Result{Status: Refused, Err: err}
			continue
		}
		p := open[cell]
		if p == nil || p.Len() == c.cfg.Limits.Batch {
			p = newParcel(v, cell)
			open[cell] = p
			out = append(out, p)
		}
		p.Add(&text)
		p.at = append(p.at, i)
	}
	return out
}

// place writes a point into text and gives the cell where it goes.
func (c *core) place(v *view, text *bundle.Text, p *Point) (*cell, error) {
	ms := p.Time.UnixMilli()
	if p.Time.Unix() < 0 {
		ms = -1
	}
	if err := text.Set(ms, p.Host, p.Metric, p.Value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return v.cellFor(text), nil
}

// runParcels delivers the parcels side by side and fills in the results of their points.
func (c *core) runParcels(ctx context.Context, out []*parcel, results []Result) {
	done := func(p *parcel, i int, r Result) {
		if i != everyone {
			results[p.at[i]] = r
			return
		}
		for _, at := range p.at {
			results[at] = r
		}
	}
	one := func(p *parcel) {
		left, err := c.deliver(ctx, p, done)
		if v := c.view.Load(); left != nil && left.view != v && ctx.Err() == nil {
			c.runParcels(ctx, left.split(v), results) // the topology changed meanwhile
			return
		}
		if left != nil {
			c.counts.unavailable.Add(int64(left.Len()))
			done(left, everyone, Result{Status: Unavailable, Err: err})
		}
	}
	if len(out) == 1 {
		one(out[0])
		return
	}
	var wg sync.WaitGroup
	for _, p := range out {
		wg.Go(func() { one(p) })
	}
	wg.Wait()
}

// summary is one error for all results: how many, and the first reason of each kind.
func summary(results []Result) error {
	var count [4]int
	var first [4]error
	for i := range results {
		r := &results[i]
		if count[r.Status]++; first[r.Status] == nil {
			first[r.Status] = r.Err
		}
	}
	var errs []error
	for _, s := range []Status{Refused, Unavailable} {
		if count[s] > 0 {
			errs = append(errs, fmt.Errorf("%d of %d points not stored: %w", count[s], len(results), first[s]))
		}
	}
	return errors.Join(errs...)
}

// Add takes points and returns; they are sent soon, in batches. What no node takes now waits, bounded by
// Config.Limits, and is sent when one answers again, newest first. Add itself waits only while the queue is full and a
// node is there to empty it, at most until ctx ends. The error says which points were not taken: refused by the
// grammar, or all from some index on because ctx ended or the client is closed.
func (c *Client) Add(ctx context.Context, points ...Point) error { return c.queue.add(ctx, points) }

// Flush waits until every point that Add took before is stored or refused. It returns an ErrUnavailable with their
// number when ctx ends and some still wait.
func (c *Client) Flush(ctx context.Context) error { return c.queue.flush(ctx) }

// point gives the i-th point of a parcel back, for reports.
func (p *parcel) point(i int) Point {
	at, name, value := p.At(i)
	ms, _, _ := series.ParseTime(at)
	k, err := series.ParseSeries(name)
	if err != nil {
		panic("BUG: a parcel holds a bad series: " + err.Error())
	}
	return Point{
		Host: series.UnescapeHost(k.Host()), Metric: string(k.Metric()), Value: string(value),
		Time: time.UnixMilli(ms).UTC(),
	}
}
