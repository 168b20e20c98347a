package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunkrec"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// walked is what one walk of Save has given.
type walked struct {
	full, open [][]byte
	steps      int
	mostBytes  int // of one step
	mostKeys   int
}

func walk(s *Store, p series.Period) (w walked) {
	var at SaveAt
	for more := true; more; {
		w.steps++
		n, keys := 0, 0
		more = s.Save(p, &at, func(rec []byte) {
			w.full = append(w.full, bytes.Clone(rec))
			n += len(rec)
		}, func(rec []byte) {
			w.open = append(w.open, bytes.Clone(rec))
			n += len(rec)
			keys++
		})
		w.mostBytes, w.mostKeys = max(w.mostBytes, n), max(w.mostKeys, keys)
	}
	return w
}

// ticks writes n ticks of a fleet, a second apart.
func ticks(tb testing.TB, s *Store, f *fleet, from, n int) {
	for i := from; i < from+n; i++ {
		if err := s.Unite(tb.Context(), f.tick(testDay+int64(i)*1000), store.Origin{}); err != nil {
			tb.Fatal(err)
		}
	}
}

func load(tb testing.TB, s *Store, saved bool, recs ...[]byte) (sum LoadResult) {
	for _, rec := range recs {
		res, err := s.Load(rec, saved)
		if err != nil {
			tb.Fatal(err)
		}
		sum.Points += res.Points
		sum.New += res.New
	}
	return sum
}

func sameStores(t *testing.T, got, want *Store) {
	t.Helper()
	a, b := contents(got), contents(want)
	if len(a) != len(b) {
		t.Fatalf("%d keys, want %d", len(a), len(b))
	}
	for k := range b {
		if fmt.Sprint(a[k]) != fmt.Sprint(b[k]) {
			t.Fatalf("%s differs", k)
		}
	}
}

// TestStore_Save_steps: a walk over many keys, and one over a key of many chunks, is made in small steps; what was
// written is not written again; what a failed file held is.
func TestStore_Save_steps(t *testing.T) {
	for _, size := range []struct{ series, ticks int }{{1200, 30}, {2, 30_000}} {
		s := newStore()
		pid := storetest.Layout.PeriodOf(testDay)
		ticks(t, s, newFleet(4, size.series), 0, size.ticks)
		w := walk(s, pid)
		if len(w.open) != size.series || w.steps < 3 || w.mostBytes > 3*saveBytes || w.mostKeys > saveEntries {
			t.Errorf("%d series: %d open, %d steps, up to %d bytes, %d keys", size.series, len(w.open), w.steps, w.mostBytes,
				w.mostKeys)
		}
		if again := walk(s, pid); len(again.full) != 0 || len(again.open) != size.series {
			t.Errorf("the second walk wrote %d full and %d open", len(again.full), len(again.open))
		}
		n := newStore()
		load(t, n, true, w.open...)
		load(t, n, true, w.full...)
		sameStores(t, n, s)
		if again := walk(n, pid); len(again.full) != 0 {
			t.Errorf("after a restart %d full", len(again.full))
		}
		s.Unsave(pid)
		if again := walk(s, pid); len(again.full) != len(w.full) {
			t.Errorf("after Unsave %d full, want %d", len(again.full), len(w.full))
		}
	}
}

// TestStore_Save_late: a point between those of a chunk that was written makes that one be written again, no other.
func TestStore_Save_late(t *testing.T) {
	s := newStore()
	f := newFleet(5, 1)
	pid := storetest.Layout.PeriodOf(testDay)
	ticks(t, s, f, 0, 2000)
	changed := s.Changed(pid)
	walk(s, pid)
	if s.Changed(pid) != changed || changed == 0 {
		t.Error("a walk is no change")
	}
	between := []series.Point{{TS: testDay + 900_500, Frac: 1, Value: []byte("1")}}
	_ = s.Unite(t.Context(), []store.Group{{Key: f.groups[0].Key, Points: between}}, store.Origin{})
	if s.Changed(pid) <= changed {
		t.Error("no change")
	}
	w := walk(s, pid)
	var in chunkrec.Reader
	if len(w.full) != 1 || in.Reset(w.full[0], storetest.Layout) != nil {
		t.Fatalf("%d records", len(w.full))
	}
	points := 0
	for _, c := range in.Chunks {
		points += c.Len
	}
	if first, last := in.Chunks[0].First, in.Chunks[len(in.Chunks)-1].Last; points != 241 ||
		first > testDay+900_000 || last < testDay+901_000 || s.Changed(pid+1) != 0 {
		t.Errorf("%d points from %d to %d", points, first-testDay, last-testDay)
	}
}

