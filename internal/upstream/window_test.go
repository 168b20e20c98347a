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
