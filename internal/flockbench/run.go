package flockbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/infotext"
)

// Config says what is measured, and with what.
type Config struct {
	Binary   string               // whose nodes run
	Child    *syscall.SysProcAttr // how they are started; nil = as always
	Duration time.Duration        // of each part with a load
	Points   int                  // that a flock has which an empty node joins
	Absence  time.Duration        // of a node, at 10,000 points a second
	Only     []string             // parts, see Parts; none = all
	Progress func(text string)    // is told what is being done
}

// The loads, points a second.
const (
	lowRate  = 10_000
	highRate = 100_000
)

// parts are what can be measured alone.
var parts = []struct {
	name string
	run  func(c *Config, ctx context.Context) ([]Row, error)
}{
	{"cost", (*Config).cost},
	{"three", (*Config).three},
	{"back", (*Config).back},
	{"five", (*Config).five},
	{"idle", (*Config).idle},
	{"join", (*Config).join},
}

// Parts are the names of what can be measured alone.
func Parts() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// ErrPart: something is to be measured that is not known.
var ErrPart = errors.New("no such part")

// Run measures everything, or the parts that Only names. What was measured before an error is given with it.
func Run(ctx context.Context, c Config) (rows []Row, err error) {
	for _, name := range c.Only {
		if !slices.Contains(Parts(), name) {
			return nil, fmt.Errorf("%w: %q, want some of %s", ErrPart, name, strings.Join(Parts(), ", "))
		}
	}
	for _, p := range parts {
		if len(c.Only) > 0 && !slices.Contains(c.Only, p.name) {
			continue
		}
		some, err := p.run(&c, ctx)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// warm is how long a load runs before it counts: names of series, and room for them.
func (c *Config) warm() time.Duration { return min(c.Duration, 2*cadence) }

// with starts a flock of n nodes for a measurement.
func (c *Config) with(ctx context.Context, n int, fn func(f *flock) error) error {
	f, err := c.newFlock(n, false)
	if err != nil {
		return err
	}
	if err = f.start(ctx, f.nodes...); err == nil {
		err = f.following(ctx, f.nodes...)
	}
	if err == nil {
		err = fn(f)
	}
	return errors.Join(err, f.stop())
}

// following waits until some nodes follow all others and have all that those had at this moment.
func (f *flock) following(ctx context.Context, nodes ...*node) error {
	since := time.Now()
	for _, n := range nodes {
		err := f.await(ctx, n.name+" to have everything", 10*time.Minute, func() (bool, error) {
			return n.complete(ctx, len(f.nodes)-1, since)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// complete says whether a node follows so many others and has all that they had at a time.
func (n *node) complete(ctx context.Context, others int, since time.Time) (bool, error) {
	info, err := n.info(ctx, "replication")
	if err != nil {
		return false, err
	}
	for name, text := range info {
		fields := infotext.Pairs(text)
		if _, ok := fields["complete_until"]; !ok || name == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, fields["complete_until"])
		if err == nil && fields["state"] == "following" && at.After(since) {
			others--
		}
	}
	return others == 0, nil
}

// cost measures what a node uses for its writers alone, and what it and a peer use when there is one. The writers are
// agents; what one program costs that writes for all hosts is measured beside it.
func (c *Config) cost(ctx context.Context) (rows []Row, err error) {
	var uses [][]usage
	for _, is := range []struct {
		nodes  int
		agents bool
	}{{1, false}, {1, true}, {2, true}} {
		err = c.with(ctx, is.nodes, func(f *flock) error {
			f.agents = is.agents
			c.Progress(fmt.Sprintf("%d points/s into one of %d node(s), for the CPU", highRate, is.nodes))
			all, err := f.loaded(ctx, highRate, f.nodes[0])
			uses = append(uses, all)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	points := float64(highRate) * max(c.Duration.Truncate(cadence), cadence).Seconds()
	program, alone := uses[0][0].cpu/points, uses[1][0].cpu/points
	from, to := uses[2][0].cpu/points-alone, uses[2][1].cpu/points
	wire := float64(uses[2][1].wire) / float64(uses[2][1].points)
	micros := func(cpu float64) string { return fmt.Sprintf("%.2f µs", cpu*1e6) }
	share := func(cpu float64) string {
		return fmt.Sprintf("%s = %.0f %% (%.0f %% of one program's)", micros(cpu), 100*cpu/alone, 100*cpu/program)
	}
	return []Row{
		{"CPU of a point that agents send, a node alone", micros(alone), ""},
		{"CPU of a point that one program sends for all hosts over one connection, a node alone", micros(program), ""},
		{"replication, CPU of a point at the sender", share(from), "50 %"},
		{"replication, CPU of a point at the receiver", share(to), "50 %"},
		{"bytes on the wire for a new point and peer", fmt.Sprintf("%.2f", wire), "8"},
	}, nil
}

// loaded puts a load on some nodes, divided among them, and gives what each node of the flock used for it until all
// have everything.
func (f *flock) loaded(ctx context.Context, rate int, at ...*node) ([]usage, error) {
	all := make([]usage, len(f.nodes))
	for _, d := range []time.Duration{f.cfg.warm(), f.cfg.Duration} {
		var err error
		for i, n := range f.nodes {
			if all[i], err = n.used(ctx); err != nil {
				return nil, err
			}
		}
		if err := f.runLoad(ctx, rate, d, at...); err != nil {
			return nil, err
		}
		if len(f.nodes) > 1 {
			if err := f.following(ctx, f.nodes...); err != nil {
				return nil, err
			}
		}
	}
	for i, n := range f.nodes {
		now, err := n.used(ctx)
		if err != nil {
			return nil, err
		}
		all[i] = now.less(all[i])
	}
	return all, nil
}

// runLoad writes for a time, divided among some nodes.
func (f *flock) runLoad(ctx context.Context, rate int, d time.Duration, at ...*node) error {
	g, ctx := errgroup.WithContext(ctx)
	hosts := hostsFor(rate) / len(at)
	for i, n := range at {
		w := newWriter(n, i*hosts, hosts, time.Now())
		w.agents = f.agents
		g.Go(func() error { return w.runFor(ctx, d) })
	}
	return g.Wait()
}

// lag measures how long points take to a peer under a load on the first node.
func (f *flock) lag(ctx context.Context, rate int) ([]time.Duration, error) {
	f.cfg.Progress(fmt.Sprintf("%d points/s into one of %d nodes, for the lag", rate, len(f.nodes)))
	if err := f.runLoad(ctx, rate, f.cfg.warm(), f.nodes[0]); err != nil {
		return nil, err
	}
	return f.runProbed(ctx, probe{from: f.nodes[0], to: f.nodes[1]}, func(ctx context.Context) error {
		return f.runLoad(ctx, rate, f.cfg.Duration, f.nodes[0])
	})
}

// runProbed does something beside a probe and gives the lags.
func (f *flock) runProbed(ctx context.Context, p probe, do func(context.Context) error) ([]time.Duration, error) {
	g, ctx := errgroup.WithContext(ctx)
	probing, end := context.WithCancel(ctx)
	g.Go(func() error { return p.run(probing) })
	g.Go(func() error {
		defer end()
		return do(ctx)
	})
	err := g.Wait()
	end()
	return p.lags, err
}

// three measures a flock of three nodes: lag, entries, a peer that stands still and one that was away.
func (c *Config) three(ctx context.Context) (rows []Row, err error) {
	err = c.with(ctx, 3, func(f *flock) error {
		for _, rate := range []int{lowRate, highRate} {
			lags, err := f.lag(ctx, rate)
			if err != nil {
				return err
			}
			rows = append(rows, lagRow(fmt.Sprintf("lag at %d points/s, p50 / p99 of %d", rate, len(lags)), lags, rate))
		}
		row, err := f.excess(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		some, err := f.stopped(ctx)
		rows = append(rows, some...)
		if err != nil {
			return err
		}
		some, err = f.absent(ctx)
		rows = append(rows, some...)
		return err
	})
	return rows, err
}

// five measures a flock of five nodes.
func (c *Config) five(ctx context.Context) (rows []Row, err error) {
	err = c.with(ctx, 5, func(f *flock) error {
		row, err := f.excess(ctx)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// excess measures how many entries are sent for each useful one, with writers at all nodes.
func (f *flock) excess(ctx context.Context) (Row, error) {
	f.cfg.Progress(fmt.Sprintf("%d points/s into %d nodes, for the entries", lowRate, len(f.nodes)))
	uses, err := f.loaded(ctx, lowRate, f.nodes...)
	var entries, useful int64
	for _, u := range uses {
		entries, useful = entries+u.entries, useful+u.useful
	}
	return Row{
		fmt.Sprintf("entries sent for each useful one, %d nodes", len(f.nodes)),
		fmt.Sprintf("%.4f", float64(entries)/float64(max(useful, 1))), "1.05",
	}, err
}
