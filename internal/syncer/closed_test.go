package syncer_test

import (
	"context"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// silent is a peer that holds more than its journal tells of.
type silent struct {
	store.Reader
	truth store.Local
	sums  int
}

func (s *silent) Ranges(ctx context.Context, qs []store.RangeQuery) ([][]series.Point, error) {
	return s.truth.Ranges(ctx, qs)
}

func (s *silent) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	s.sums++
	return s.truth.HourSums(ctx, hour, keys)
}

func TestSyncer_comparesEachClosedHourOnce(t *testing.T) {
	now := time.UnixMilli(1795356000000 + 10*60_000) // ten minutes into an hour
	clock := func() time.Time { return now }
	ctx := context.Background()
	naive := func(epoch string) store.Local {
		return storetest.NewNaive(storetest.NaiveConfig{Layout: series.Day, Cluster: "c", Epoch: epoch, Clock: clock})
	}
	add := func(st store.Local, members ...string) {
		for _, m := range members {
			p, err := series.ParseMember([]byte(m))
			if err != nil {
				t.Fatal(err)
			}
			g := []store.Group{{Key: storetest.Key("2026-11-22:a:m"), Points: []series.Point{p}}}
			if err := st.Unite(ctx, g, store.Origin{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	journalled, truth := naive("p"), naive("p")
	add(journalled, "1795356000:1", "1795356590:2")
	add(truth, "1795356000:1", "1795356590:2")
	peer := &silent{Reader: journalled, truth: truth}
	local := &node{t: t, name: "l", st: naive("l")}
	local.sh = newShard(t, "l", local.st)
	s := syncer.New(syncer.Config{Shard: local.sh, Peer: peer, PeerName: "p", Clock: clock})
	until := func(end time.Time) {
		for now.Before(end) {
			if at := s.Step(ctx); !at.IsZero() {
				now = now.Add(5 * time.Second)
			}
		}
	}
	until(now.Add(time.Minute))
	add(truth, "1795356300:hidden")
	sums := peer.sums
	hourEnd := time.UnixMilli(1795356000000).Add(time.Hour)
	until(hourEnd.Add(4 * time.Minute))
	if peer.sums != sums || len(local.members("2026-11-22:a:m")) != 2 {
		t.Fatalf("compared before the hour was closed for 5 minutes: %d", peer.sums-sums)
	}
	until(hourEnd.Add(11 * time.Minute))
	if got := local.members("2026-11-22:a:m"); len(got) != 3 || peer.sums != sums+1 {
		t.Fatalf("after the comparison: %v, %d comparisons", got, peer.sums-sums)
	}
	until(hourEnd.Add(50 * time.Minute))
	if peer.sums != sums+1 || s.Status().Repaired < 1 {
		t.Errorf("compared %d times, %d repaired", peer.sums-sums, s.Status().Repaired)
	}
}
