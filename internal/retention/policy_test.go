package retention

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
)

func TestPolicy_Next(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	today := series.Day.PeriodOf(start.UnixMilli())
	day := 24 * time.Hour
	near, far := time.Second, 2*time.Hour
	long := day
	f := func(name string, r Policy, c Clocks, want series.Period, paused bool) {
		t.Helper()
		r.Layout, r.Keep, c.Start = series.Day, 2, start
		got, why := r.Next(c)
		if got != want || (why != "") != paused {
			t.Errorf("%s: floor %d (%q), want %d paused=%v", name, got, why, want, paused)
		}
	}
	f("first start, nothing held", Policy{}, Clocks{Wall: start}, today-2, false)
	f("up to date", Policy{Floor: today - 2}, Clocks{Wall: start}, today-2, false)
	f("a clock in the past lowers nothing", Policy{Floor: today - 2},
		Clocks{Wall: start.Add(-30 * day)}, today-2, false)
	f("midnight with peers", Policy{Floor: today - 2, Oldest: today - 2},
		Clocks{Wall: start.Add(day), Elapsed: day, Skew: &near}, today-1, false)
	f("a jump of the clock pauses", Policy{Floor: today - 2, Oldest: today - 2},
		Clocks{Wall: start.Add(365 * day), Elapsed: time.Hour, Skew: &near}, today-2, true)
	f("peers with another time pause", Policy{Floor: today - 2, Oldest: today - 2},
		Clocks{Wall: start.Add(day), Elapsed: day, Skew: &far}, today-2, true)
	f("alone: one period only", Policy{Floor: today - 9, Oldest: today - 9}, Clocks{Wall: start}, today-8, false)
	f("alone: not again within a period", Policy{Floor: today - 8, Oldest: today - 8, Raised: new(time.Duration)},
		Clocks{Wall: start.Add(time.Hour), Elapsed: time.Hour}, today-8, false)
	f("alone: again after a period", Policy{Floor: today - 8, Oldest: today - 8, Raised: new(time.Duration)},
		Clocks{Wall: start.Add(long), Elapsed: long}, today-7, false)
	f("alone: what frees nothing goes at once", Policy{Floor: today - 9, Oldest: today},
		Clocks{Wall: start}, today-2, false)
}
