package peering

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// side is one shard of one node, and what its peers are answered from.
type side struct {
	sh   *shard.Shard
	st   *engine.Store
	feed *Feed
}

func newSide(tb testing.TB, node string) *side {
	tb.Helper()
	g, rec, bell := grid.New("c"), replog.NewRecorder(), &replica.Bell{}
	clock := func() time.Time { return noon }
	origin := replog.Origin{Node: node, Shard: 1, Incarnation: replog.NewIncarnation()}
	st := engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: node, Clock: clock, Recorder: rec, Shard: 1, Grid: g,
	})
	sh, err := shard.New(tb.Context(), shard.Config{
		Origin: origin, Layout: series.Day, Store: st, Clock: clock, Recorder: rec, Tail: 1 << 20, Grid: g, Bell: bell,
	})
	if err != nil {
		tb.Fatal(err)
	}
	hello := Hello{Version: Version, Cluster: "c", Node: node, Incarnation: origin.Incarnation, Chunks: true}
	return &side{sh, st, &Feed{Self: hello, Shards: []*shard.Shard{sh}, Bell: bell, Clock: clock}}
}

// write writes one point of each of n series.
func (s *side) write(tb testing.TB, n int, at time.Time, value string) {
	tb.Helper()
	var groups []store.Group
	for i := range n {
		k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:cpu.user", i))
		if err != nil {
			tb.Fatal(err)
		}
		k.Period = series.Day.PeriodOf(at.UnixMilli())
		groups = append(groups, store.Group{Key: k, Points: []series.Point{{
			TS: at.UnixMilli(), Frac: series.FracFor(at.UnixMilli()), Value: []byte(value),
		}}})
	}
	refused, err := s.sh.Add(context.Background(), groups)
	if err != nil || len(refused) > 0 {
		tb.Fatalf("%v %v", refused, err)
	}
}

func (s *side) points(tb testing.TB) int64 {
	tb.Helper()
	var stats store.Stats
	err := s.sh.View(func(st store.Store) (err error) {
		stats, err = st.Stats(context.Background())
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return stats.Points
}

// direct is a connection without a network.
type direct struct {
	s    *Session
	fail func(cmd string) error
}

func (d direct) Call(ctx context.Context, cmd string, arg []byte) ([]byte, error) {
	if d.fail != nil {
		if err := d.fail(cmd); err != nil {
			return nil, err
		}
	}
	return d.s.Do(ctx, map[string]string{"DN.PEER": "dn.peer", "DN.PULL": "dn.pull", "DN.GRID": "dn.grid"}[cmd], arg)
}
