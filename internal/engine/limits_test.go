package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

func limitedStore(b *budget.Budget) *Store {
	return New(Config{Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: time.Now, Budget: b})
}

// groupOf is n points of a series from second from on.
func groupOf(name string, from, n int) []store.Group {
	g := store.Group{Key: storetest.Key("2026-11-22:" + name)}
	for i := range n {
		g.Points = append(g.Points, series.Point{
			TS: testDay + int64(from+i)*1000, Value: fmt.Appendf(nil, "%d.25", (from+i)*7919%1000),
		})
	}
	return []store.Group{g}
}

func TestStore_Unite_memoryLimit(t *testing.T) {
	b := budget.New()
	s := limitedStore(b)
	unite := func(g []store.Group, o store.Origin) error {
		t.Helper()
		err := s.Unite(t.Context(), g, o)
		checkAccounts(t, s)
		return err
	}
	if err := unite(groupOf("a:m", 0, 50), store.Origin{}); err != nil {
		t.Fatal(err)
	}

	b.SetMax(b.Used() * 100 / 97)
	g := groupOf("b:m", 0, 3)
	if err := unite(g, store.Origin{}); err != nil || g[0].Refused != 3 || !errors.Is(g[0].Why, budget.ErrFullForSeries) {
		t.Errorf("a new series above 95 %%: %+v, %v", g[0], err)
	}
	if n := b.Counters().RefusedMemory; n != 3 {
		t.Errorf("%d refusals are counted", n)
	}
	if _, known := s.names.Find([]byte("b:m")); known {
		t.Error("a refused series has a name")
	}

	b.SetMax(1)
	g = groupOf("a:m", 0, 50) // what is there needs nothing
	if err := unite(g, store.Origin{}); err != nil || g[0].Added+g[0].Refused != 0 {
		t.Errorf("known points: added %d, refused %d, %v", g[0].Added, g[0].Refused, err)
	}
	g = groupOf("a:m", 50, 2000)
	if err := unite(g, store.Origin{}); err != nil || g[0].Added+g[0].Refused != 2000 || g[0].Refused < 1500 ||
		!errors.Is(g[0].Why, budget.ErrFull) {
		t.Errorf("points: added %d, refused %d, %v, %v", g[0].Added, g[0].Refused, g[0].Why, err)
	}
	if n := s.Card(g[0].Key); n != 50+g[0].Added {
		t.Errorf("%d points", n)
	}

	g = groupOf("a:m", 0, 3) // late ones between known ones
	for i := range g[0].Points {
		g[0].Points[i].TS += 500
	}
	g[0].Points = append(g[0].Points, groupOf("a:m", 10, 2)[0].Points...)
	if err := unite(g, store.Origin{}); err != nil || g[0].Added != 0 || g[0].Refused != 3 {
		t.Errorf("late points: added %d, refused %d, %v", g[0].Added, g[0].Refused, err)
	}

	b.SetMax(0)
	g = groupOf("a:m", 0, 2050)
	if err := unite(g, store.Origin{}); err != nil || g[0].Refused != 0 || s.Card(g[0].Key) != 2050 {
		t.Errorf("without a limit: %d refused, %d there, %v", g[0].Refused, s.Card(g[0].Key), err)
	}
}

// TestStore_Unite_peerIsPutOff: points of a peer are never dropped silently; neither cursor nor marks move.
func TestStore_Unite_peerIsPutOff(t *testing.T) {
	b := budget.New()
	s := limitedStore(b)
	b.SetMax(1)
	o := store.Origin{
		Peer: "p", Cursor: &store.Cursor{Epoch: "x", Journal: 5},
		Marks: map[string]store.Mark{"2026-11-22:a:m": {TS: 1, Score: 1}},
	}
	g := append(groupOf("a:m", 0, 5), groupOf("b:m", 0, 5)...)
	if err := s.Unite(t.Context(), g, o); !errors.Is(err, store.ErrMemory) {
		t.Fatalf("%v", err)
	}
	if c, _ := s.Cursor(t.Context(), "p"); c != (store.Cursor{}) {
		t.Errorf("the cursor moved to %+v", c)
	}
	if c := b.Counters(); c.RefusedMemory != 0 || c.Deferred != 1 {
		t.Errorf("%+v", c)
	}
	b.SetMax(0)
	if err := s.Unite(t.Context(), g, o); err != nil || g[0].Added != 5 || g[1].Added != 5 {
		t.Errorf("later: %+v, %v", g, err)
	}
	if c, _ := s.Cursor(t.Context(), "p"); c != *o.Cursor {
		t.Errorf("the cursor is %+v", c)
	}
}

