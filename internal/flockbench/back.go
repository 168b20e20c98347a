package flockbench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/infotext"
)

// back measures a node that was away, under load.
func (c *Config) back(ctx context.Context) (rows []Row, err error) {
	err = c.with(ctx, 3, func(f *flock) error {
		rows, err = f.runPresent(ctx)
		return err
	})
	return rows, err
}

// leave ends the third node and writes what 10,000 points a second come to meanwhile, as fast as they are taken, of
// series that it knows: those of hosts from one on.
func (f *flock) leave(ctx context.Context, first int) (w *writer, lacks int64, err error) {
	from, away := f.nodes[0], f.nodes[2]
	f.cfg.Progress(fmt.Sprintf("a node is away for %s", f.cfg.Absence))
	w = newWriter(from, first, hostsFor(lowRate), time.Now().Add(-f.cfg.Absence))
	if err := w.runFast(ctx, 2); err != nil {
		return nil, 0, err
	}
	if err := errors.Join(f.equal(ctx, from, away), away.end()); err != nil {
		return nil, 0, err
	}
	known := w.sent
	err = w.runFast(ctx, int(f.cfg.Absence/cadence))
	return w, w.sent - known, err
}

// absent measures how long it takes until the node that was away has everything, and what that costs.
func (f *flock) absent(ctx context.Context) ([]Row, error) {
	from, away := f.nodes[0], f.nodes[2]
	_, lacks, err := f.leave(ctx, 2*hostsFor(highRate))
	if err != nil {
		return nil, err
	}
	before, err := from.used(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := f.start(ctx, away); err != nil {
		return nil, err
	}
	answers := time.Since(began)
	if err := f.equal(ctx, from, away); err != nil {
		return nil, err
	}
	took := time.Since(began)
	cpu, err := f.cpuOf(ctx, from, away, before)
	return []Row{
		{
			fmt.Sprintf("a node is back after %s, %d points behind: answers / has everything after", f.cfg.Absence, lacks),
			seconds(answers) + " / " + seconds(took), "5 s",
		},
		{
			"CPU of each of these points, the node that is back and the one that has them",
			fmt.Sprintf("%.2f µs", 1e6*cpu/float64(lacks)), "",
		},
	}, err
}

// cpuOf gives the CPU seconds that a node used that has been started, and another since before.
func (f *flock) cpuOf(ctx context.Context, from, started *node, before usage) (float64, error) {
	a, err := from.used(ctx)
	b, also := started.used(ctx)
	return a.cpu - before.cpu + b.cpu, errors.Join(err, also)
}

// follows says whether a node follows another's log.
func (n *node) follows(ctx context.Context, other *node) (bool, error) {
	info, err := n.info(ctx, "replication")
	return infotext.Pairs(info["log_of_"+other.name])["state"] == "following", err
}

// runPresent measures how long it takes until what is written at that moment can be read on a node that is back, and
// until it has everything, while writers go on with the series that it lacks points of.
func (f *flock) runPresent(ctx context.Context) (rows []Row, err error) {
	from, away := f.nodes[0], f.nodes[2]
	w, lacks, err := f.leave(ctx, 0)
	if err != nil {
		return nil, err
	}
	g, loading := errgroup.WithContext(ctx)
	loading, end := context.WithCancel(loading)
	defer func() {
		end()
		_ = g.Wait() // it was asked for before, if all went well
	}()
	g.Go(func() error { return w.runFor(loading, time.Hour) })
	before, err := from.used(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := f.start(ctx, away); err != nil {
		return nil, err
	}
	answers, all := time.Now(), time.Duration(0)
	p := probe{from: from, to: away}
	err = f.await(ctx, "its log to be followed", time.Minute, func() (bool, error) { return away.follows(ctx, from) })
	if err == nil {
		err = p.once(ctx, 0)
	}
	if err != nil {
		return nil, err
	}
	lags, err := f.runProbed(ctx, p, func(ctx context.Context) error {
		err := f.await(ctx, "everything", 10*time.Minute, func() (bool, error) { return away.complete(ctx, 2, answers) })
		all = time.Since(began)
		return err
	})
	if end(); err == nil {
		err = g.Wait()
	}
	if err != nil || len(lags) == 0 {
		return nil, err
	}
	cpu, err := f.cpuOf(ctx, from, away, before)
	return []Row{
		{
			fmt.Sprintf("a node is back after %s, under %d points/s: what is written then can be read there after, first / "+
				"longest", f.cfg.Absence, lowRate),
			seconds(lags[0]) + " / " + seconds(part(lags, 1)), "",
		},
		{
			fmt.Sprintf("and all %d points that it is behind after / CPU of each", lacks),
			fmt.Sprintf("%s / %.2f µs", seconds(all), 1e6*cpu/float64(lacks)), "",
		},
	}, err
}
