package storetest

import (
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

func (f *fixture) changes(from int64, limit int) []store.Change {
	f.Helper()
	out, err := f.st.Changes(f.ctx, from, limit)
	if err != nil {
		f.Fatalf("changes: %v", err)
	}
	return out
}

func (f *fixture) late(from int64, limit int) []store.Change {
	f.Helper()
	out, err := f.st.LateChanges(f.ctx, from, limit)
	if err != nil {
		f.Fatalf("late changes: %v", err)
	}
	return out
}

func (f *fixture) heads() (journal, late int64) {
	f.Helper()
	journal, late, err := f.st.Heads(f.ctx)
	if err != nil {
		f.Fatalf("heads: %v", err)
	}
	return journal, late
}

func keysOf(cs []store.Change) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.Key
		if i > 0 && cs[i-1].Score >= c.Score {
			out[i] += " out of order"
		}
	}
	return out
}

func testJournal(f *fixture) {
	if j, l := f.heads(); j != 0 || l != 0 || len(f.changes(0, 0)) != 0 {
		f.Fatalf("heads of an empty store: %d %d", j, l)
	}
	a, b, c := "2026-11-22:a:m", "2026-11-22:b:m", "2026-11-22:c:m"
	f.add(Key(a), "+1:1")
	f.add(Key(b), "+1:1")
	f.add(Key(c), "+1:1")
	if d := cmp.Diff([]string{a, b, c}, keysOf(f.changes(0, 0))); d != "" {
		f.Errorf("journal: (-want +got)\n%s", d)
	}
	before, _ := f.heads()
	f.add(Key(b), "+1:1") // does not grow: enters nothing
	if j, _ := f.heads(); j != before {
		f.Errorf("a duplicate moved the head from %d to %d", before, j)
	}
	f.add(Key(a), "+2:2", "+3:3")
	after, _ := f.heads()
	if after <= before {
		f.Errorf("the head did not rise: %d, %d", before, after)
	}
	got := f.changes(0, 0)
	if d := cmp.Diff([]string{b, c, a}, keysOf(got)); d != "" {
		f.Errorf("after a grew: (-want +got)\n%s", d)
	}
	if got[2].Score != after {
		f.Errorf("last score %d, head %d", got[2].Score, after)
	}
	if d := cmp.Diff(got[1:], f.changes(got[1].Score, 0)); d != "" {
		f.Errorf("from is inclusive: (-want +got)\n%s", d)
	}
	if d := cmp.Diff(got[2:], f.changes(got[1].Score+1, 0)); d != "" {
		f.Errorf("one above: (-want +got)\n%s", d)
	}
	if d := cmp.Diff(got[:2], f.changes(0, 2)); d != "" {
		f.Errorf("a limit keeps the lowest: (-want +got)\n%s", d)
	}
	if n := len(f.changes(after+1, 0)); n != 0 {
		f.Errorf("above the head: %d entries", n)
	}
}

func testLateJournal(f *fixture) {
	key := "2026-11-22:a:m"
	k := Key(key)
	f.add(k, "+0:1")
	f.add(k, "+7200:1")
	f.add(k, "+7140:1") // 60 s below the newest, not more
	if got := f.late(0, 0); len(got) != 0 {
		f.Fatalf("late although nothing is: %v", got)
	}
	if _, l := f.heads(); l != 0 {
		f.Errorf("late head %d, want 0", l)
	}
	f.add(k, "+7139.999:1")
	f.add(k, "+60:1", "+7139.999:1")
	first := f.late(0, 0)
	if d := cmp.Diff([]string{key + "#2026-11-22T13", key + "#2026-11-22T12"}, keysOf(first)); d != "" {
		f.Fatalf("late hours: (-want +got)\n%s", d)
	}
	f.add(k, "+3601:5", "+120:5", "+7205:1")
	got := f.late(0, 0)
	if len(got) != 2 || got[0].Score <= first[1].Score {
		f.Errorf("both hours again: %v after %v", got, first)
	}
	if _, l := f.heads(); l != got[1].Score {
		f.Errorf("late head %d, want %d", l, got[1].Score)
	}
	if d := cmp.Diff(got[1:], f.late(got[1].Score, 0)); d != "" {
		f.Errorf("from is inclusive: (-want +got)\n%s", d)
	}
	if d := cmp.Diff(got[:1], f.late(0, 1)); d != "" {
		f.Errorf("a limit keeps the lowest: (-want +got)\n%s", d)
	}
	f.add(k, "+120:5")
	if d := cmp.Diff(got, f.late(0, 0)); d != "" {
		f.Errorf("a duplicate is not late: (-want +got)\n%s", d)
	}
}

