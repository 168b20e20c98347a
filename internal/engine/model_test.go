package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// pair is the engine and its model, which are given the same.
type pair struct {
	eng   *Store
	model store.Local
}

func newPair() pair {
	now := time.UnixMilli(testDay)
	clock := func() time.Time { return now }
	return pair{
		New(Config{
			Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: clock, Budget: budget.New(),
		}),
		storetest.NewNaive(storetest.NaiveConfig{
			Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: clock,
		}),
	}
}

func modelKey(day, n int) series.Key {
	p := storetest.Layout.PeriodOf(testDay) + series.Period(day)
	return storetest.Key(fmt.Sprintf("%s:h%d:m", storetest.Layout.PeriodString(p), n))
}

var drawGroup = rapid.Custom(func(t *rapid.T) store.Group {
	day := rapid.IntRange(0, 3).Draw(t, "day")
	first := testDay + int64(day)*86_400_000 + 1000*rapid.Int64Range(0, 7200).Draw(t, "start")
	step := rapid.SampledFrom([]int64{0, 1, 1000, 1000, 10_000, 100_000}).Draw(t, "step")
	g := store.Group{Key: modelKey(day, rapid.IntRange(0, 4).Draw(t, "series"))}
	style := rapid.SampledFrom([]string{"%d", "%d.0", "%d.25", "0.%03d", "%de3", "w%d"}).Draw(t, "style")
	n := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 700)).Draw(t, "points")
	salt := rapid.IntRange(0, 2).Draw(t, "salt")
	for i := range n {
		ts := first + int64(i)*step
		g.Points = append(g.Points, series.Point{
			TS: ts, Frac: series.FracFor(ts),
			Value: fmt.Appendf(nil, style, i*(salt+7)%1000),
		})
	}
	if rapid.Bool().Draw(t, "backwards") {
		slices.Reverse(g.Points)
	}
	return g
})

// TestStore_model compares the engine with the naive store over random operations.
func TestStore_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair()
		ctx := context.Background()
		var sent []store.Group
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				floor := storetest.Layout.PeriodOf(testDay) + series.Period(rapid.IntRange(0, 3).Draw(t, "floor"))
				a, _ := p.eng.Drop(ctx, floor)
				b, _ := p.model.Drop(ctx, floor)
				if a != b {
					t.Fatalf("drop %d keys, want %d", a, b)
				}
				if rapid.Bool().Draw(t, "tidy") {
					tidy(p.eng)
				}
			case 1:
				key := string(storetest.Layout.AppendKey(nil, modelKey(rapid.IntRange(0, 3).Draw(t, "day"), 9)))
				o := store.Origin{Peer: "p", Marks: map[string]store.Mark{key: {TS: 1, Score: 2}}}
				_ = p.eng.Unite(ctx, nil, o)
				_ = p.model.Unite(ctx, nil, o)
			case 2, 3, 4: // what was sent comes again, mixed with something new
				if len(sent) == 0 {
					continue
				}
				old := rapid.SampledFrom(sent).Draw(t, "again")
				g := drawGroup.Draw(t, "more")
				g.Key = old.Key
				shift := int64(old.Key.Period-storetest.Layout.PeriodOf(testDay)) * 86_400_000
				for i := range g.Points {
					g.Points[i].TS = g.Points[i].TS%86_400_000 + testDay + shift
				}
				from := rapid.IntRange(0, len(old.Points)).Draw(t, "from")
				g.Points = append(slices.Clone(old.Points[from:]), g.Points[:len(g.Points)/4]...)
				if rapid.Bool().Draw(t, "sorted") {
					slices.SortFunc(g.Points, series.Compare)
				}
				p.unite(ctx, t, []store.Group{g})
			default:
				groups := rapid.SliceOfN(drawGroup, 1, 3).Draw(t, "groups")
				for _, g := range groups {
					g.Points = slices.Clone(g.Points)
					sent = append(sent, g)
				}
				p.unite(ctx, t, groups)
			}
		}
		p.compare(ctx, t)
	})
}

func (p pair) unite(ctx context.Context, t *rapid.T, groups []store.Group) {
	floor, _ := p.model.Floor(ctx)
	groups = slices.DeleteFunc(groups, func(g store.Group) bool { return g.Key.Period < floor })
	if rapid.Bool().Draw(t, "as puts") {
		p.put(t, groups)
		return
	}
	other := slices.Clone(groups)
	for i := range other {
		other[i].Points = slices.Clone(other[i].Points)
	}
	_ = p.eng.Unite(ctx, groups, store.Origin{})
	_ = p.model.Unite(ctx, other, store.Origin{})
	for i := range groups {
		if groups[i].Added != other[i].Added {
			t.Fatalf("group %d: added %d, want %d", i, groups[i].Added, other[i].Added)
		}
	}
}

