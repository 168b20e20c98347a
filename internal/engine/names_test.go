package engine

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// TestNames_law: interning and releasing in any order keeps each living name findable under its id, and no other.
func TestNames_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNames(1)
		ids := map[string]uint32{}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			name := fmt.Sprintf("h%d:m", rapid.IntRange(0, 200).Draw(t, "name"))
			if id, ok := ids[name]; ok {
				n.release(id)
				delete(ids, name)
			} else {
				id := n.intern([]byte(name))
				n.infos[id].holders++
				ids[name] = id
			}
			if rapid.IntRange(0, 20).Draw(t, "compact") == 0 {
				n.compact()
			}
		}
		owner := map[uint32]string{}
		for i := range 201 {
			name := fmt.Sprintf("h%d:m", i)
			id, ok := n.find([]byte(name))
			want, living := ids[name]
			if ok != living || ok && id != want {
				t.Fatalf("%s: id %d %v, want %d %v", name, id, ok, want, living)
			}
			if !ok {
				continue
			}
			if owner[id] != "" || string(n.name(id)) != name {
				t.Fatalf("id %d is %s's, has the name %s and belongs to %q", id, name, n.name(id), owner[id])
			}
			owner[id] = name
		}
		if n.used != len(ids) {
			t.Fatalf("%d used, want %d", n.used, len(ids))
		}
	})
}

// TestStore_churn writes other series every day and drops the day before: memory stays where it was, ids are reused.
func TestStore_churn(t *testing.T) {
	st := newStore()
	first := storetest.Layout.PeriodOf(testDay)
	var early int64
	for d := range series.Period(20) {
		var groups []store.Group
		ts, _ := storetest.Layout.Span(first + d)
		for i := range 500 {
			key := fmt.Sprintf("%s:host-%d-%d:m", storetest.Layout.PeriodString(first+d), d, i)
			groups = append(groups, store.Group{Key: storetest.Key(key), Points: []series.Point{{TS: ts, Value: []byte("1")}}})
		}
		if err := st.Unite(t.Context(), groups, store.Origin{}); err != nil {
			t.Fatal(err)
		}
		if n, err := st.Drop(t.Context(), first+d); d > 0 && n != 500 || err != nil {
			t.Fatalf("day %d: dropped %d keys, %v", d, n, err)
		}
		stats, _ := st.Stats(t.Context())
		if d == 4 {
			early = stats.Bytes
		}
		if d > 4 && stats.Bytes > early*5/4 {
			t.Fatalf("day %d: %d bytes, were %d", d, stats.Bytes, early)
		}
	}
	if n := len(st.names.infos); n > 1500 {
		t.Errorf("%d ids for 500 series a day", n)
	}
	if g := st.names.infos[0].generation; g < 2 {
		t.Errorf("id 0 is of generation %d", g)
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
	if n := len(st.periods[0].late.entries); n > 200 {
		t.Errorf("%d entries for one hour", n)
	}
	if n := st.Card(k); n != 3001 {
		t.Errorf("%d points", n)
	}
}
