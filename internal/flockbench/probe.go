package flockbench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const (
	probeEvery = 100 * time.Millisecond
	// probeLook is the resolution of a lag: how often a peer is asked for the probe's point.
	probeLook = 2 * time.Millisecond
)

// probe writes a point now and then to one node and looks how long another takes to have it.
type probe struct {
	from, to *node
	lags     []time.Duration
}

// run probes until ctx ends.
func (p *probe) run(ctx context.Context) error {
	t := time.NewTicker(probeEvery)
	defer t.Stop()
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err := p.once(ctx, i); err != nil && ctx.Err() == nil {
			return fmt.Errorf("probe from %s to %s: %w", p.from.name, p.to.name, err)
		}
	}
}

func (p *probe) once(ctx context.Context, i int) error {
	began := time.Now()
	ts := strconv.FormatInt(began.Unix(), 10)
	key := began.UTC().Format(time.DateOnly) + ":probe:" + p.from.name + "." + p.to.name
	member := ts + ":" + strconv.Itoa(i)
	if _, err := p.from.ask(ctx, "ZADD", key, ts, member); err != nil {
		return err
	}
	for {
		reply, _, err := p.to.door.Do(ctx, [][]string{{"ZSCORE", key, member}})
		if err != nil {
			return err
		}
		if score, err := reply[0].ToString(); err == nil && score != "" {
			p.lags = append(p.lags, time.Since(began))
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(probeLook):
		}
	}
}

// part gives the p-th part of some times, 0 of none.
func part(list []time.Duration, p float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[min(len(list)-1, int(p*float64(len(list))))]
}
