package upstream

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWindow_boundsAndKeepsTheOrder(t *testing.T) {
	w := newWindow(10, nil)
	ctx := context.Background()
	if w.take(ctx, 8) != nil {
		t.Fatal("8 of 10 do not fit")
	}
	brief, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if err := w.take(brief, 3); err == nil {
		t.Fatal("11 of 10 fit")
	}
	got := make(chan string, 2)
	go func() { _ = w.take(ctx, 99); got <- "heavy" }() // counts as the whole window
	for {
		w.mu.Lock()
		n := len(w.waiters)
		w.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	go func() { _ = w.take(ctx, 1); got <- "light" }()
	w.give(8)
	if first := <-got; first != "heavy" {
		t.Fatalf("%s went first", first)
	}
	w.give(99)
	<-got
	w.give(1)
	if w.free != 10 {
		t.Fatalf("%d free", w.free)
	}
}

func TestWindow_law_nothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(rt, "size")
		weights := rapid.SliceOfN(rapid.IntRange(0, 30), 1, 40).Draw(rt, "weights")
		giveUp := rapid.SliceOfN(rapid.Bool(), len(weights), len(weights)).Draw(rt, "give up")
		w := newWindow(size, nil)
		var used atomic.Int64
		var wg sync.WaitGroup
		for i, weight := range weights {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if giveUp[i] {
					cancel()
				}
				if w.take(ctx, weight) != nil {
					return
				}
				weight := int64(min(weight, size))
				if now := used.Add(weight); now > int64(size) {
					t.Errorf("%d of %d taken", now, size)
				}
				used.Add(-weight)
				w.give(int(weight))
			})
		}
		wg.Wait()
		if w.free != size || len(w.waiters) != 0 {
			t.Fatalf("%d of %d free, %d wait", w.free, size, len(w.waiters))
		}
	})
}

func TestBackoff_doublesUpToTheCap(t *testing.T) {
	b := backoff{most: time.Second}
	want := firstPause
	for range 10 {
		if got := b.next(0.5); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		want = min(2*want, time.Second)
	}
	if low, high := b.next(0), b.next(0.9999); low != 750*time.Millisecond || high < 1249*time.Millisecond {
		t.Fatal(low, high)
	}
	b.reset()
	if got := b.next(0.5); got != firstPause {
		t.Fatal(got)
	}
}

func TestParseTarget(t *testing.T) {
	f := func(in string, want Target) {
		t.Helper()
		if got, err := ParseTarget(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	f("redis://h:1", Target{Network: "tcp", Addr: "h:1", Host: "h"})
	f("redis://h", Target{Network: "tcp", Addr: "h:6379", Host: "h"})
	f("redis://h:1/3", Target{Network: "tcp", Addr: "h:1", Host: "h", DB: 3})
	f("rediss://[::1]:1/", Target{Network: "tcp", Addr: "[::1]:1", Host: "::1", TLS: true})
	f("redis://[fe80::1]", Target{Network: "tcp", Addr: "[fe80::1]:6379", Host: "fe80::1"})
	f("unix:///run/redis.sock", Target{Network: "unix", Addr: "/run/redis.sock"})
	f("unix:///run/redis.sock?db=2", Target{Network: "unix", Addr: "/run/redis.sock", DB: 2})
	for _, bad := range []string{
		"", "h:1", "http://h:1", "redis://", "redis://h:0", "redis://h:99999", "redis://h:1/x", "redis://h:1/-1",
		"redis://h:1/01", "redis://u:p@h:1", "unix://h/x", "unix:x", "redis://h:1?db=1", "redis://h:1#x", "redis://%zz",
	} {
		if got, err := ParseTarget(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, got)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("redis://[::1]:6390/3")
	f.Add("unix:///a?db=1")
	f.Add("rediss://:@")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTarget(s)
		if err == nil && (got.Addr == "" || got.DB < 0 || got.Network == "unix" == got.TLS && got.TLS) {
			t.Fatalf("%q: %+v", s, got)
		}
	})
}
