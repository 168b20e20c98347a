package store

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

// TestRuns_law: the groups have all puts that parse, in their order.
func TestRuns_law(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var puts []Put
		want := ""
		for range rapid.IntRange(0, 30).Draw(r, "puts") {
			name := rapid.SampledFrom([]string{"a:m", "b:m", "bad"}).Draw(r, "name")
			ts := rapid.Int64Range(1, 9).Draw(r, "ts")
			p := Put{
				Series: []byte(name), Member: fmt.Appendf(nil, "%d:7", ts), TS: ts * 1000, ValueAt: 2,
				Period: series.Period(rapid.IntRange(1, 2).Draw(r, "period")),
			}
			if puts = append(puts, p); name != "bad" {
				want += fmt.Sprintf("%d %s %d 7\n", p.Period, name, p.TS)
			}
		}
		got := ""
		for i, g := range Runs(puts) {
			for _, pt := range g.Points {
				got += fmt.Sprintf("%d %s %d %s\n", g.Key.Period, g.Key.Series, pt.TS, pt.Value)
			}
			if len(g.Points) == 0 {
				r.Fatalf("group %d is empty", i)
			}
		}
		if got != want {
			r.Fatalf("%q, want %q", got, want)
		}
	})
}
