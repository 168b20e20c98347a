package journal_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/journal"
)

func TestMicros(t *testing.T) {
	f := func(score float64, want int64) {
		t.Helper()
		if got := journal.Micros(score); got != want {
			t.Errorf("Micros(%v) = %d, want %d", score, got, want)
		}
	}
	const us = 1795348800123456
	f(1795348800, 1795348800000000)
	f(1795348800.5, 1795348800500000)
	f(1795348800123, 1795348800123000)
	f(us, us)
	f(0, 0)
	f(-5, 0)
	f(math.NaN(), 0)
	f(math.Inf(1), 0)
}

func TestWindows_coverEveryUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(1e15, 3e15).Draw(t, "from")
		at := from + rapid.Int64Range(0, 1e13).Draw(t, "after")
		for unit, div := range map[string]float64{"s": 1e6, "ms": 1e3, "µs": 1} {
			score, hits := math.Floor(float64(at)/div), 0
			for _, w := range journal.Windows(from) {
				if score >= w.From && score <= w.To {
					hits++
				}
			}
			if hits != 1 {
				t.Fatalf("%s score %v is in %d windows of %d", unit, score, hits, from)
			}
		}
	})
}

func TestCursor_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch := rapid.StringN(1, 60, -1).Draw(t, "epoch")
		j, l := rapid.Int64Min(0).Draw(t, "journal"), rapid.Int64Min(0).Draw(t, "late")
		e2, j2, l2, err := journal.ParseCursor(journal.FormatCursor(epoch, j, l))
		if err != nil || e2 != epoch || j2 != j || l2 != l {
			t.Fatalf("%q %d %d, %v", e2, j2, l2, err)
		}
		ts, score, err := journal.ParseMark(journal.FormatMark(j, l))
		if err != nil || ts != j || score != l {
			t.Fatalf("%d %d, %v", ts, score, err)
		}
	})
	for _, bad := range []string{"x", "1 2", "1 x e", " ", "1"} {
		if _, _, _, err := journal.ParseCursor(bad); err == nil {
			t.Errorf("cursor %q accepted", bad)
		}
	}
}

func TestSplitLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		hour := rapid.Int64Range(0, 3e6).Draw(t, "hour")
		k, h, ok := journal.SplitLate(journal.LateMember(key, hour))
		if !ok || k != key || h != hour {
			t.Fatalf("%q %d %v", k, h, ok)
		}
	})
	for _, bad := range []string{"", "key", "key#", "key#2026-11-22", "key#2026-11-22T25", "key#2026-11-22T1"} {
		if _, _, ok := journal.SplitLate(bad); ok {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestScript_names(t *testing.T) {
	for _, s := range []journal.Script{journal.Unite, journal.Adopt, journal.HourSums, journal.Forget} {
		if len(s.SHA) != 40 || strings.ToLower(s.SHA) != s.SHA {
			t.Errorf("sha %q", s.SHA)
		}
	}
}
