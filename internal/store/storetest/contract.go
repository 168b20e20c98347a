package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// What every store that Run opens must be made with.
const (
	Cluster = "storetest"
	Layout  = series.Day
)

// base is 2026-11-22T12:00:00Z in ms; day is its period.
const base = int64(1795348800000)

var day = Layout.PeriodOf(base)

// Run checks that what open gives keeps the contract of store.Store. Every call of open must give an empty store.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"unite_counts", testAdded},
		{"unite_keepsNoMemoryOfTheCaller", testCallerMemory},
		{"order", testOrder},
		{"values_byteExact", testValues},
		{"spans", testSpans},
		{"late_points", testLatePoints},
		{"counts", testCounts},
		{"hourSums", testHourSums},
		{"digests", testDigests},
		{"journal", testJournal},
		{"journal_lateHours", testLateJournal},
		{"origin", testOrigin},
		{"drop", testDrop},
		{"epoch", testEpoch},
		{"stats", testStats},
		{"law_model", lawModel},
		{"law_anyOrderAnyTimes", lawOrder},
		{"law_states", lawStates},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := open(t)
			t.Cleanup(func() {
				if err := st.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			t.Cleanup(cancel)
			c.test(&fixture{T: t, ctx: ctx, st: st})
		})
	}
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

type fixture struct {
	*testing.T
	ctx context.Context
	st  store.Store
}

// Key parses a series key of Layout; it panics when s is none.
func Key(s string) series.Key {
	k, err := Layout.ParseKey([]byte(s))
	if err != nil {
		panic("BUG: key " + s + ": " + err.Error())
	}
	return k
}

// keyOf is a key of the test day.
func keyOf(name string) series.Key { return Key(Layout.PeriodString(day) + ":" + name + ":m") }

// pt parses a member whose timestamp is written relative to base when it begins with '+': "+30:5" is 30 s after it.
func pt(s string) series.Point {
	if rel, ok := strings.CutPrefix(s, "+"); ok {
		ts, value, _ := strings.Cut(rel, ":")
		whole, frac, dot := strings.Cut(ts, ".")
		var sec int64
		if _, err := fmt.Sscan(whole, &sec); err != nil {
			panic("BUG: " + err.Error())
		}
		s = fmt.Sprint(base/1000 + sec)
		if dot {
			s += "." + frac
		}
		s += ":" + value
	}
	p, err := series.ParseMember([]byte(s))
	if err != nil {
		panic("BUG: member " + s + ": " + err.Error())
	}
	return p
}

func pts(members ...string) []series.Point {
	out := make([]series.Point, len(members))
	for i, m := range members {
		out[i] = pt(m)
	}
	return out
}

func texts(points []series.Point) []string {
	out := make([]string, len(points))
	for i, p := range points {
		out[i] = string(series.AppendMember(nil, p))
	}
	return out
}

// add unites members of one key and gives Added.
func (f *fixture) add(k series.Key, members ...string) int {
	f.Helper()
	g := []store.Group{{Key: k, Points: pts(members...)}}
	if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	return g[0].Added
}

func (f *fixture) all(t tester, k series.Key) []series.Point {
	t.Helper()
	return f.span(t, k, store.All)
}

func (f *fixture) span(t tester, k series.Key, sp store.Span) []series.Point {
	t.Helper()
	out, err := f.st.Ranges(f.ctx, []store.RangeQuery{{Key: k, Span: sp}})
	if err != nil || len(out) != 1 {
		t.Fatalf("ranges: %d results, %v", len(out), err)
	}
	return out[0]
}

func same(t tester, what string, got, want []series.Point) {
	t.Helper()
	if d := cmp.Diff(texts(want), texts(got)); d != "" {
		t.Fatalf("%s: (-want +got)\n%s", what, d)
	}
}

func testAdded(f *fixture) {
	a, b := keyOf("a"), keyOf("b")
	g := []store.Group{
		{Key: a, Points: pts("+1:1", "+2:2", "+1:1"), Added: 99},
		{Key: b, Points: pts("+1:1")},
		{Key: a, Points: pts("+2:2", "+3:3")},
		{Key: b, Added: 7},
	}
	if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	for i, want := range []int{2, 1, 1, 0} {
		if g[i].Added != want {
			f.Errorf("group %d: Added %d, want %d", i, g[i].Added, want)
		}
	}
	if n := f.add(a, "+3:3", "+1:1"); n != 0 {
		f.Errorf("added again: %d, want 0", n)
	}
	same(f, "a", f.all(f, a), pts("+1:1", "+2:2", "+3:3"))
	same(f, "b", f.all(f, b), pts("+1:1"))
}

