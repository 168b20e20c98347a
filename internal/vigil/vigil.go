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

// followEvery is how often the runtime is asked how many processors there should be: it stops the world for it, twice.
const followEvery = 30 * time.Second

// Vigil is for one process. Note is safe for concurrent use.
type Vigil struct {
	follow bool
	clock  func() time.Duration // since some time
	hold   func(time.Duration)
	writes atomic.Int64
	since  atomic.Int64  // when the last enough-th write was, ns
	kick   chan struct{} // holds one: enough were within the time
}

// New makes one that does nothing before Run. follow: how many processors there are is for the runtime to say, as it is
// unless somebody has set GOMAXPROCS.
func New(follow bool) *Vigil {
	start := time.Now()
	return &Vigil{
		follow: follow, clock: func() time.Duration { return time.Since(start) }, hold: hold, kick: make(chan struct{}, 1),
	}
}

// Note says that something is being written.
func (v *Vigil) Note() {
	if v.writes.Add(1)%enough != 0 {
		return
	}
	now := int64(v.clock())
	if time.Duration(now-v.since.Swap(now)) <= within {
		v.call()
	}
}

func (v *Vigil) call() {
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
	defer v.giveBack()
	t := time.NewTicker(followEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			v.ask()
		case <-v.kick:
			before := v.writes.Load()
			for range within / turn {
				v.hold(turn)
			}
			if v.writes.Load()-before >= enough {
				v.call()
			}
		}
	}
}

// ask takes over how many processors there should be by now, and one more: limits of a container may change.
func (v *Vigil) ask() {
	if v.follow {
		runtime.SetDefaultGOMAXPROCS()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}

// giveBack gives the processor back that is one too many, and the say in it.
func (v *Vigil) giveBack() {
	if v.follow {
		runtime.SetDefaultGOMAXPROCS()
	} else {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1)
	}
}
