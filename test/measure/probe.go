package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// pollEvery is the resolution of a lag: how often a peer is asked for the probe's point.
const pollEvery = 5 * time.Millisecond

// lagProbe writes a point a second to one node after the other and waits until the others show it.
type lagProbe struct {
	f *flock

	mu     sync.Mutex // protects what follows
	millis []float64
	missed int // not there within lagLimit
}

const lagLimit = 30 * time.Second

// run probes until ctx ends.
func (p *lagProbe) run(ctx context.Context) error {
	conns := make([]*plain.Conn, len(p.f.nodes))
	for i := range conns {
		var err error
		if conns[i], err = p.f.dial(i); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		defer func() { _ = conns[i].Close() }()
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := p.once(ctx, conns, n%len(conns)); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
}

// once writes one point to node at and asks each other node until it has it. The key is of the present day or hour.
func (p *lagProbe) once(ctx context.Context, conns []*plain.Conn, at int) error {
	now := time.Now().UTC()
	layout := time.DateOnly
	if p.f.period == "hour" {
		layout = "2006-01-02T15"
	}
	key := fmt.Sprintf("%s:probe-%s:lag", now.Format(layout), p.f.nodes[at].name)
	ts := strconv.FormatFloat(float64(now.UnixMilli())/1000, 'f', 3, 64)
	member := ts + ":" + strconv.Itoa(now.Nanosecond())
	began := time.Now()
	if _, err := conns[at].Do("ZADD", key, ts, member); err != nil {
		return err
	}
	var waiting sync.WaitGroup
	errs := make([]error, len(conns))
	for i := range conns {
		if i == at {
			continue
		}
		waiting.Go(func() { errs[i] = p.await(ctx, conns[i], [2]string{key, member}, began) })
	}
	waiting.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *lagProbe) await(ctx context.Context, c *plain.Conn, point [2]string, began time.Time) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		score, err := c.Do("ZSCORE", point[0], point[1])
		if err != nil {
			return err
		}
		took := time.Since(began)
		if score != nil || took > lagLimit {
			p.mu.Lock()
			defer p.mu.Unlock()
			if score == nil {
				p.missed++
				return nil
			}
			p.millis = append(p.millis, float64(took.Microseconds())/1000)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// reset forgets what was measured, at the end of a warm-up.
func (p *lagProbe) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.millis, p.missed = nil, 0
}

// result gives the median and the 99th percentile in ms.
func (p *lagProbe) result() (p50, p99 float64, n, missed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return percentile(p.millis, 0.5), percentile(p.millis, 0.99), len(p.millis), p.missed
}