func testCallerMemory(f *fixture) {
	k := keyOf("a")
	key := Layout.AppendKey(nil, k)
	parsed, _ := Layout.ParseKey(key)
	member := series.AppendMember(nil, pt("+1:hello"))
	p, _ := series.ParseMember(member)
	g := []store.Group{{Key: parsed, Points: []series.Point{p}}}
	if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	clear(key)
	clear(member)
	got := f.all(f, k)
	same(f, "after the caller's buffers are used again", got, pts("+1:hello"))
	clear(got[0].Value)
	same(f, "after the answer was overwritten", f.all(f, k), pts("+1:hello"))
}

func testOrder(f *fixture) {
	k := keyOf("a")
	want := pts("+100:10", "+100:9", "+100:9.0", "+100:x", "+100.0:9", "+100.5:1", "+100.50:1", "+100.500:1", "+100.501:0",
		"+101:1", "+101.000:1", "+101.1:7")
	slices.SortFunc(want, series.Compare)
	shuffled := slices.Clone(want)
	for i := range shuffled {
		j := (i*7 + 3) % len(shuffled)
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	}
	for _, p := range shuffled {
		if n := f.add(k, texts([]series.Point{p})[0]); n != 1 {
			f.Errorf("%s: added %d", texts([]series.Point{p}), n)
		}
	}
	same(f, "order of a sorted set", f.all(f, k), want)
}

func testValues(f *fixture) {
	k := keyOf("a")
	values := []string{
		"0", "-0", "0.0", "0.50", "0.5", ".5", "5.", "00", "1e-05", "1E5", "+1", "-1", "NaN", "nan", "Inf",
		"stale",
		"9.74:8.55:5.02", " ", "  x ", "9223372036854775807", "-9223372036854775808", "18446744073709551616",
		"0.000000000000000001", "44.833999999999996", "999999999999999999", "-999999999999999999", "1000000000000000000",
		"héllo", "日本", strings.Repeat("z", series.MaxValue), "-", "-.", "1.2.3", "0x10", "1_000",
	}
	var want []series.Point
	for i, v := range values {
		want = append(want, pt(fmt.Sprintf("+%d:%s", i/3, v)))
	}
	g := []store.Group{{Key: k, Points: want}}
	if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	want = slices.Clone(want)
	slices.SortFunc(want, series.Compare)
	same(f, "values", f.all(f, k), want)
}

