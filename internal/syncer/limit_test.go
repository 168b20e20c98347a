package syncer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// TestSyncer_memoryLimitLosesNothing: a node that has no memory left says so and takes its peer's points later.
func TestSyncer_memoryLimitLosesNothing(t *testing.T) {
	now := time.UnixMilli(1795356000000)
	clock := func() time.Time { return now }
	ctx := context.Background()
	peer := storetest.NewNaive(storetest.NaiveConfig{Layout: series.Day, Cluster: "c", Epoch: "p", Clock: clock})
	write := func(from, n int) {
		for i := from; i < from+n; i++ {
			g := []store.Group{{Key: storetest.Key(fmt.Sprintf("2026-11-22:h%d:m", i))}}
			for s := range int64(30) {
				g[0].Points = append(g[0].Points, series.Point{TS: now.UnixMilli() - 1000*s, Value: []byte("1.5")})
			}
			if err := peer.Unite(ctx, g, store.Origin{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := budget.New()
	own := engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: "l", Clock: clock, Budget: b})
	s := syncer.New(syncer.Config{Shard: newShard(t, "l", own), Peer: peer, PeerName: "p", Clock: clock})
	run := func(d time.Duration) {
		for end := now.Add(d); now.Before(end); {
			if at := s.Step(ctx); !at.IsZero() {
				now = now.Add(max(at.Sub(now), time.Millisecond))
			}
		}
	}
	points := func() int64 {
		st, _ := own.Stats(ctx)
		return st.Points
	}
	write(0, 20)
	run(time.Minute)
	if n := points(); n != 20*30 {
		t.Fatalf("%d points without a limit", n)
	}
	b.SetMax(b.Used() * 101 / 100)
	write(20, 50)
	run(time.Minute)
	st := s.Status()
	if n := points(); n >= 70*30 || !strings.Contains(st.Err, "maxmemory") || st.State != syncer.StoreFull {
		t.Fatalf("at the limit: %d points, %+v", n, st)
	}
	if c := b.Counters(); c.Deferred == 0 || c.RefusedMemory != 0 {
		t.Errorf("%+v", c)
	}
	b.SetMax(0)
	run(time.Minute)
	if n := points(); n != 70*30 || s.Status().Err != "" {
		t.Errorf("afterwards: %d points, %+v", n, s.Status())
	}
}
