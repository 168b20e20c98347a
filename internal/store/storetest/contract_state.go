package storetest

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// lawStates: a store that tells states tells the digest and the newest point, and what it says it lacks of the state
// of another set is what it lacks. A store that can not tell is left alone.
func lawStates(f *fixture) {
	st, ok := f.st.(store.Stater)
	if !ok {
		return
	}
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		run++
		k := keyOf(rapidName("state", run))
		other := setOf(drawPoints(t))
		own := slices.Clone(other)
		switch rapid.IntRange(0, 4).Draw(t, "own") {
		case 0: // equal
		case 1:
			own = own[:max(len(own)-1, 0)]
		case 2:
			own = own[:max(len(own)-2, 0)]
		case 3:
			own = setOf(append(own, drawPoints(t)...))
		case 4:
			own = setOf(drawPoints(t))
		}
		if err := f.st.Unite(f.ctx, []store.Group{{Key: k, Points: slices.Clone(own)}}, store.Origin{}); err != nil {
			t.Fatalf("unite: %v", err)
		}
		f.checkState(t, k, own)
		if len(other) == 0 {
			return
		}
		told := DigestOf(Cluster, k, other)
		newest := other[len(other)-1]
		lacks, err := st.Lacks(f.ctx, []series.Key{k}, []store.State{{Hi: told.Hi, Lo: told.Lo, Newest: newest}})
		if err != nil || len(lacks) != 1 {
			t.Fatalf("lacks: %v, %v", lacks, err)
		}
		missing := slices.DeleteFunc(slices.Clone(other), func(p series.Point) bool {
			return slices.ContainsFunc(own, func(q series.Point) bool { return equal(p, q) })
		})
		onlyNewest := len(missing) == 1 && equal(missing[0], newest)
		switch lack := lacks[0]; {
		case len(own) > 0 && slices.EqualFunc(own, other, equal) && lack != store.LacksNothing:
			t.Fatalf("it is equal, and says %d", lack)
		case lack == store.LacksNothing && len(missing) > 0, lack == store.LacksNewest && !onlyNewest:
			t.Fatalf("it says %d, and lacks %q", lack, texts(missing))
		case lack == store.LacksMore && len(own) > 0 && len(own) == len(other)-1 && onlyNewest:
			t.Fatalf("it can not tell that it lacks %q", texts(missing))
		}
	})
}

// checkState compares what the store tells of a key with its points.
func (f *fixture) checkState(t tester, k series.Key, want []series.Point) {
	t.Helper()
	states, err := f.st.(store.Stater).States(f.ctx, []series.Key{k, keyOf("nobody")})
	if err != nil || len(states) != 2 || len(states[1].Newest.Value) > 0 {
		t.Fatalf("states: %v, %v", states, err)
	}
	var newest []series.Point
	if len(want) > 0 {
		newest = want[len(want)-1:]
	}
	if d := DigestOf(Cluster, k, want); states[0].Hi != d.Hi || states[0].Lo != d.Lo {
		t.Fatalf("the sum is %x %x, want %x %x", states[0].Hi, states[0].Lo, d.Hi, d.Lo)
	}
	if got := states[0].Newest; len(got.Value) > 0 || len(newest) > 0 {
		same(t, "the newest point", []series.Point{got}, newest)
	}
}

// setOf sorts points and leaves out those that are there twice.
func setOf(points []series.Point) []series.Point {
	slices.SortFunc(points, series.Compare)
	return slices.CompactFunc(points, equal)
}

func equal(a, b series.Point) bool { return series.Compare(a, b) == 0 }