func testSpans(f *fixture) {
	k := keyOf("a")
	var all []series.Point
	for i := range 500 {
		all = append(all, pt(fmt.Sprintf("+%d:%d.%02d", i*10, i%7, i%100)))
		if i%50 == 0 {
			all = append(all, pt(fmt.Sprintf("+%d:x", i*10)), pt(fmt.Sprintf("+%d.25:1", i*10)))
		}
	}
	slices.SortFunc(all, series.Compare)
	if err := f.st.Unite(f.ctx, []store.Group{{Key: k, Points: slices.Clone(all)}}, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	var queries []store.RangeQuery
	for _, from := range []int64{0, base, base + 1, base + 500_000, base + 1_234_567, base + 4_990_000, base + 9_999_999} {
		for _, length := range []int64{-1, 0, 1, 10_000, 1_000_000, 1 << 50} {
			for _, limit := range []int{0, 1, 3, 250} {
				for _, desc := range []bool{false, true} {
					queries = append(queries, store.RangeQuery{
						Key:  k,
						Span: store.Span{From: from, To: from + length, Limit: limit, Desc: desc},
					})
				}
			}
		}
	}
	queries = append(queries, store.RangeQuery{Key: keyOf("none"), Span: store.All})
	got, err := f.st.Ranges(f.ctx, queries)
	if err != nil || len(got) != len(queries) {
		f.Fatalf("ranges: %d of %d results, %v", len(got), len(queries), err)
	}
	for i, q := range queries[:len(queries)-1] {
		same(f, fmt.Sprintf("%+v", q.Span), got[i], Select(all, q.Span))
	}
	if n := len(got[len(got)-1]); n != 0 {
		f.Errorf("a key that is not there: %d points", n)
	}
}

func testLatePoints(f *fixture) {
	k := keyOf("a")
	var want []series.Point
	for i := range 600 { // even seconds in order, then odd ones backwards in small batches
		want = append(want, pt(fmt.Sprintf("+%d:%d", 2*i, i)))
	}
	if err := f.st.Unite(f.ctx, []store.Group{{Key: k, Points: slices.Clone(want)}}, store.Origin{}); err != nil {
		f.Fatalf("unite: %v", err)
	}
	for i := 599; i >= 0; i -= 20 {
		var batch []series.Point
		for j := i; j > i-20; j-- {
			batch = append(batch, pt(fmt.Sprintf("+%d:%d.5", 2*j+1, j)), pt(fmt.Sprintf("+%d:%d", 2*j, j)))
			want = append(want, batch[len(batch)-2])
		}
		g := []store.Group{{Key: k, Points: batch}}
		if err := f.st.Unite(f.ctx, g, store.Origin{}); err != nil || g[0].Added != 20 {
			f.Fatalf("late batch: added %d of 20, %v", g[0].Added, err)
		}
	}
	slices.SortFunc(want, series.Compare)
	same(f, "after late batches", f.all(f, k), want)
}

func testCounts(f *fixture) {
	f.add(keyOf("a"), "+1:1", "+2:2", "+2:3")
	f.add(keyOf("b"), "+1:1")
	got, err := f.st.Counts(f.ctx, []series.Key{keyOf("b"), keyOf("none"), keyOf("a")})
	if d := cmp.Diff([]int{1, 0, 3}, got); d != "" || err != nil {
		f.Errorf("counts: %v\n%s", err, d)
	}
}

func testHourSums(f *fixture) {
	k := keyOf("a")
	members := []string{"+0:1", "+0:1.0", "+3599.999:x", "+3600:2", "+3601.5:-0", "+7200:3"}
	f.add(k, members...)
	hour := base / hourMillis
	all := pts(members...)
	slices.SortFunc(all, series.Compare)
	for h := hour - 1; h <= hour+3; h++ {
		got, err := f.st.HourSums(f.ctx, h, []series.Key{keyOf("none"), k})
		if err != nil || len(got) != 2 {
			f.Fatalf("hour sums: %d, %v", len(got), err)
		}
		if got[0] != (store.Sum{}) || got[1] != HourSum(all, h) {
			f.Errorf("hour %+d: %x, want 0 and %x", h-hour, got, HourSum(all, h))
		}
	}
}

func (f *fixture) digests(t tester, p series.Period) map[string]store.Digest {
	t.Helper()
	out := map[string]store.Digest{}
	err := f.st.Digests(f.ctx, p, func(k series.Key, d store.Digest) error {
		key := string(Layout.AppendKey(nil, k))
		if _, twice := out[key]; twice {
			t.Errorf("%s twice", key)
		}
		out[key] = d
		return nil
	})
	if err != nil {
		t.Fatalf("digests: %v", err)
	}
	return out
}

func testDigests(f *fixture) {
	want := map[string]store.Digest{}
	for _, name := range []string{"a", "b"} {
		k := keyOf(name)
		members := []string{"+7:9", "+1:1", "+1.0:1", "+1:1.0", "+2:nan", "+1:1"}
		f.add(k, members[:2]...)
		f.add(k, members...)
		want[string(Layout.AppendKey(nil, k))] = DigestOf(Cluster, k, pts(members[:5]...))
	}
	f.add(Key("2026-11-23:a:m"), "1795392000:1")
	if d := cmp.Diff(want, f.digests(f, day)); d != "" {
		f.Errorf("digests: (-want +got)\n%s", d)
	}
	if n := len(f.digests(f, day+1)); n != 1 {
		f.Errorf("the next day: %d keys, want 1", n)
	}
	if n := len(f.digests(f, day+7)); n != 0 {
		f.Errorf("an empty day: %d keys", n)
	}
	stop := fmt.Errorf("stop")
	if err := f.st.Digests(f.ctx, day, func(series.Key, store.Digest) error { return stop }); err == nil {
		f.Errorf("an error of fn is lost")
	}
}