// put is unite as live writers do it: series in turn, so that each is looked for behind another.
func (p pair) put(t *rapid.T, groups []store.Group) {
	var puts []store.Put
	for i := 0; len(groups) > 0; i++ {
		at := i % len(groups)
		g := &groups[at]
		if len(g.Points) == 0 {
			groups = slices.Delete(groups, at, at+1)
			continue
		}
		pt := g.Points[0]
		g.Points = g.Points[1:]
		m := series.AppendMember(nil, pt)
		puts = append(puts, store.Put{
			Series: g.Key.Series, Member: m, TS: pt.TS, Period: g.Key.Period,
			ValueAt: uint8(len(m) - len(pt.Value)), Frac: pt.Frac,
		})
	}
	if len(puts) > 3 {
		puts[1].Series, puts[2].Err = []byte("no metric:"), errors.New("refused before")
	}
	other := slices.Clone(puts)
	p.eng.Put(puts)
	p.model.Put(other)
	for i := range puts {
		if puts[i].Added != other[i].Added || !errors.Is(puts[i].Err, other[i].Err) || puts[i].BadKey != other[i].BadKey {
			t.Fatalf("put %d: %+v, want %+v", i, puts[i], other[i])
		}
	}
}

func (p pair) compare(ctx context.Context, t *rapid.T) {
	equal := func(what string, got, want any) {
		t.Helper()
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("%s: (-want +got)\n%s", what, d)
		}
	}
	var keys []series.Key
	for day := range 4 {
		for n := range 5 {
			keys = append(keys, modelKey(day, n))
		}
	}
	limit := rapid.IntRange(0, 300).Draw(t, "limit")
	from := testDay + 1000*rapid.Int64Range(0, 9000).Draw(t, "from")
	for _, k := range keys {
		sp := store.Span{From: from + int64(k.Period-keys[0].Period)*86_400_000, Limit: limit, Desc: limit%2 == 0}
		sp.To = sp.From + 3_000_000
		queries := []store.RangeQuery{{Key: k, Span: store.All}, {Key: k, Span: sp}}
		a, _ := p.eng.Ranges(ctx, queries)
		b, _ := p.model.Ranges(ctx, queries)
		for i := range a {
			equal("ranges", members(a[i]), members(b[i]))
		}
		p.compareViews(t, k, limit, sp.From)
		if n := p.eng.KeyBytes(k); (n > 0) != (p.model.Card(k) > 0) {
			t.Fatalf("%d bytes for %d points", n, p.model.Card(k))
		}
	}
	a, _ := p.eng.Counts(ctx, keys)
	b, _ := p.model.Counts(ctx, keys)
	equal("counts", a, b)
	hour := testDay / hourMillis
	sa, _ := p.eng.HourSums(ctx, hour, keys)
	sb, _ := p.model.HourSums(ctx, hour, keys)
	equal("hour sums", sa, sb)
	for _, f := range []func(store.Local) any{
		func(l store.Local) any { c, _ := l.Changes(ctx, 0, 0); return keysInOrder(c) },
		func(l store.Local) any { c, _ := l.LateChanges(ctx, 0, 0); return lateKeys(c) },
		func(l store.Local) any { ps, _ := l.Periods(ctx); return ps },
		func(l store.Local) any { return digestsOf(ctx, l) },
		func(l store.Local) any { return scan(l) },
		func(l store.Local) any { s, _ := l.Stats(ctx); return [2]int64{int64(s.Series), s.Points} },
	} {
		equal("engine and model", f(p.eng), f(p.model))
	}
	checkAccounts(t, p.eng)
}

func members(points []series.Point) []string {
	out := make([]string, len(points))
	for i, p := range points {
		out[i] = string(series.AppendMember(nil, p))
	}
	return out
}

func keysInOrder(cs []store.Change) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Key)
	}
	return out
}

// lateKeys sorts: within one batch the hours of a key may come in any order.
func lateKeys(cs []store.Change) []string {
	out := keysInOrder(cs)
	slices.Sort(out)
	return out
}

type digested struct {
	Key    string
	Digest store.Digest
}

func digestsOf(ctx context.Context, l store.Local) []digested {
	var out []digested
	ps, _ := l.Periods(ctx)
	for _, p := range ps {
		_ = l.Digests(ctx, p, func(k series.Key, d store.Digest) error {
			out = append(out, digested{string(storetest.Layout.AppendKey(nil, k)), d})
			return nil
		})
	}
	slices.SortFunc(out, func(a, b digested) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

func scan(l store.Local) []string {
	var out []string
	for cursor := uint64(0); ; {
		keys, next := l.ScanKeys(cursor, 3)
		for _, k := range keys {
			out = append(out, string(storetest.Layout.AppendKey(nil, k)))
		}
		if next == 0 {
			slices.Sort(out)
			return out
		}
		cursor = next
	}
}
