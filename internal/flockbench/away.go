package flockbench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// stopped measures a sender while one of its peers stands still.
func (f *flock) stopped(ctx context.Context) ([]Row, error) {
	from, still := f.nodes[0], f.nodes[2]
	f.cfg.Progress("points as fast as they go while a peer stands still")
	before, err := from.used(ctx)
	if err != nil {
		return nil, err
	}
	if err := still.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("stop %s: %w", still.name, err)
	}
	var peers []int64 // held for them, at the end of each quarter
	w := newWriter(from, hostsFor(highRate), hostsFor(highRate), time.Now().Add(-time.Hour))
	ticks := max(f.cfg.Points/perTick(hostsFor(highRate))/8, 1)
	for range 4 {
		if err = w.runFast(ctx, ticks); err != nil {
			break
		}
		var u usage
		if u, err = from.used(ctx); err != nil {
			break
		}
		peers = append(peers, u.peers)
	}
	began := time.Now()
	if cont := still.cmd.Process.Signal(syscall.SIGCONT); cont != nil || err != nil {
		return nil, fmt.Errorf("while %s stood still: %w", still.name, errors.Join(err, cont))
	}
	if err := f.equal(ctx, from, still); err != nil {
		return nil, err
	}
	rows := []Row{{
		"memory that a sender holds for peers, before, and in each quarter of a peer's standstill",
		fmt.Sprintf("%s: %s %s %s %s", size(before.peers), size(peers[0]), size(peers[1]), size(peers[2]), size(peers[3])),
		"32 MiB",
	}}
	return append(rows, Row{
		fmt.Sprintf("that peer, %d points behind, has everything after", w.sent), seconds(time.Since(began)), "",
	}), nil
}

// equal waits until a node has what another has, which gets no points meanwhile. Digests cost both: they are compared
// when the node says that it is complete.
func (f *flock) equal(ctx context.Context, has, lacks *node) error {
	day := time.Now().UTC().Format(time.DateOnly)
	digest := func(n *node) (string, error) {
		replies, _, err := n.door.Do(ctx, [][]string{{"DN.DIGEST", day}})
		if err != nil {
			return "", err
		}
		return replies[0].String(), nil
	}
	want, err := digest(has)
	if err != nil {
		return err
	}
	began := time.Now()
	err = f.await(ctx, lacks.name+" to be complete", 10*time.Minute, func() (bool, error) {
		return lacks.complete(ctx, len(f.nodes)-1, began)
	})
	if err != nil {
		return err
	}
	return f.await(ctx, lacks.name+" to be equal", 10*time.Minute, func() (bool, error) {
		got, err := digest(lacks)
		return got == want, err
	})
}

// join measures an empty node that joins a flock with many points, under load.
func (c *Config) join(ctx context.Context) (rows []Row, err error) {
	f, err := c.newFlock(3, false)
	if err != nil {
		return nil, err
	}
	if err = f.start(ctx, f.nodes[:2]...); err == nil {
		rows, err = f.fill(ctx, f.nodes[2])
	}
	return rows, errors.Join(err, f.stop())
}

// dayInterval is between two points of a series of the points that a flock has: they are those of a day.
const dayInterval = 10 * time.Second

// fill fills the flock and lets a node join.
func (f *flock) fill(ctx context.Context, empty *node) ([]Row, error) {
	first := hostsFor(lowRate) // the hosts before are those of the load
	hosts := max(f.cfg.Points/perTick(1)/int(24*time.Hour/dayInterval), 1)
	ticks := f.cfg.Points / perTick(hosts)
	f.cfg.Progress(fmt.Sprintf("an empty node joins a flock with %d points", ticks*perTick(hosts)))
	start := time.Now().Add(-time.Duration(ticks) * dayInterval)
	w := newWriterEvery(dayInterval, f.nodes[0], [2]int{first, first + hosts}, start)
	if err := w.runFill(ctx, ticks); err != nil {
		return nil, err
	}
	since := time.Now()
	err := f.await(ctx, "the second node to have everything", 10*time.Minute, func() (bool, error) {
		return f.nodes[1].complete(ctx, 1, since)
	})
	if err != nil {
		return nil, err
	}
	loading, end := context.WithCancel(ctx)
	defer end()
	ended := f.runBehind(loading)
	before, err := f.usedBy(ctx, f.nodes[:2]...)
	var fresh, all time.Duration
	var lags []time.Duration
	if err == nil {
		fresh, all, lags, err = f.watch(ctx, empty, sample(w, 50))
	}
	gave, err2 := f.usedBy(ctx, f.nodes[:2]...)
	got, err3 := f.usedBy(ctx, empty)
	end()
	if err = errors.Join(err, err2, err3, <-ended); err != nil {
		return nil, err
	}
	per := func(n float64) string { return fmt.Sprintf("%.2f", n/float64(w.sent)) }
	return []Row{
		{fmt.Sprintf("an empty node joins a flock with %d points under %d points/s: the present hour is there after",
			w.sent, lowRate), seconds(fresh), "2 s"},
		{"all is there after", seconds(all), "30 s"},
		{"the longest lag meanwhile", seconds(part(lags, 1)), "2 s"},
		{
			"CPU meanwhile for each of these points, load and all: of the two that are there / of the one that joins, µs",
			per(1e6*gave.less(before).cpu) + " / " + per(1e6*got.cpu), "",
		},
		{"bytes on the wire for each of these points, both ways, load and all", per(float64(got.wire)), ""},
	}, nil
}

