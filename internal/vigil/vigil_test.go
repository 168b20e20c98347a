package vigil

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// note notes enough writes, within some time.
func note(v *Vigil, in time.Duration) {
	now := v.clock() + in
	v.clock = func() time.Duration { return now }
	for range enough {
		v.Note()
	}
}

// TestVigil_Note: only as many writes as pay call for the processor.
func TestVigil_Note(t *testing.T) {
	v := New(false)
	f := func(in time.Duration, want int) {
		t.Helper()
		if note(v, in); len(v.kick) != want {
			t.Errorf("%d writes in %s: %d calls, want %d", enough, in, len(v.kick), want)
		}
	}
	f(time.Hour, 0)
	f(within+1, 0)
	f(within, 1)
	f(within, 1)
	<-v.kick
	f(2*within, 0)
}

// TestVigil_Run: the processor is held while there are writes, and no longer. A process has one more all the while, and
// afterwards as many as before.
func TestVigil_Run(t *testing.T) {
	if !holds {
		t.Skip("there is no vigil on this system")
	}
	defer goleak.VerifyNone(t)
	before := runtime.GOMAXPROCS(0)
	ctx, stop := context.WithCancel(t.Context())
	v := New(false)
	turns := make(chan int) // processors while it is held
	v.hold = func(time.Duration) { turns <- runtime.GOMAXPROCS(0) }
	v.writes.Add(enough)
	v.call()
	var all sync.WaitGroup
	all.Go(func() { v.Run(ctx); close(turns) })
	const round = int(within / turn)
	for i := range 2 * round { // one, and another as there are writes in the first
		if i < round {
			v.writes.Add(enough / 10)
		}
		if n := <-turns; n != before+1 {
			t.Fatalf("%d processors, %d before", n, before)
		}
	}
	stop()
	for range turns {
		t.Error("it is held though nothing is written")
	}
	all.Wait()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("%d processors, %d before", got, before)
	}
}

// TestHold: who stops the world does not wait for a processor that is held.
func TestHold(t *testing.T) {
	const long = time.Hour
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		hold(long)
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		runtime.GC() // stops the world; before the hold, perhaps
		select {
		case <-ended:
			return
		default:
			if time.Now().After(deadline) {
				t.Fatal("it is still held")
			}
		}
	}
}
