package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/orders"
	"github.com/dunlin-db/dunlin/internal/retention"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// keeper is retention: it owns the floor of the node, and its limits.
type keeper struct {
	node   *Node
	budget *budget.Budget
	path   string // floor file; "" = not kept
	write  func(path string, data []byte) error
	start  time.Time
	mono   func() time.Duration
	untidy chan struct{} // holds one: something was dropped and not yet freed

	dropping sync.Mutex // one drop at a time; held over I/O, never taken under mu

	mu     sync.Mutex // protects what follows
	floor  series.Period
	raised *time.Duration
	paused string
	failed bool // the last drop reached not every store
}

// load reads the floor that an earlier run kept. A damaged file is reported and counts as none: the stores below may
// know better, and the clock raises it again.
func (k *keeper) load() error {
	if k.path == "" {
		return nil
	}
	data, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read floor: %w", err)
	}
	p, err := retention.ParseFile(k.node.cfg.Topology.Layout, data)
	if err != nil {
		return fmt.Errorf("read floor %s: %w", k.path, err)
	}
	k.floor = p
	return nil
}

// raise keeps p as the floor, then drops what is below it in every shard. It is safe to repeat.
func (k *keeper) raise(ctx context.Context, p series.Period) (keys int, err error) {
	k.dropping.Lock()
	defer k.dropping.Unlock()
	if p > k.Floor() && k.path != "" {
		if err := k.write(k.path, retention.AppendFile(nil, k.node.cfg.Topology.Layout, p)); err != nil {
			return 0, fmt.Errorf("keep floor: %w", err)
		}
	}
	floor := k.advance(p)
	k.node.orders.Prune(floor)
	keys, err = k.runDrops(ctx, floor)
	if k.node.disk != nil {
		k.node.disk.Drop(floor)
	}
	k.mu.Lock()
	k.failed = err != nil
	k.mu.Unlock()
	return keys, err
}

// runDrops drops what is below the floor in every shard, all beside each other: a Redis takes its time.
func (k *keeper) runDrops(ctx context.Context, floor series.Period) (keys int, err error) {
	shards := k.node.ordered()
	counts, errs := make([]int, len(shards)), make([]error, len(shards))
	var g errgroup.Group
	for i, sh := range shards {
		g.Go(func() error {
			counts[i], errs[i] = sh.Drop(ctx, floor)
			return nil
		})
	}
	_ = g.Wait()
	for i, sh := range shards {
		keys += counts[i]
		if errs[i] != nil {
			err = errors.Join(err, fmt.Errorf("drop in shard %d: %w", sh.ID(), errs[i]))
		}
	}
	return keys, err
}

// advance sets the floor to p if that is higher, and gives the floor.
func (k *keeper) advance(p series.Period) series.Period {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p > k.floor {
		k.floor = p
		elapsed := k.mono()
		k.raised = &elapsed
	}
	return k.floor
}

// drop makes p the floor, if it is not higher, and drops what is below.
func (k *keeper) drop(ctx context.Context, p series.Period) (keys int, err error) {
	keys, err = k.raise(ctx, p)
	select {
	case k.untidy <- struct{}{}:
	default: // run knows already
	}
	return keys, err
}

// newOrders makes what carries out what people say is to be dropped and forgotten.
func (n *Node) newOrders() *orders.Orders {
	cfg := orders.Config{
		Layout: n.cfg.Topology.Layout, Keep: n.cfg.Topology.Keep, Write: n.keeper.write, Clock: n.cfg.Clock,
		Clocks: n.clocks, Shards: n.ordered, Floor: n.keeper.Floor, Raise: n.keeper.drop, Redis: n.self.OnRedis(),
		Log: n.log, Backup: n.backup, Forgot: n.forgot, Keeps: onRedis(n.cfg.Topology),
		Told: func() {
			if n.peers != nil {
				n.peers.bell.Ring()
			}
		},
	}
	if dir := n.cfg.StoragePath; dir != "" {
		cfg.Path = filepath.Join(dir, "edicts")
	}
	return orders.New(cfg)
}

