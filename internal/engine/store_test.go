package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

func TestStore_contract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		return New(Config{Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: time.Now})
	})
}

// TestStore_hourly: periods are hours where the layout says so.
func TestStore_hourly(t *testing.T) {
	st := New(Config{Layout: series.HourCompact, Cluster: "c", Epoch: "e", Clock: time.Now})
	var groups []store.Group
	for h := range int64(3) {
		ts := testDay + h*hourMillis
		k, err := series.HourCompact.ParseKey(fmt.Appendf(nil, "20261122%02d:a:m", h))
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, store.Group{Key: k, Points: []series.Point{{TS: ts, Value: []byte("1")}}})
	}
	if err := st.Unite(t.Context(), groups, store.Origin{}); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Drop(t.Context(), groups[1].Key.Period); n != 1 || err != nil {
		t.Errorf("dropped %d keys, %v", n, err)
	}
	stats, _ := st.Stats(t.Context())
	if stats.Series != 2 || len(stats.PerPeriod) != 2 || stats.PerPeriod["2026112201"] == 0 {
		t.Errorf("%+v", stats)
	}
	got, _ := st.Changes(t.Context(), 0, 0)
	if len(got) != 2 || got[0].Key != "2026112201:a:m" {
		t.Errorf("journal %v", got)
	}
}

// TestStore_oneInstant: thousands of values at one timestamp spread over chunks and stay in order, whatever the order
// they come in.
func TestStore_oneInstant(t *testing.T) {
	st := newStore()
	k := storetest.Key("2026-11-22:a:m")
	for i := range 3000 {
		v := fmt.Appendf(nil, "%d", i*7919%3000)
		g := []store.Group{{Key: k, Points: []series.Point{{TS: testDay, Value: v}}}}
		if err := st.Unite(t.Context(), g, store.Origin{}); err != nil || g[0].Added != 1 {
			t.Fatalf("%s: added %d, %v", v, g[0].Added, err)
		}
	}
	got, _ := st.Ranges(t.Context(), []store.RangeQuery{{Key: k, Span: store.All}})
	if len(got[0]) != 3000 || !slices.IsSortedFunc(got[0], series.Compare) {
		t.Errorf("%d points, sorted %v", len(got[0]), slices.IsSortedFunc(got[0], series.Compare))
	}
}

// TestStore_Unite_noAllocation: points in order into an open chunk take no memory of the heap.
func TestStore_Unite_noAllocation(t *testing.T) {
	st := newStore()
	f := newFleet(0, 100)
	i := int64(0)
	tick := func() {
		if err := st.Unite(t.Context(), f.tick(testDay+i*1000), store.Origin{}); err != nil {
			t.Fatal(err)
		}
		i++
	}
	for range 600 {
		tick()
	}
	if n := testing.AllocsPerRun(200, tick); n > 1 { // a page of the slab now and then
		t.Errorf("%.1f allocations for a tick of 100 points", n)
	}
}

// TestStore_late_longJournal: the late journal of a series that is repaired again and again stays small.
func TestStore_late_longJournal(t *testing.T) {
	st := newStore()
	k := storetest.Key("2026-11-22:a:m")
	unite := func(ts int64) {
		g := []store.Group{{Key: k, Points: []series.Point{{TS: ts, Value: []byte("1")}}}}
		if err := st.Unite(t.Context(), g, store.Origin{}); err != nil || g[0].Added != 1 {
			t.Fatalf("added %d, %v", g[0].Added, err)
		}
	}
	unite(testDay + 20*hourMillis)
	for i := range int64(3000) {
		unite(testDay + i*1000)
	}
	got, err := st.LateChanges(t.Context(), 0, 0)
	if err != nil || len(got) != 1 || got[0].Key != "2026-11-22:a:m#2026-11-22T00" {
		t.Errorf("late journal %v, %v", got, err)
	}
	if n := st.periods[0].late.Len(); n > 200 {
		t.Errorf("%d entries for one hour", n)
	}
	if n := st.Card(k); n != 3001 {
		t.Errorf("%d points", n)
	}
}

// TestEntry_lines: a point costs two cache lines of its entry, whose halves are read ahead one by one.
func TestEntry_lines(t *testing.T) {
	var e entry
	if unsafe.Sizeof(e) != 128 || unsafe.Offsetof(e.hi) != 64 {
		t.Errorf("an entry is %d bytes, its second half begins at %d", unsafe.Sizeof(e), unsafe.Offsetof(e.hi))
	}
}
