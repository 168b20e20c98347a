package peering

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// TestTx_Repair: points that come key by key, many at once, make the same sets as one by one, in whatever order keys
// and hours come, and as many are told as new.
func TestTx_Repair(t *testing.T) {
	start := noon.Unix()
	rapid.Check(t, func(r *rapid.T) {
		single, runs := newSide(t, "single"), newSide(t, "runs")
		repair := func(s *side, puts []store.Put) (added int) {
			tx := s.sh.Begin()
			defer tx.End()
			added, err := tx.Repair(puts)
			if err != nil {
				r.Fatal(err)
			}
			return added
		}
		for range rapid.IntRange(1, 8).Draw(r, "batches") {
			var puts []store.Put
			for range rapid.IntRange(1, 3).Draw(r, "keys") {
				name := fmt.Sprintf("h%d:m", rapid.IntRange(0, 2).Draw(r, "host"))
				ts := start + rapid.Int64Range(0, 5000).Draw(r, "from")
				for range rapid.IntRange(1, 500).Draw(r, "points") {
					ts += rapid.Int64Range(0, 3).Draw(r, "step")
					member := fmt.Sprintf("%d:%d", ts, ts%9)
					puts = append(puts, store.Put{
						Series: []byte(name), Member: []byte(member), TS: ts * 1000, ValueAt: uint8(len(member) - 1),
						Period: series.Day.PeriodOf(ts * 1000),
					})
				}
			}
			want := 0
			for _, p := range puts {
				want += repair(single, []store.Put{p})
			}
			if got := repair(runs, puts); got != want {
				r.Fatalf("%d were told as new, want %d", got, want)
			}
		}
		for more := true; more; {
			more = single.sh.FillGrid() || runs.sh.FillGrid()
		}
		a, _ := single.sh.Hours()
		b, _ := runs.sh.Hours()
		if d := cmp.Diff(a, b); d != "" || single.points(t) != runs.points(t) {
			r.Fatalf("one by one, key by key: %s", d)
		}
	})
}