// onRedis gives the nodes of a flock that are on Redis.
func onRedis(t *ring.Topology) (names []string) {
	for i := range t.Nodes {
		if t.Nodes[i].OnRedis() {
			names = append(names, t.Nodes[i].Name)
		}
	}
	return names
}

// clocks is what is known of the time.
func (n *Node) clocks() retention.Clocks {
	return retention.Clocks{
		Start: n.keeper.start, Elapsed: n.keeper.mono(), Wall: n.cfg.Clock(), Skew: n.lookout.Skew(),
	}
}

// forgot makes files and index follow when points were taken out of a shard.
func (n *Node) forgot(shard int, periods []series.Period) {
	for _, p := range periods {
		if n.disk != nil {
			n.disk.Rewrite(shard, p)
		}
	}
	n.index.Restart(shard)
}

// runTidy frees what was dropped, in all shards beside each other: most of the time it is the system that takes memory
// back.
func (k *keeper) runTidy() {
	var g errgroup.Group
	for _, sh := range k.node.ordered() {
		g.Go(func() error {
			sh.Tidy()
			return nil
		})
	}
	_ = g.Wait()
}

// tick raises the floor when the clock says so and is vouched for, and repeats a drop that failed.
func (k *keeper) tick(ctx context.Context) error {
	r, failed := k.state()
	c := k.node.clocks()
	if r.Due(c.Wall) && c.Skew == nil {
		r.Oldest = k.node.oldest(ctx)
	}
	floor, paused := r.Next(c)
	k.report(paused)
	if floor <= k.Floor() && !failed {
		return nil
	}
	keys, err := k.raise(ctx, floor)
	k.runTidy()
	k.node.log.Info("floor raised", "floor", k.node.period(floor), "keys_dropped", keys)
	return err
}

// state is what the next floor depends on. The floor of a shard may come from its Redis.
func (k *keeper) state() (r retention.Policy, failed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.node.cfg.Topology
	r = retention.Policy{Layout: t.Layout, Keep: t.Keep, Floor: k.floor, Raised: k.raised}
	for _, sh := range k.node.ordered() {
		r.Floor = max(r.Floor, sh.Floor())
	}
	return r, k.failed
}

// report logs when retention pauses and when it goes on.
func (k *keeper) report(paused string) {
	k.mu.Lock()
	was := k.paused
	k.paused = paused
	k.mu.Unlock()
	switch {
	case paused != "" && was == "":
		k.node.log.Warn("retention is paused, nothing is dropped", "why", paused)
	case paused == "" && was != "":
		k.node.log.Info("retention goes on")
	}
}

// Floor is the oldest live period.
func (k *keeper) Floor() series.Period {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.floor
}

// Paused says why retention does not follow the clock, "" when it does.
func (k *keeper) Paused() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.paused
}

// run ticks until ctx ends. A Redis process that is away is tried again at the next tick.
func (k *keeper) run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := errors.Join(k.tick(ctx), k.makeRoom(ctx)); err != nil && ctx.Err() == nil {
			k.node.log.Warn("retention failed, trying again", "in", 10*every, "err", err)
			t.Reset(10 * every)
		} else {
			t.Reset(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-k.untidy:
			k.runTidy()
		case <-k.budget.Pressure():
		case <-t.C:
		}
	}
}

// oldest is the lowest period that a shard holds keys of, 0 when there is none or no shard answers.
func (n *Node) oldest(ctx context.Context) series.Period {
	var low series.Period
	for _, sh := range n.ordered() {
		periods, err := periodsOf(ctx, sh)
		if err == nil && len(periods) > 0 && (low == 0 || periods[0] < low) {
			low = periods[0]
		}
	}
	return low
}

func periodsOf(ctx context.Context, sh *shard.Shard) (periods []series.Period, err error) {
	err = sh.View(func(st store.Store) error {
		periods, err = st.Periods(ctx)
		return err
	})
	return periods, err
}

func floorPath(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "floor")
}
