package replica

import (
	"sync"
	"sync/atomic"
)

// Bell wakes those who wait for something to happen. Ringing it while nobody waits costs next to nothing. The zero Bell
// is ready, and safe for concurrent use.
type Bell struct {
	waiting atomic.Int32
	mu      sync.Mutex // protects rung
	rung    chan struct{}
}

// Wait gives a channel that is closed by the next Ring, and what says that nobody waits any more. Look for what is
// waited for after it.
func (b *Bell) Wait() (rung <-chan struct{}, done func()) {
	b.waiting.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung, func() { b.waiting.Add(-1) }
}

// Ring wakes all who wait.
func (b *Bell) Ring() {
	if b.waiting.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