// usedBy adds up what some nodes have used.
func (f *flock) usedBy(ctx context.Context, nodes ...*node) (sum usage, err error) {
	for _, n := range nodes {
		u, err := n.used(ctx)
		if err != nil {
			return sum, err
		}
		sum.cpu += u.cpu
		sum.wire += u.wire
	}
	return sum, nil
}

// watch starts an empty node and looks how long it takes for some keys of the present hour, and for all, and how long
// what is written meanwhile takes.
func (f *flock) watch(ctx context.Context, empty *node, keys []string) (
	fresh, all time.Duration, lags []time.Duration, err error,
) {
	hour := time.Now().Truncate(time.Hour).Unix()
	want, err := f.nodes[0].counts(ctx, keys, hour)
	if err != nil {
		return 0, 0, nil, err
	}
	began := time.Now()
	if err := f.start(ctx, empty); err != nil {
		return 0, 0, nil, err
	}
	lags, err = f.runProbed(ctx, probe{from: f.nodes[0], to: empty}, func(ctx context.Context) error {
		err := f.await(ctx, "the present hour", 10*time.Minute, func() (bool, error) {
			got, err := empty.counts(ctx, keys, hour)
			return err == nil && got >= want, err
		})
		fresh = time.Since(began)
		if err != nil {
			return err
		}
		err = f.await(ctx, "all hours", 10*time.Minute, func() (bool, error) { return empty.complete(ctx, 2, began) })
		all = time.Since(began)
		return err
	})
	return fresh, all, lags, err
}

// runBehind writes on the first node until ctx ends.
func (f *flock) runBehind(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = f.runLoad(ctx, lowRate, cadence, f.nodes[0])
		}
		if ctx.Err() != nil {
			err = nil
		}
		done <- err
	}()
	return done
}

// sample gives some series that a writer writes, host:metric.
func sample(w *writer, n int) (keys []string) {
	r := rand.New(rand.NewPCG(1, 1))
	day := time.Now().Unix()
	for range n {
		keys = append(keys, w.set.Key(w.first+r.IntN(w.hosts), r.IntN(fleet.PerHost), day))
	}
	return keys
}

// counts adds up the points of some keys from a second on.
func (n *node) counts(ctx context.Context, keys []string, from int64) (sum int64, err error) {
	cmds := make([][]string, len(keys))
	for i, k := range keys {
		cmds[i] = []string{"ZCOUNT", k, fmt.Sprint(from), "+inf"}
	}
	replies, _, err := n.door.Do(ctx, cmds)
	for i := range replies {
		v, asked := replies[i].ToInt64()
		sum, err = sum+v, errors.Join(err, asked)
	}
	return sum, err
}

// idle measures what goes over the links of two nodes that get no points.
func (c *Config) idle(ctx context.Context) (rows []Row, err error) {
	f, err := c.newFlock(2, true)
	if err != nil {
		return nil, err
	}
	c.Progress("two nodes without points")
	carrying, end := context.WithCancel(ctx)
	ended := f.runCables(carrying)
	if err = f.start(ctx, f.nodes...); err == nil {
		err = f.following(ctx, f.nodes...)
	}
	if err == nil {
		rows, err = f.quiet(ctx)
	}
	err = errors.Join(err, f.stop())
	end()
	<-ended
	return rows, err
}

func (f *flock) quiet(ctx context.Context) ([]Row, error) {
	if err := f.runLoad(ctx, lowRate, 2*time.Second, f.nodes[0]); err != nil {
		return nil, err
	}
	if err := f.following(ctx, f.nodes...); err != nil {
		return nil, err
	}
	bytes := func() (n int64) {
		for _, c := range f.cables {
			n += c.Bytes()
		}
		return n
	}
	before, err := f.nodes[0].used(ctx)
	if err != nil {
		return nil, err
	}
	began, carried := time.Now(), bytes()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(max(f.cfg.Duration, 3*time.Second)):
	}
	after, err := f.nodes[0].used(ctx)
	took := time.Since(began).Seconds()
	return []Row{
		{
			"a link without points, all that goes over it, both ways",
			fmt.Sprintf("%.0f B/s", float64(bytes()-carried)/took/2), "1 kB/s",
		},
		{"CPU of a node without points", fmt.Sprintf("%.2f %% of a core", 100*(after.cpu-before.cpu)/took), ""},
	}, err
}
