package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// TestStore_Replace: a flipped bit anywhere in any chunk is found by Verify, costs no more than points of its key, and
// is mended by the points that were there. Others are not taken.
func TestStore_Replace(t *testing.T) {
	const first = 1795305600000
	g := grid.New("c")
	s := New(Config{
		Layout: series.Day, Cluster: "c", Epoch: "e", Clock: func() time.Time { return time.UnixMilli(first) }, Grid: g,
	})
	var keys []series.Key
	for i := range 3 {
		k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:m", i))
		if err != nil {
			t.Fatal(err)
		}
		k.Period = series.Day.PeriodOf(first)
		keys = append(keys, k)
		grp := store.Group{Key: k}
		for n := range 700 {
			value := fmt.Appendf(nil, "%d.%02d", n%13*i, n%100)
			if n%50 == 0 {
				value = []byte("text")
			}
			grp.Points = append(grp.Points, series.Point{TS: first + int64(n)*10_000, Value: value})
		}
		if err := s.Unite(context.Background(), []store.Group{grp}, store.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	for g.Fill(s, 100) {
	}
	hours, _ := g.Hours()
	k := keys[1]
	all := func() []series.Point {
		got, err := s.Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	good := all()
	p, e := s.find(k)
	damaged := func() (names []string) {
		for next, first := uint32(0), true; first || next != 0; first = false {
			next = s.Verify(k.Period, next, 500, func(k series.Key) { names = append(names, string(k.Series)) })
		}
		return names
	}
	if got := damaged(); len(got) > 0 {
		t.Fatalf("%v are damaged, and nothing was done to them", got)
	}
	found, flips := 0, 0
	for i := 0; i < int(e.dirLen); i++ {
		for at := 0; i < int(e.dirLen) && at < len(p.chunkBytes(e, i)); at += 37 {
			if e.isOpen(i) && at >= e.open.Size()&^7 {
				break
			}
			flips++
			p.chunkBytes(e, i)[at] ^= 1 << (at % 8)
			names := damaged()
			if len(names) > 1 || len(names) == 1 && names[0] != "h1:m" {
				t.Fatalf("chunk %d, byte %d: %v", i, at, names)
			}
			if len(names) == 0 { // a bit that means nothing
				p.chunkBytes(e, i)[at] ^= 1 << (at % 8)
				continue
			}
			found++
			_ = all() // reading what is damaged ends
			v := s.Open(k)
			v.Seek(3, v.Len(), at%2 == 0)
			for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
			}
			if s.Replace(k, good[1:]) {
				t.Fatal("points are taken that are not those of the digest")
			}
			if !s.Replace(k, good) || len(damaged()) > 0 {
				t.Fatal("the points that were there do not mend it")
			}
		}
	}
	if found < flips*9/10 {
		t.Errorf("%d of %d flips are found", found, flips)
	}
	for g.Fill(s, 100) {
	}
	if now, ok := g.Hours(); !ok || fmt.Sprint(now) != fmt.Sprint(hours) {
		t.Errorf("the hours are %v, were %v", now, hours)
	}
	if got := all(); fmt.Sprint(got) != fmt.Sprint(good) {
		t.Errorf("%d points of %d", len(got), len(good))
	}
	if err := s.Unite(context.Background(), []store.Group{{Key: k, Points: []series.Point{
		{TS: first + 7_000_000, Value: []byte("8")}, {TS: first + 5, Frac: 3, Value: []byte("8")},
	}}}, store.Origin{}); err != nil || s.Card(k) != len(good)+2 || len(damaged()) > 0 {
		t.Errorf("it goes on with %d points, %v", s.Card(k), err)
	}
}
