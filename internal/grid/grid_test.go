package grid_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

const start = 1795305600000 // midnight

func newStore() (*engine.Store, *grid.Grid) {
	g := grid.New("c")
	return engine.New(engine.Config{
		Layout: series.Day, Cluster: "c", Epoch: "e", Clock: func() time.Time { return time.UnixMilli(start) }, Grid: g,
	}), g
}

// sums adds the digests of points up by hour, from their text.
func sums(points map[string]int64) map[int64]store.Digest {
	all := map[int64]store.Digest{}
	for text, ts := range points {
		var name, member string
		if _, err := fmt.Sscan(text, &name, &member); err != nil {
			panic("BUG: " + err.Error())
		}
		d := all[ts/store.HourMillis]
		d.AddMember(store.SeriesSeed(store.DigestSeed("c"), []byte(name)), []byte(member))
		all[ts/store.HourMillis] = d
	}
	return all
}

func check(t *rapid.T, st *engine.Store, g *grid.Grid, want map[int64]store.Digest) {
	for more := true; more; {
		more = g.Fill(st, 2)
	}
	hours, ok := g.Hours()
	if !ok {
		t.Fatal("it is filled, and can not tell")
	}
	found := 0
	for i, h := range hours {
		if i > 0 && hours[i-1].Hour <= h.Hour {
			t.Fatal("the latest hour does not come first")
		}
		if h.Points == 0 {
			continue
		}
		found++
		if h.Digest != want[h.Hour] {
			t.Fatalf("hour %d: %v, want %v", h.Hour, h.Digest, want[h.Hour])
		}
		var sum store.Digest
		q := grid.Query{Period: series.Day.PeriodOf(h.Hour * store.HourMillis), Hour: h.Hour}
		for b := range q.Want {
			q.Want[b] = true
		}
		for q.Most = 2; ; q.Most = 2 {
			list, next := g.Series(st, q)
			for _, d := range list {
				sum.Add(d.Digest)
				if one := g.One(st, q, d.Series); one != d.Digest {
					t.Fatalf("%s: %v alone, %v among all", d.Series, one, d.Digest)
				}
			}
			if q.From = next; next == 0 {
				break
			}
		}
		if sum != h.Digest {
			t.Fatalf("hour %d: its series have %v, want %v", h.Hour, sum, h.Digest)
		}
	}
	if found != len(want) {
		t.Fatalf("%d hours have points, want %d", found, len(want))
	}
}

// TestGrid_law: whatever comes, late, twice, live or from disk, the digests are those of the points.
func TestGrid_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st, g := newStore()
		points := map[string]int64{}
		write := func(st *engine.Store) {
			var puts []store.Put
			for range rapid.IntRange(1, 400).Draw(t, "batch") {
				ts := start + rapid.Int64Range(0, 5*3600).Draw(t, "ts")*1000 + 86_400_000*rapid.Int64Range(0, 1).Draw(t, "day")
				name := fmt.Sprintf("h%d:m", rapid.IntRange(0, 6).Draw(t, "series"))
				member := series.AppendMember(nil, series.Point{TS: ts, Value: []byte("1")})
				points[name+" "+string(member)] = ts
				puts = append(puts, store.Put{
					Series: []byte(name), Member: member, TS: ts, Period: series.Day.PeriodOf(ts), ValueAt: uint8(len(member) - 1),
				})
			}
			st.Put(puts)
		}
		write(st)
		write(st)
		check(t, st, g, sums(points))
		again, h := newStore() // what a restart makes of it, while writes come
		for day := range series.Period(2) {
			var at engine.SaveAt
			var recs [][]byte
			keep := func(rec []byte) { recs = append(recs, append([]byte(nil), rec...)) }
			for more := true; more; {
				more = st.Save(series.Day.PeriodOf(start)+day, &at, keep, keep)
			}
			for i, rec := range recs {
				if _, err := again.Load(rec, false); err != nil {
					t.Fatal(err)
				}
				if i == len(recs)/2 {
					h.Fill(again, 1)
					write(again)
				}
			}
		}
		check(t, again, h, sums(points))
		_, _ = again.Drop(t.Context(), series.Day.PeriodOf(start)+1)
		for text, ts := range points {
			if ts < start+86_400_000 {
				delete(points, text)
			}
		}
		check(t, again, h, sums(points))
	})
}

func TestGrid_nil(t *testing.T) {
	var g *grid.Grid
	g.Begin(1, false)
	g.Add(grid.Point{})
	g.Forget(1)
	g.Drop(1)
	if g.Size() != 0 {
		t.Error("nothing has a size")
	}
}
