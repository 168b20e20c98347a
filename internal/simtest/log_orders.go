package simtest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/orders"
	"github.com/dunlin-db/dunlin/internal/retention"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// newOrders makes what a node forgets by. What its disk has is known to it.
func (f *LogFlock) newOrders(n *logNode) *orders.Orders {
	o := orders.New(orders.Config{
		Layout: simLayout, Keep: keepPeriods, Path: "of a disk that is modelled", Clock: f.clock(n),
		Write:  func(_ string, data []byte) error { n.disk.edicts = data; return nil },
		Clocks: func() retention.Clocks { return f.clocks(n) }, Shards: func() []*shard.Shard { return n.feed.Shards },
		Floor: func() series.Period { return n.disk.floor }, Raise: func(_ context.Context, p series.Period) (int, error) {
			f.retain(n, p)
			return 0, nil
		},
		Forgot: func(int, []series.Period) {}, Told: func() {}, Log: slog.New(slog.DiscardHandler),
	})
	if set, err := edict.ParseFile(n.disk.edicts, simLayout); err == nil {
		o.Recall([][]byte{set.Append(nil)})
	}
	return o
}

// clocks is what a node knows of the time: a clock that is wrong is noticed.
func (f *LogFlock) clocks(n *logNode) retention.Clocks {
	skew := -n.offset
	return retention.Clocks{
		Start: simStart.Add(n.offset), Elapsed: f.now.Sub(simStart), Wall: f.now.Add(n.offset), Skew: &skew,
	}
}

// order tells a node to forget, or to drop. Of what is dead then nothing is owed any more.
func (f *LogFlock) order(n *logNode) {
	if n.down || f.cfg.Redis > 0 { // nodes on Redis do not forget
		return
	}
	cmd, args := "dn.forget", [][]byte{fmt.Appendf(nil, "h%d", f.rng.IntN(5))}
	now := f.clock(n)()
	switch f.rng.IntN(4) {
	case 0:
		args[0] = append(args[0], ":m"...)
	case 1:
		to := now.Add(-time.Duration(f.rng.IntN(3*3600)) * time.Second)
		args = append(args, fmt.Append(nil, to.Unix()-int64(f.rng.IntN(3600))), fmt.Append(nil, to.Unix()))
	case 2:
		if f.rng.IntN(4) == 0 {
			cmd, args = "dn.drop", [][]byte{[]byte(simLayout.PeriodString(simLayout.PeriodOf(now.UnixMilli()) - 1))}
		}
	}
	if _, err := n.orders.Do(context.Background(), cmd, args); err == nil {
		f.Count.Orders++
		f.ever, err = f.ever.With(n.orders.Set())
		must(err)
	}
	f.bury(n.orders.Set())
}

// bury takes what a set says is dead off what is owed.
func (f *LogFlock) bury(set *edict.Set) {
	for text := range f.owed {
		if dead(set, text) {
			delete(f.owed, text)
		}
	}
}

// dead says whether a point is dropped or forgotten, by its text.
func dead(set *edict.Set, text string) bool {
	k, err := simLayout.ParseKey([]byte(text[:len(text)-len(lastWord(text))-1]))
	must(err)
	p, err := series.ParseMember([]byte(lastWord(text)))
	must(err)
	return k.Period < set.Dropped() || set.Dead(k.Period, k.Series, p.TS)
}

// learn is what a Link does at its beginning, and when the hash that an answer tells is another.
func (f *LogFlock) learn(l *logLink) {
	if l.from.orders.Hash() == l.to.orders.Hash() {
		return
	}
	_ = l.from.orders.Learn(context.Background(), l.to.name, l.to.orders.Append(nil)) // what is refused is told again
	f.bury(l.from.orders.Set())
}

// checkOrders says what does not hold of what was dropped and forgotten.
func (f *LogFlock) checkOrders() error {
	first := f.nodes[0].orders
	for _, n := range f.nodes {
		if n.redis() {
			continue
		}
		if n.orders.Hash() != first.Hash() {
			return fmt.Errorf("%s was told to forget other things than %s", n.name, f.nodes[0].name)
		}
		held := map[string]bool{}
		n.points(held)
		for text := range held {
			if dead(first.Set(), text) {
				return fmt.Errorf("%s has %s, which was forgotten", n.name, text)
			}
		}
	}
	return nil
}