func testOrigin(f *fixture) {
	key, other := "2026-11-22:a:m", "2026-11-22:b:m"
	cursor := func(peer string) store.Cursor {
		c, err := f.st.Cursor(f.ctx, peer)
		if err != nil {
			f.Fatalf("cursor: %v", err)
		}
		return c
	}
	marks := func(peer string) []store.Mark {
		m, err := f.st.Marks(f.ctx, peer, []string{other, key})
		if err != nil || len(m) != 2 {
			f.Fatalf("marks: %v, %v", m, err)
		}
		return m
	}
	unite := func(o store.Origin, groups ...store.Group) {
		if err := f.st.Unite(f.ctx, groups, o); err != nil {
			f.Fatalf("unite: %v", err)
		}
	}
	if c := cursor("p"); c != (store.Cursor{}) {
		f.Errorf("an unknown peer has %+v", c)
	}
	m1 := store.Mark{TS: base + 1000, Score: 1795348800000001}
	c1 := store.Cursor{Epoch: "e 1", Journal: 1795348800000001, Late: 5}
	unite(store.Origin{Peer: "p", Marks: map[string]store.Mark{key: m1}, Cursor: &c1},
		store.Group{Key: Key(key), Points: pts("+1:1")})
	m2 := store.Mark{TS: base + 2000, Score: 1795348800000009}
	unite(store.Origin{Peer: "p", Marks: map[string]store.Mark{other: m2}}) // no groups, no cursor
	if c := cursor("p"); c != c1 {
		f.Errorf("cursor %+v, want %+v", c, c1)
	}
	if d := cmp.Diff([]store.Mark{m2, m1}, marks("p")); d != "" {
		f.Errorf("marks: (-want +got)\n%s", d)
	}
	c2 := store.Cursor{Epoch: "e2", Journal: 3, Late: 4}
	unite(store.Origin{Peer: "p", Cursor: &c2})
	if c := cursor("p"); c != c2 {
		f.Errorf("cursor %+v, want %+v", c, c2)
	}
	unite(store.Origin{Peer: "q", Marks: map[string]store.Mark{key: m1}, Cursor: &c1})
	unite(store.Origin{Peer: "q", Cursor: &store.Cursor{}})
	if c := cursor("q"); c != (store.Cursor{}) {
		f.Errorf("another peer has %+v", c)
	}
	if d := cmp.Diff(make([]store.Mark, 2), marks("q")); d != "" {
		f.Errorf("marks of a peer that was forgotten: (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]store.Mark{m2, m1}, marks("p")); d != "" {
		f.Errorf("marks of the other peer: (-want +got)\n%s", d)
	}
}

func testDrop(f *fixture) {
	floor := func() series.Period {
		p, err := f.st.Floor(f.ctx)
		if err != nil {
			f.Fatalf("floor: %v", err)
		}
		return p
	}
	periods := func() []series.Period {
		ps, err := f.st.Periods(f.ctx)
		if err != nil {
			f.Fatalf("periods: %v", err)
		}
		return ps
	}
	drop := func(p series.Period) int {
		n, err := f.st.Drop(f.ctx, p)
		if err != nil {
			f.Fatalf("drop: %v", err)
		}
		return n
	}
	if p := floor(); p != 0 || len(periods()) != 0 {
		f.Fatalf("an empty store has floor %d, periods %v", p, periods())
	}
	f.add(Key("2026-11-23:a:m"), "1795392000:1")
	f.add(Key("2026-11-21:a:m"), "1795219200:1")
	f.add(Key("2026-11-22:a:m"), "+0:1")
	f.add(Key("2026-11-22:b:m"), "+0:1")
	f.add(Key("2026-11-22:b:m"), "+3600:1")
	f.add(Key("2026-11-22:b:m"), "+1:1")
	if d := cmp.Diff([]series.Period{day - 1, day, day + 1}, periods()); d != "" {
		f.Errorf("periods: (-want +got)\n%s", d)
	}
	if n := drop(day - 1); n != 0 || floor() != day-1 {
		f.Errorf("drop of nothing: %d keys, floor %d", n, floor())
	}
	if n := drop(day + 1); n != 3 || floor() != day+1 {
		f.Errorf("drop: %d keys, floor %d, want 3 and %d", n, floor(), day+1)
	}
	if d := cmp.Diff([]series.Period{day + 1}, periods()); d != "" {
		f.Errorf("periods left: (-want +got)\n%s", d)
	}
	if n := len(f.all(f, Key("2026-11-22:b:m"))); n != 0 {
		f.Errorf("%d points of a dropped key", n)
	}
	if d := cmp.Diff([]string{"2026-11-23:a:m"}, keysOf(f.changes(0, 0))); d != "" {
		f.Errorf("journal after the drop: (-want +got)\n%s", d)
	}
	if got := f.late(0, 0); len(got) != 0 {
		f.Errorf("late journal after the drop: %v", got)
	}
	drop(day)
	if floor() != day+1 {
		f.Errorf("the floor went down to %d", floor())
	}
	f.add(Key("2026-11-23:a:m"), "1795392001:1")
	same(f, "the day that is left", f.all(f, Key("2026-11-23:a:m")), pts("1795392000:1", "1795392001:1"))
}

func testEpoch(f *fixture) {
	first, err := f.st.Epoch(f.ctx)
	if err != nil || first == "" {
		f.Fatalf("epoch %q, %v", first, err)
	}
	f.add(keyOf("a"), "+1:1")
	if second, err := f.st.Epoch(f.ctx); err != nil || second != first {
		f.Errorf("epoch %q, %v, was %q", second, err, first)
	}
}

func testStats(f *fixture) {
	f.add(keyOf("a"), "+1:1", "+2:1")
	f.add(keyOf("b"), "+1:1")
	s, err := f.st.Stats(f.ctx)
	if err != nil || s.Series != 2 && s.Series != -1 || s.Points != 3 && s.Points != -1 || s.Bytes <= 0 {
		f.Errorf("stats %+v, %v", s, err)
	}
}

// drawPoints gives some points of the test day: mostly seconds near each other, so that sets overlap.
func drawPoints(t *rapid.T) []series.Point {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) series.Point {
		frac := rapid.SampledFrom([]uint8{0, 0, 0, 0, 1, 2, 3}).Draw(t, "frac")
		ts := base + 1000*rapid.Int64Range(0, 300).Draw(t, "second")
		if frac > 0 {
			ts += rapid.Int64Range(0, 9).Draw(t, "tenth") * 100
		}
		value := rapid.OneOf(
			rapid.SampledFrom([]string{"0", "1", "-0", "1.0", "nan", "stale", "1e5"}),
			rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,2})?`),
		).Draw(t, "value")
		return series.Point{TS: ts, Frac: frac, Value: []byte(value)}
	}), 0, 40).Draw(t, "points")
}

// lawModel: any batches, united with a store and with the naive one, leave the same points and say the same Added.
func lawModel(f *fixture) {
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		run++
		keys := []series.Key{keyOf(rapidName("model-a", run)), keyOf(rapidName("model-b", run))}
		model := map[string]map[string]series.Point{}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			g := []store.Group{{Key: k, Points: drawPoints(t)}}
			set := model[string(k.Series)]
			if set == nil {
				set = map[string]series.Point{}
				model[string(k.Series)] = set
			}
			was := len(set)
			for _, p := range g[0].Points {
				set[string(series.AppendMember(nil, p))] = p
			}
			if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil {
				t.Fatalf("unite: %v", err)
			}
			if g[0].Added != len(set)-was {
				t.Fatalf("added %d, want %d", g[0].Added, len(set)-was)
			}
		}
		digests := f.digests(t, day)
		for _, k := range keys {
			want := slices.SortedFunc(maps.Values(model[string(k.Series)]), series.Compare)
			same(t, string(k.Series), f.all(t, k), want)
			if got := digests[string(Layout.AppendKey(nil, k))]; got != DigestOf(Cluster, k, want) {
				t.Fatalf("%s: digest %+v, want %+v", k.Series, got, DigestOf(Cluster, k, want))
			}
		}
	})
}

// lawOrder: the same batches in another order, and some of them twice, give the same set.
func lawOrder(f *fixture) {
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		run++
		a, b := keyOf(rapidName("order-a", run)), keyOf(rapidName("order-b", run))
		batches := rapid.SliceOfN(rapid.Custom(drawPoints), 1, 5).Draw(t, "batches")
		other := rapid.Permutation(append(slices.Clone(batches), batches[0])).Draw(t, "other order")
		groups := func(k series.Key, from [][]series.Point) []store.Group {
			var out []store.Group
			for _, b := range from {
				out = append(out, store.Group{Key: k, Points: slices.Clone(b)})
			}
			return out
		}
		if err := f.st.Unite(f.ctx, groups(a, batches), store.Origin{}); err != nil {
			t.Fatalf("unite: %v", err)
		}
		for _, g := range groups(b, other) {
			if err := f.st.Unite(f.ctx, []store.Group{g}, store.Origin{}); err != nil {
				t.Fatalf("unite: %v", err)
			}
		}
		same(t, "the other order", f.all(t, b), f.all(t, a))
		sums, err := f.st.HourSums(f.ctx, base/hourMillis, []series.Key{a, b})
		if err != nil || sums[0] != sums[1] {
			t.Fatalf("hour sums %x, %v", sums, err)
		}
	})
}

func rapidName(prefix string, run int) string {
	return prefix + string(series.AppendTime(nil, int64(run)*1000, 0))
}
