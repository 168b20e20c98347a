package vigil

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// A hold and what comes with it costs about as much as two wakes of the monitor, so it pays from some hundred writes a
// second on.
const (
	enough = 30                     // writes
	within = 100 * time.Millisecond // or the processor is not held
	turn   = 5 * time.Millisecond   // for which it is held at a time
)

// Vigil is for one process. Note is safe for concurrent use.
type Vigil struct {
	start  time.Time
	writes atomic.Int64
	since  atomic.Int64  // when the last enough-th write was, ns since start
	kick   chan struct{} // holds one: enough were within the time
}

// New makes one that does nothing before Run.
func New() *Vigil { return &Vigil{start: time.Now(), kick: make(chan struct{}, 1)} }

// Note says that something is being written.
func (v *Vigil) Note() {
	if v.writes.Add(1)%enough != 0 {
		return
	}
	now := int64(time.Since(v.start))
	if time.Duration(now-v.since.Swap(now)) > within {
		return
	}
	select {
	case v.kick <- struct{}{}:
	default:
	}
}

// Run keeps vigil until ctx ends.
func (v *Vigil) Run(ctx context.Context) {
	if !holds {
		<-ctx.Done()
		return
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	defer func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.kick:
		}
		for before := int64(-enough); ctx.Err() == nil && v.writes.Load()-before >= enough; {
			before = v.writes.Load()
			for range within / turn {
				hold(turn)
			}
		}
	}
}