func TestStore_Unite_seriesLimit(t *testing.T) {
	b := budget.New()
	b.SetMaxSeries(10)
	shards := []*Store{limitedStore(b), limitedStore(b)}
	refused := 0
	for i := range 12 {
		g := groupOf(fmt.Sprintf("h%d:m%d", i/8, i), 0, 2)
		if err := shards[i%2].Unite(t.Context(), g, store.Origin{}); err != nil {
			t.Fatal(err)
		}
		refused += g[0].Refused
		if g[0].Refused > 0 && (!errors.Is(g[0].Why, store.ErrSeriesLimit) ||
			!strings.HasSuffix(g[0].Why.Error(), "most new series: host h0 (8)")) {
			t.Errorf("%v", g[0].Why)
		}
	}
	if c := b.Counters(); refused != 4 || c.RefusedSeries != 4 {
		t.Errorf("%d points refused, %+v", refused, c)
	}
	for _, o := range []store.Origin{{Peer: "p"}, {Admitted: true}} {
		g := groupOf("h9:m"+o.Peer, 0, 1)
		if err := shards[0].Unite(t.Context(), g, o); err != nil || g[0].Added != 1 {
			t.Errorf("%+v: %+v, %v", o, g, err)
		}
	}
	if g := groupOf("h0:m0", 2, 2); shards[0].Unite(t.Context(), g, store.Origin{}) != nil || g[0].Added != 2 {
		t.Errorf("a series that is there: %+v", g)
	}
	g := groupOf("h0:x", 0, 1)
	g[0].Key.Period++
	g[0].Points[0].TS += 86_400_000
	if err := shards[0].Unite(t.Context(), g, store.Origin{}); err != nil || g[0].Added != 1 {
		t.Errorf("the next period: %+v, %v", g, err)
	}
	for _, s := range shards { // dropping makes room
		if _, err := s.Drop(t.Context(), g[0].Key.Period); err != nil {
			t.Fatal(err)
		}
		tidy(s)
	}
	for i := range 9 {
		g := groupOf(fmt.Sprintf("h%d:y", i), 0, 1)
		g[0].Key.Period++
		if err := shards[1].Unite(t.Context(), g, store.Origin{}); err != nil || g[0].Added != 1 {
			t.Errorf("%+v, %v", g, err)
		}
	}
}

// TestStore_sharedBudget: shards that fill up beside each other stay within a few steps of the limit they share.
func TestStore_sharedBudget(t *testing.T) {
	const shards, limit = 8, 4 << 20
	b := budget.New()
	b.SetMax(limit)
	var wg sync.WaitGroup
	var stores [shards]*Store
	for i := range shards {
		stores[i] = limitedStore(b)
		wg.Go(func() {
			for n := 0; ; n++ {
				g := groupOf(fmt.Sprintf("h%d:m", n%50), n/50*200, 200)
				if err := stores[i].Unite(t.Context(), g, store.Origin{}); err != nil {
					t.Error(err)
				}
				if g[0].Refused > 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	sum := int64(0)
	for _, s := range stores {
		st, _ := s.Stats(t.Context())
		sum += st.Bytes
	}
	if used := b.Used(); used != sum || used < limit*9/10 || used > limit+shards*64<<10 {
		t.Errorf("%d used of %d, the stores count %d", used, limit, sum)
	}
}
