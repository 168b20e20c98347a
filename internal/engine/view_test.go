package engine

import (
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// compareViews reads a key from both by rank and by time, with and without the store.
func (p pair) compareViews(t *rapid.T, k series.Key, limit int, from int64) {
	n := p.model.Card(k)
	if v := p.eng.Open(k); v == nil || n == 0 {
		if v != nil || n != 0 {
			t.Fatalf("a view %v of %d points", v != nil, n)
		}
		return
	}
	lo := min(limit, n)
	for _, hi := range []int{n, min(lo+200, n), min(lo+1, n)} {
		for _, desc := range []bool{false, true} {
			m := p.model.Open(k)
			m.Seek(lo, hi, desc)
			want := rowsOf(m, false)
			for _, detached := range []bool{false, true} {
				v := p.eng.Open(k)
				v.Seek(lo, hi, desc)
				if d := gocmp.Diff(want, rowsOf(v, detached)); d != "" {
					t.Fatalf("ranks %d to %d, desc %v, detached %v: (-want +got)\n%s", lo, hi, desc, detached, d)
				}
			}
		}
	}
	a, b := p.eng.Open(k), p.model.Open(k)
	for _, ts := range []int64{0, from, from + 1, from + 3_000_000, 1 << 60} {
		if a.Before(ts) != b.Before(ts) {
			t.Fatalf("%d points before %d, want %d", a.Before(ts), ts, b.Before(ts))
		}
	}
	last := a.Before(from) // a chunk that is decoded for its bound is read again
	a.Seek(last, n, true)
	b.Seek(last, n, true)
	if d := gocmp.Diff(rowsOf(b, false), rowsOf(a, false)); d != "" {
		t.Fatalf("from rank %d on: (-want +got)\n%s", last, d)
	}
}

// rowsOf reads the run that was chosen.
func rowsOf(v store.View, detached bool) (out []string) {
	next := v.Next
	if detached {
		out = appendRows(out, v.Next()) // it begins where Next has come to
		s := v.Detach(1 << 30)
		defer s.Close()
		next = s.Next
	}
	for {
		b := next()
		if len(b.Rows) == 0 {
			return out
		}
		out = appendRows(out, b)
	}
}

func appendRows(out []string, b store.Block) []string {
	for _, r := range b.Rows {
		out = append(out, string(series.AppendMember(nil, b.Point(r))))
	}
	return out
}

// TestView_detached: what was detached stays as it was, whatever the store does.
func TestView_detached(t *testing.T) {
	st := newStore()
	f := newFleet(5, 1)
	for i := range int64(1000) {
		if err := st.Unite(t.Context(), f.tick(testDay+i*10_000), store.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	k := f.groups[0].Key
	v := st.Open(k)
	v.Seek(100, 900, false)
	want := rowsOf(v, false)
	v.Seek(100, 900, false)
	if v.Detach(100) != nil {
		t.Error("1000 points detached in 100 bytes")
	}
	s := v.Detach(1 << 20)
	late := []store.Group{{Key: k}}
	for i := range int64(300) {
		late[0].Points = append(late[0].Points, series.Point{TS: testDay + i*20_000 + 5000, Value: []byte("late")})
	}
	if err := st.Unite(t.Context(), late, store.Origin{}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Drop(t.Context(), k.Period+1); err != nil {
		t.Fatal(err)
	}
	var got []string
	for b := s.Next(); len(b.Rows) > 0; b = s.Next() {
		got = appendRows(got, b)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

// BenchmarkView reads of a day that has a point every ten seconds. Every reading is of another of 500 series.
func BenchmarkView(b *testing.B) {
	st := newStore()
	f := newFleet(5, 500)
	for i := range int64(8640) {
		if err := st.Unite(b.Context(), f.tick(testDay+i*10_000), store.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
	read := func(name string, choose func(v store.View) int) {
		b.Run(name, func(b *testing.B) {
			points := 0
			for i := 0; b.Loop(); i++ {
				v := st.Open(f.groups[i*7919%500].Key)
				left := choose(v)
				points += left
				for left > 0 {
					left -= len(v.Next().Rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(points), "ns/point")
		})
	}
	read("day", func(v store.View) int { v.Seek(0, 8640, false); return 8640 })
	read("hour", func(v store.View) int {
		lo, hi := v.Before(testDay+7*hourMillis), v.Before(testDay+8*hourMillis)
		v.Seek(lo, hi, false)
		return hi - lo
	})
	read("last", func(v store.View) int { v.Seek(8639, 8640, true); return 1 })
}

// TestStore_newest: all points of the newest instant, also when it fills chunks.
func TestStore_newest(t *testing.T) {
	st := newStore()
	k := storetest.Key("2026-11-22:a:m")
	for i := range 700 {
		pt := series.Point{TS: testDay + int64(i/100)*1000, Value: fmt.Appendf(nil, "%03d", i)}
		g := []store.Group{{Key: k, Points: []series.Point{pt}}}
		if i >= 600 {
			g[0].Points[0].TS = testDay + 5000
		}
		if err := st.Unite(t.Context(), g, store.Origin{}); err != nil {
			t.Fatal(err)
		}
		p, e := st.find(k)
		b := store.Block{Text: []byte("before")}
		st.newest(p, e, &b)
		var want []string
		for _, pt := range storetest.Select(allOf(t, st, k), store.Span{From: e.open.Last(), To: e.open.Last()}) {
			want = append(want, string(series.AppendMember(nil, pt)))
		}
		if got := appendRows(nil, b); !slices.Equal(got, want) {
			t.Fatalf("%d: %v, want %v", i, got, want)
		}
	}
}

func allOf(t *testing.T, s *Store, k series.Key) []series.Point {
	got, _ := s.Ranges(t.Context(), []store.RangeQuery{{Key: k, Span: store.All}})
	return got[0]
}
