package store

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

// TestSummer_Add_law: whatever the text of the time that is kept from the point before, a digest is that of the points.
func TestSummer_Add_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Summer
		var got, want Digest
		ts := rapid.SampledFrom([]int64{0, 9_998_000, 9_999_990_000, 1_795_348_800_000}).Draw(t, "start")
		for range rapid.IntRange(1, 60).Draw(t, "points") {
			ts += rapid.SampledFrom([]int64{0, 0, 1000, 10_000, 3_600_000, 250, -1000}).Draw(t, "step")
			ts = max(ts, 0)
			pt := series.Point{TS: ts, Frac: series.FracFor(ts), Value: []byte(rapid.StringN(1, 5, 9).Draw(t, "value"))}
			s.Add(&got, 7, pt)
			want.AddPoint(7, pt)
			if got != want {
				t.Fatalf("%d: %+v, want %+v", ts, got, want)
			}
		}
	})
}
