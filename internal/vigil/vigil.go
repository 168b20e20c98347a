package vigil

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	after = 100 * time.Millisecond // the last write the processor is idle
	turn  = 5 * time.Millisecond   // for which it is held at a time
)

// Vigil is for one process. Note is safe for concurrent use.
type Vigil struct {
	start time.Time
	wrote atomic.Int64  // the last write, ns since start
	kick  chan struct{} // holds one: there was none for a while
}

// New makes one that does nothing before Run.
func New() *Vigil { return &Vigil{start: time.Now(), kick: make(chan struct{}, 1)} }

// Note says that something is being written.
func (v *Vigil) Note() {
	now := int64(time.Since(v.start))
	if time.Duration(now-v.wrote.Swap(now)) < after/2 {
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
		for ctx.Err() == nil && time.Since(v.start)-time.Duration(v.wrote.Load()) < after {
			hold(turn)
		}
	}
}
