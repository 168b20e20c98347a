package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/load"
)

// target is one server with its place in the work.
type target struct {
	server  Server
	load    *Load
	set     *load.Set
	clients []*client
	ticks   int // that the series have got or are getting
	report  *ServerReport
	dunlin  bool
	filled  atomic.Int64 // points of the fill so far
	added   atomic.Int64 // points that were new, as the server counts

	progress func(Stage, int64)
}

func newTarget(s Server, l *Load) *target {
	t := &target{server: s, load: l, report: &ServerReport{URL: s.name(), Form: s.Form}}
	u, err := url.Parse(s.URL)
	if err != nil {
		panic("BUG: not checked: " + s.name())
	}
	t.set = load.New(load.Config{
		Shape: l.Shape, Form: s.Form, Commands: t.commands(), Samples: l.Pipeline, Single: l.Realtime, URL: u,
	})
	for i := range l.Clients {
		t.clients = append(t.clients, &client{
			target: t, stream: t.set.Stream(i*l.Hosts/l.Clients, (i+1)*l.Hosts/l.Clients),
		})
	}
	return t
}

// fatal is an error for refusals that every further command would get too; nil for others, which are counted.
func (t *target) fatal(refusal string) error {
	if h := hint(refusal); h != "" {
		return fmt.Errorf("%s says %s%s", t.server.name(), quoted(refusal), h)
	}
	if t.server.http() && !strings.HasPrefix(refusal, "5") {
		return fmt.Errorf("%s says %s; is this its path for remote write?", t.server.name(), quoted(refusal))
	}
	return nil
}

// runDials connects all clients, a few at a time.
func (t *target) runDials(ctx context.Context) ([]*conn, error) {
	// Replies of a batch are some bytes a command; a thousand connections should not hold a megabyte each.
	buffer := min(max(16*t.load.Pipeline, 4<<10), 64<<10)
	conns := make([]*conn, len(t.clients))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for i := range conns {
		g.Go(func() (err error) {
			conns[i], err = dial(ctx, &t.server, buffer)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		closeAll(conns)
		return nil, err
	}
	return conns, nil
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		if c != nil {
			_ = c.Close() // all replies are read, or it failed before
		}
	}
}

// runClients lets f work on every connection and returns when all are done, or one has failed.
func (t *target) runClients(ctx context.Context, conns []*conn, f func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range conns {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

// runFill writes the ticks that come before the first round.
func (t *target) runFill(ctx context.Context) error {
	conns, err := t.runDials(ctx)
	if err != nil {
		return err
	}
	defer closeAll(conns)
	began := time.Now()
	stop := t.runWatch(Stage{t.server.name(), "fill", int64(t.load.Fill * t.load.series())}, t.filled.Load)
	err = t.runClients(ctx, conns, func(ctx context.Context, i int) error { return t.clients[i].fill(ctx, conns[i]) })
	stop()
	if err != nil {
		return cause(ctx, fmt.Errorf("fill: %w", err))
	}
	t.ticks = t.load.Fill
	t.report.Fill = Fill{Points: t.filled.Load(), Seconds: time.Since(began).Seconds()}
	return nil
}

// fill keeps one batch on its way and encodes the next meanwhile.
func (c *client) fill(ctx context.Context, nc *conn) error {
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { giveUp(ctx, nc) })()
	until := c.target.load.Fill
	var now, next load.Batch
	for c.stream.Fill(&now, until); now.Commands > 0 && ctx.Err() == nil; now, next = next, now {
		if _, err := nc.Write(now.Bytes); err != nil {
			return fmt.Errorf("write to %s: %w", c.target.server.name(), err)
		}
		c.stream.Fill(&next, until)
		var t totals
		if err := c.settle(nc.in, &sent{Batch: now}, &t); err != nil {
			return err
		}
		if t.errors > 0 {
			return fmt.Errorf("%s says %s", c.target.server.name(), quoted(t.first))
		}
		c.target.filled.Add(int64(now.Points))
		c.target.added.Add(t.added)
	}
	return ctx.Err()
}

// runRound writes the ticks of one round and measures.
func (t *target) runRound(ctx context.Context, round int) (Round, error) {
	for _, c := range t.clients {
		c.stream.Until(t.until(), round == t.load.Rounds)
	}
	conns, err := t.runDials(ctx)
	if err != nil {
		return Round{}, err
	}
	defer closeAll(conns)
	before, err := measure(ctx, &t.server)
	if err != nil {
		return Round{}, err
	}
	timed := ctx
	if t.load.Duration > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, t.load.Duration)
		defer cancel()
	}
	sum := newTotals()
	busy, began := processTime(), time.Now()
	stop := t.runWatch(Stage{t.server.name(), fmt.Sprintf("round %d", round), t.roundPoints()}, sum.sent)
	err = t.runClients(timed, conns, func(ctx context.Context, i int) error {
		return t.clients[i].run(ctx, conns[i], sum)
	})
	stop()
	seconds, busy := time.Since(began).Seconds(), processTime()-busy
	if err != nil {
		return Round{}, cause(ctx, err)
	}
	after, err := measure(ctx, &t.server)
	if err != nil {
		return Round{}, err
	}
	t.ticks = t.clients[0].stream.Tick()
	t.added.Add(sum.added)
	r := sum.round(seconds, after.cpu-before.cpu)
	r.GeneratorBusy = busy / seconds
	return r, ctx.Err()
}

// until is the tick at which the round ends that comes next.
func (t *target) until() int {
	if t.load.Ticks == 0 {
		return t.load.total
	}
	return min(t.ticks+t.load.Ticks, t.load.total)
}

// roundPoints is how many points the coming round has, -1 if its duration says.
func (t *target) roundPoints() int64 {
	if t.load.Duration > 0 {
		return -1
	}
	return int64(t.until()-t.ticks) * int64(t.load.series())
}

// watchEvery is how often progress is told.
const watchEvery = 200 * time.Millisecond

// runWatch tells progress until stop is called, which waits for its end.
func (t *target) runWatch(s Stage, done func() int64) (stop func()) {
	if t.progress == nil {
		return func() {}
	}
	ended, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				t.progress(s, done())
			case <-end:
				t.progress(s, -1)
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// cause gives ErrInterrupted when err comes from an interruption.
func cause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ErrInterrupted
	}
	return err
}
