package budget

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store"
)

func TestBudget_admit(t *testing.T) {
	f := func(used int64, p Policy, stuck bool, growth, series error, pressure bool) {
		t.Helper()
		b := New()
		b.SetPolicy(p)
		b.SetStuck(stuck)
		b.Add(used - 10)
		b.Set(Buffers, 20)
		b.Set(Buffers, 3)
		b.Set(PlainKeys, 7)
		b.SetMax(1000)
		if got := b.AdmitGrowth(); !errors.Is(got, growth) {
			t.Errorf("used %d, %s: growth %v, want %v", used, p, got, growth)
		}
		if got := b.AdmitMemoryForSeries(); !errors.Is(got, series) {
			t.Errorf("used %d, %s: series %v, want %v", used, p, got, series)
		}
		woken := false
		select {
		case <-b.Pressure():
			woken = true
		default:
		}
		if woken != pressure {
			t.Errorf("used %d, %s: woken %v", used, p, woken)
		}
		if b.MustDrop() != (p == DropOldest && used > 950) {
			t.Errorf("used %d, %s: MustDrop is %v", used, p, b.MustDrop())
		}
	}
	f(950, NoEviction, false, nil, nil, false)
	f(951, NoEviction, false, nil, ErrFullForSeries, false)
	f(1000, NoEviction, false, nil, ErrFullForSeries, false)
	f(1001, NoEviction, false, ErrFull, ErrFull, false)
	f(950, DropOldest, false, nil, nil, false)
	f(1001, DropOldest, false, nil, nil, true)
	f(1062, DropOldest, false, nil, nil, true)
	f(1063, DropOldest, false, ErrFull, ErrFull, true)
	f(980, DropOldest, true, nil, ErrFullForSeries, false)
	f(1001, DropOldest, true, ErrFull, ErrFull, false)
	for _, err := range []error{ErrFull, ErrFullForSeries} {
		if !errors.Is(err, store.ErrMemory) {
			t.Errorf("%v is no store.ErrMemory", err)
		}
	}
}

func TestBudget_nilLimitsNothing(t *testing.T) {
	var b *Budget
	b.Add(1)
	b.CountRefused(ErrFull, 1)
	b.CountDeferred()
	p := b.Hold(1)
	if err := errors.Join(b.AdmitGrowth(), b.AdmitMemoryForSeries(), b.Full(), p.Admit(NewSeries{}, nil)); err != nil {
		t.Error(err)
	}
	p.Release(1)
}

// TestBudget_concurrent: many goroutines share the budget, and a period takes exactly as many series as it may.
func TestBudget_concurrent(t *testing.T) {
	const shards, each, limit = 8, 500, 1000
	b := New()
	b.SetMaxSeries(limit)
	var admitted [shards]int
	var wg sync.WaitGroup
	for i := range shards {
		wg.Go(func() {
			p := b.Hold(7)
			for n := range each {
				b.Add(int64(n))
				host := fmt.Appendf(nil, "h%d", i)
				err := p.Admit(NewSeries{Host: host, Fresh: true}, func() string { return "p" })
				switch {
				case err == nil:
					admitted[i]++
				case !errors.Is(err, store.ErrSeriesLimit) || !strings.Contains(err.Error(), "most new series: host h"):
					t.Errorf("%v", err)
				}
				b.Add(-int64(n))
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range admitted {
		sum += n
	}
	if sum != limit || b.Used() != 0 || b.Peak() < each-1 {
		t.Errorf("%d series, %d used, peak %d", sum, b.Used(), b.Peak())
	}
	p := b.Hold(7)
	if p.Series() != limit {
		t.Errorf("%d series are counted", p.Series())
	}
	p.Release(limit)
	for range shards {
		p.Release(0)
	}
	if len(b.periods) != 0 {
		t.Error("a period that nobody holds is still counted")
	}
}

func TestPeriod_worstHost(t *testing.T) {
	b := New()
	b.SetMaxSeries(100)
	p := b.Hold(1)
	add := func(host string, n int, fresh bool) {
		for range n {
			if err := p.Admit(NewSeries{Host: []byte(host), Fresh: fresh}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	now := time.Unix(0, 0)
	want := func(text string) {
		t.Helper()
		if got := p.worstHost(now); got != text {
			t.Errorf("worst is %q, want %q", got, text)
		}
	}
	want("")
	add("old", 30, false)
	now = now.Add(worstFor)
	want("host old (30)")
	add("new", 2, true)
	want("host old (30)") // a second long
	now = now.Add(worstFor)
	want("host new (2)")
	full := NewSeries{Host: []byte("x"), NoLimit: true}
	for range 100 {
		if err := p.Admit(full, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := p.Admit(NewSeries{}, func() string { return "2026-11-22" })
	if text := "more than 100 series in 2026-11-22 (--engine.max-series-per-period); most new series: host new (2)"; err ==
		nil || err.Error() != text {
		t.Errorf("%v, want %s", err, text)
	}
}
