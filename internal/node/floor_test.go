package node

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
)

func TestRetention_next(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	today := series.Day.PeriodOf(start.UnixMilli())
	day := 24 * time.Hour
	near, far := time.Second, 2*time.Hour
	long := day
	f := func(name string, r retention, c clocks, want series.Period, paused bool) {
		t.Helper()
		r.Layout, r.Keep, c.Start = series.Day, 2, start
		got, why := r.next(c)
		if got != want || (why != "") != paused {
			t.Errorf("%s: floor %d (%q), want %d paused=%v", name, got, why, want, paused)
		}
	}
	f("first start, nothing held", retention{}, clocks{Wall: start}, today-2, false)
	f("up to date", retention{Floor: today - 2}, clocks{Wall: start}, today-2, false)
	f("a clock in the past lowers nothing", retention{Floor: today - 2},
		clocks{Wall: start.Add(-30 * day)}, today-2, false)
	f("midnight with peers", retention{Floor: today - 2, Oldest: today - 2},
		clocks{Wall: start.Add(day), Elapsed: day, Skew: &near}, today-1, false)
	f("a jump of the clock pauses", retention{Floor: today - 2, Oldest: today - 2},
		clocks{Wall: start.Add(365 * day), Elapsed: time.Hour, Skew: &near}, today-2, true)
	f("peers with another time pause", retention{Floor: today - 2, Oldest: today - 2},
		clocks{Wall: start.Add(day), Elapsed: day, Skew: &far}, today-2, true)
	f("alone: one period only", retention{Floor: today - 9, Oldest: today - 9}, clocks{Wall: start}, today-8, false)
	f("alone: not again within a period", retention{Floor: today - 8, Oldest: today - 8, Raised: new(time.Duration)},
		clocks{Wall: start.Add(time.Hour), Elapsed: time.Hour}, today-8, false)
	f("alone: again after a period", retention{Floor: today - 8, Oldest: today - 8, Raised: new(time.Duration)},
		clocks{Wall: start.Add(long), Elapsed: long}, today-7, false)
	f("alone: what frees nothing goes at once", retention{Floor: today - 9, Oldest: today},
		clocks{Wall: start}, today-2, false)
}
