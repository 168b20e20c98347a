package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Drop is what it cost to drop a day, and what another client saw meanwhile.
type Drop struct {
	Period     string    `json:"period"`
	How        string    `json:"how"`                // the command
	Seconds    float64   `json:"seconds"`            // from the first command to the last reply
	Settled    float64   `json:"settled_seconds"`    // until the server's CPU rested
	CPUSeconds float64   `json:"server_cpu_seconds"` // until then, without the probe's share
	Quiet      Quantiles `json:"probe_before"`
	Probe      Quantiles `json:"probe"` // until the server had settled
	UsedBefore int64     `json:"used_before_bytes"`
	UsedAfter  int64     `json:"used_after_bytes"`
	RSSBefore  int64     `json:"rss_before_bytes"`
	RSSAfter   int64     `json:"rss_after_bytes"`
}

const (
	probeEvery  = time.Millisecond
	quietTime   = time.Second      // that the probe is measured before the drop
	settleEvery = time.Second / 2  // how often it is asked whether the server rests
	mostSettle  = 60 * time.Second // after which it is not waited for any longer
	unlinkKeys  = 100              // of one UNLINK
	unlinkAhead = 64               // commands of UNLINK on their way
)

// runDrop drops the day of the data while a probe writes one point a millisecond into the present day.
func (t *target) runDrop(ctx context.Context) (*Drop, error) {
	stop := t.runWatch(Stage{t.server.name(), "drop the day", -1}, func() int64 { return 0 })
	defer stop()
	c, err := dial(ctx, &t.server, 64<<10)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // all replies are read
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { giveUp(ctx, c) })()
	p, err := newProbe(ctx, t)
	if err != nil {
		return nil, err
	}
	outer := ctx
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.run(ctx) })
	var d *Drop
	g.Go(func() (err error) {
		defer p.stop()
		d, err = t.dropWatched(ctx, c, p)
		return err
	})
	err = g.Wait()
	return d, cause(outer, err)
}

func (t *target) dropWatched(ctx context.Context, c *conn, p *probe) (*Drop, error) {
	d := &Drop{Period: t.load.Start.Format("2006-01-02")}
	idle, err := measure(ctx, &t.server)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, quietTime); err != nil {
		return nil, err
	}
	before, err := measure(ctx, &t.server)
	if err != nil {
		return nil, err
	}
	d.Quiet = p.cut(ctx)
	rest := (before.cpu - idle.cpu) / quietTime.Seconds() // CPU of the probe alone
	began := time.Now()
	if t.dunlin {
		d.How = "DN.DROP " + d.Period
		_, err = c.ask("DN.DROP", d.Period)
	} else {
		d.How = fmt.Sprintf("UNLINK, %d keys each", unlinkKeys)
		err = t.unlink(c)
	}
	if err != nil {
		return nil, fmt.Errorf("drop %s at %s: %w", d.Period, t.server.name(), err)
	}
	d.Seconds = time.Since(began).Seconds()
	after, settled, err := t.settled(ctx, before.cpu, rest)
	if err != nil {
		return nil, err
	}
	d.Probe = p.cut(ctx)
	d.Settled = settled.Sub(began).Seconds()
	d.CPUSeconds = max(after.cpu-before.cpu-rest*time.Since(began).Seconds(), 0)
	d.UsedBefore, d.UsedAfter, d.RSSBefore, d.RSSAfter = before.used, after.used, before.rss, after.rss
	return d, nil
}

// settled waits until the server uses hardly more CPU than it did for the probe alone, and gives when that began.
func (t *target) settled(ctx context.Context, cpu, rest float64) (sample, time.Time, error) {
	began := time.Now()
	for since := began; ; {
		if err := wait(ctx, settleEvery); err != nil {
			return sample{}, since, err
		}
		now, err := measure(ctx, &t.server)
		if err != nil {
			return sample{}, since, err
		}
		busy := (now.cpu - cpu) / time.Since(since).Seconds()
		if busy < rest+0.1 || time.Since(began) > mostSettle {
			return now, since, nil
		}
		cpu, since = now.cpu, time.Now()
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unlink removes the key of every series, some commands ahead of their replies.
func (t *target) unlink(c *conn) error {
	at := t.load.Start.Unix()
	var out []byte
	var keys []string
	commands := 0
	flush := func() error {
		if _, err := c.Write(out); err != nil {
			return err
		}
		for ; commands > 0; commands-- {
			var r reply
			if err := r.read(c.in); err != nil {
				return err
			}
			if r.refused > 0 {
				return errorReply(r.refusal)
			}
		}
		out = out[:0]
		return nil
	}
	for s := range t.load.series() {
		keys = append(keys, t.set.Key(s/t.load.Metrics, s%t.load.Metrics, at))
		if len(keys) == unlinkKeys || s == t.load.series()-1 {
			out = load.AppendCommand(out, "UNLINK", keys...)
			keys = keys[:0]
			if commands++; commands == unlinkAhead {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// probe is a client that does something small every millisecond.
type probe struct {
	target *target
	c      *conn
	ask    chan chan Quantiles
	end    chan struct{}
}

func newProbe(ctx context.Context, t *target) (*probe, error) {
	c, err := dial(ctx, &t.server, 4096)
	if err != nil {
		return nil, err
	}
	return &probe{target: t, c: c, ask: make(chan chan Quantiles), end: make(chan struct{})}, nil
}

func (p *probe) stop() { close(p.end) }

// cut gives what was measured since the last cut.
func (p *probe) cut(ctx context.Context) Quantiles {
	got := make(chan Quantiles, 1)
	select {
	case p.ask <- got:
		return <-got
	case <-ctx.Done():
		return Quantiles{}
	}
}

// run probes until stop. What a slow reply kept from being asked in time counts as slow too.
func (p *probe) run(ctx context.Context) error {
	defer func() { _ = p.c.Close() }() // all replies are read
	defer context.AfterFunc(ctx, func() { giveUp(ctx, p.c) })()
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	h := newHistogram()
	for n := int64(0); ; {
		select {
		case <-p.end:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case got := <-p.ask:
			got <- quantiles(h)
			h.Reset()
		case <-ticker.C:
			if err := p.c.SetDeadline(time.Now().Add(mostSettle)); err != nil {
				return err
			}
			n++
			began := time.Now()
			if err := p.one(n); err != nil {
				return fmt.Errorf("probe %s: %w", p.target.server.name(), err)
			}
			_ = h.RecordCorrectedValue(max(time.Since(began).Microseconds(), 1), probeEvery.Microseconds())
		}
	}
}

// one writes a point of the present; RedisTimeSeries is pinged.
func (p *probe) one(n int64) error {
	if f := p.target.server.Form; f == load.TSAdd || f == load.TSMAdd {
		_, err := p.c.ask("PING")
		return err
	}
	now := time.Now().UTC()
	at := strconv.FormatInt(now.Unix(), 10)
	_, err := p.c.ask("ZADD", now.Format("2006-01-02")+":bench-probe:probe", at, at+":"+strconv.FormatInt(n, 10))
	var refused errorReply
	if errors.As(err, &refused) {
		return fmt.Errorf("%w%s", err, hint(err.Error()))
	}
	return err
}
