package upstream

import (
	"context"
	"sync"
)

// window bounds what is on its way to a server, by weight. Who comes first goes first.
type window struct {
	done <-chan struct{} // closed when nothing is sent any longer

	mu      sync.Mutex // protects what follows
	free    int
	size    int
	waiters []*waiter
}

type waiter struct {
	weight int
	ready  chan struct{} // closed when the weight is taken
}

func newWindow(size int, done <-chan struct{}) *window {
	return &window{done: done, free: size, size: size}
}

// take waits until weight fits, or until ctx ends or the window is done. A weight above the whole window counts as the
// whole.
func (w *window) take(ctx context.Context, weight int) error {
	weight = min(weight, w.size)
	w.mu.Lock()
	if len(w.waiters) == 0 && weight <= w.free {
		w.free -= weight
		w.mu.Unlock()
		return nil
	}
	me := &waiter{weight, make(chan struct{})}
	w.waiters = append(w.waiters, me)
	w.mu.Unlock()
	why := errClosed
	select {
	case <-me.ready:
		return nil
	case <-w.done:
	case <-ctx.Done():
		why = ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.waiters {
		if other == me {
			w.waiters = append(w.waiters[:i], w.waiters[i+1:]...)
			w.admit() // a lighter one behind it may fit
			return why
		}
	}
	w.free += weight // it was given just now
	w.admit()
	return why
}

// give returns weight that was taken.
func (w *window) give(weight int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += min(weight, w.size)
	w.admit()
}

// admit lets those in who fit, in order; mu is held.
func (w *window) admit() {
	for len(w.waiters) > 0 && w.waiters[0].weight <= w.free {
		w.free -= w.waiters[0].weight
		close(w.waiters[0].ready)
		w.waiters = w.waiters[1:]
	}
}
