package vigil

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestVigil: while there are writes nobody waits for the processor that is held, not even who stops the world, and
// afterwards there are as many processors as before.
func TestVigil(t *testing.T) {
	defer goleak.VerifyNone(t)
	before := runtime.GOMAXPROCS(0)
	ctx, stop := context.WithCancel(t.Context())
	v := New()
	var all sync.WaitGroup
	all.Go(func() { v.Run(ctx) })
	for holds && runtime.GOMAXPROCS(0) != before+1 {
		time.Sleep(time.Millisecond)
	}
	for i := range 300 {
		for range enough / 10 {
			v.Note()
		}
		if i%10 == 0 {
			runtime.GC() // stops the world twice
		}
		done := make(chan bool)
		go func() { done <- true }()
		<-done
		time.Sleep(time.Millisecond)
	}
	time.Sleep(3 * within) // it has gone to rest, and is woken again
	for range 2 * enough {
		v.Note()
	}
	stop()
	all.Wait()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("%d processors, %d before", got, before)
	}
}
