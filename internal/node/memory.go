package node

import (
	"context"
	"math"
	"runtime/debug"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/query"
)

func newBudget(m Memory) *budget.Budget {
	b := budget.New()
	b.SetIndexed(query.SeriesCost)
	b.SetMax(m.Max)
	b.SetPolicy(m.Policy)
	b.SetMaxSeries(m.MaxSeries)
	return b
}

// makeRoom drops whole oldest periods while the memory limit's policy wants it, never the current one. What it raises
// is the floor, as retention does: no peer brings the periods back.
func (k *keeper) makeRoom(ctx context.Context) error {
	if k.node.self.OnRedis() {
		return nil // the memory of its Redis processes is theirs to limit
	}
	b, l := k.budget, k.node.cfg.Topology.Layout
	for b.MustDrop() {
		oldest := k.node.oldest(ctx)
		now := l.PeriodOf(k.node.cfg.Clock().UnixMilli())
		b.SetStuck(oldest == 0 || oldest >= now)
		if oldest == 0 || oldest >= now {
			return nil
		}
		used := b.Used()
		keys, err := k.raise(ctx, oldest+1)
		k.runTidy()
		if err != nil {
			return err
		}
		b.CountDropped(1)
		k.node.log.Warn("dropped a period for memory, as --engine.max-memory-policy says",
			"period", l.PeriodString(oldest), "keys", keys, "used_before", used, "used", b.Used(), "maxmemory", b.Max())
	}
	b.SetStuck(false)
	return nil
}

// leastGoLimit is what the Go runtime gets at least: with less it would collect all the time.
const leastGoLimit = 64 << 20

// limitGo sets the Go runtime's memory limit to what the node's limit leaves beside the stores' own memory, at least a
// quarter of it. was is what it set last, 0 = nothing; it is not changed for less than an eighth.
func (n *Node) limitGo(storeBytes, was int64) (is int64) {
	if !n.cfg.Memory.GoLimit || n.self.OnRedis() {
		return was
	}
	top := n.keeper.budget.Max()
	if top == 0 {
		if was != 0 {
			debug.SetMemoryLimit(math.MaxInt64)
		}
		return 0
	}
	is = max(top-storeBytes, top/4, leastGoLimit)
	if d := is - was; d < was/8 && d > -was/8 {
		return was
	}
	debug.SetMemoryLimit(is)
	return is
}