// TestStore_Load_openAgain: a key that was loaded goes on as it would have.
func TestStore_Load_openAgain(t *testing.T) {
	a, b := newStore(), newStore()
	f := newFleet(0, kinds)
	ticks(t, a, f, 0, 400)
	w := walk(a, storetest.Layout.PeriodOf(testDay))
	load(t, b, true, w.open...)
	load(t, b, true, w.full...)
	for i := range 500 {
		groups := f.tick(testDay + int64(400+i)*1000)
		_ = a.Unite(t.Context(), groups, store.Origin{})
		_ = b.Unite(t.Context(), groups, store.Origin{})
	}
	sameStores(t, b, a)
	for _, k := range f.groups {
		pa, ea := a.find(k.Key)
		pb, eb := b.find(k.Key)
		if ea.dirLen != eb.dirLen || ea.open != eb.open || ea.sealAt != eb.sealAt {
			t.Fatalf("%s: %d chunks of %d, want %d of %d", k.Key.Series, eb.dirLen, eb.open.Len(), ea.dirLen, ea.open.Len())
		}
		for i := range int(ea.dirLen) - 1 {
			if !bytes.Equal(pa.chunkBytes(ea, i), pb.chunkBytes(eb, i)) {
				t.Fatalf("%s: chunk %d differs", k.Key.Series, i)
			}
		}
	}
	checkAccounts(t, b)
}

// TestStore_Load_limits: limits keep nothing out of what is loaded or replayed, and count it.
func TestStore_Load_limits(t *testing.T) {
	a := newStore()
	f := newFleet(0, 100)
	ticks(t, a, f, 0, 300)
	pid := storetest.Layout.PeriodOf(testDay)
	w := walk(a, pid)
	limits := budget.New()
	limits.SetMax(1)
	limits.SetMaxSeries(1)
	rec := replog.NewRecorder()
	b := New(Config{
		Layout: storetest.Layout, Cluster: storetest.Cluster, Clock: time.Now, Budget: limits, Recorder: rec,
	})
	var puts []store.Put
	for _, g := range f.tick(testDay + 1_000_000) {
		puts = append(puts, putOf(g.Key, g.Points[0]))
	}
	b.Replay(func() { b.Put(puts) })
	res := load(t, b, false, append(w.open, w.full...)...)
	if res.Points != 30_000 || res.New != 30_000 || rec.Len() != 0 || b.Card(f.groups[7].Key) != 301 {
		t.Errorf("%+v, %d recorded, %d points", res, rec.Len(), b.Card(f.groups[7].Key))
	}
	if got := b.periods[0].tally.Series(); got != 100 {
		t.Errorf("%d series counted", got)
	}
	if c := limits.Counters(); c != (budget.Counters{}) {
		t.Errorf("%+v", c)
	}
	if _, late, _ := b.Heads(t.Context()); late != 0 {
		t.Error("loading entered something in the late journal")
	}
	if changes, _ := b.Changes(t.Context(), 0, 0); len(changes) != 100 {
		t.Errorf("%d changes", len(changes))
	}
	puts[0].Added = false
	b.Put(puts[:1])
	if puts[0].Added || puts[0].Err != nil {
		t.Errorf("%+v", puts[0])
	}
}

// FuzzLoad: no records make a store panic, then or later; the counts stay right.
func FuzzLoad(f *testing.F) {
	s := newStore()
	ticks(f, s, newFleet(0, 2*kinds), 0, 700)
	pid := storetest.Layout.PeriodOf(testDay)
	w := walk(s, pid)
	for i, rec := range w.open[:kinds] {
		f.Add(rec, w.full[i])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newStore()
		for i, rec := range [][]byte{first, second, first} {
			_, err := s.Load(rec, i == 1)
			if err != nil {
				if !errors.Is(err, chunkrec.ErrCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			var in chunkrec.Reader
			if err := in.Reset(rec, storetest.Layout); err != nil {
				t.Fatal(err)
			}
			from, to := storetest.Layout.Span(in.Key.Period)
			for _, ts := range []int64{in.Chunks[0].First, in.Chunks[0].Last, from, (from + to) / 2, to} {
				g := store.Group{Key: in.Key, Points: []series.Point{{TS: ts, Frac: 3, Value: []byte("1.5")}}}
				if err := s.Unite(context.Background(), []store.Group{g}, store.Origin{}); err != nil {
					t.Fatal(err)
				}
			}
			got, _ := s.Ranges(context.Background(), []store.RangeQuery{{Key: in.Key, Span: store.All}})
			if len(got[0]) != s.Card(in.Key) {
				t.Fatalf("%d points, counted %d", len(got[0]), s.Card(in.Key))
			}
			for _, p := range s.periods {
				walk(s, p.id)
			}
		}
		checkAccounts(t, s)
	})
}
