package query

import (
	"sync/atomic"
	"time"
)

// What follows stores in memory rests while nobody looks: what changes meanwhile is read when somebody does.
const (
	restAfter   = 10 * time.Second // without a look
	restAtMost  = time.Minute      // then all is read all the same, so that whoever looks next waits for a minute of it
	catchUpMost = 2 * time.Second  // that a look waits: what it gives may then be older
)

// pace is how closely the journals of stores in memory are followed.
type pace struct {
	looked  atomic.Int64                  // the last look, ns since start
	resting atomic.Pointer[chan struct{}] // closed when all is read again; nil = they are followed
	wake    chan struct{}                 // holds one: somebody looks while they rest
	start   time.Time
}

func (p *pace) begin() {
	p.wake, p.start = make(chan struct{}, 1), time.Now()
}

// look says that somebody is about to look, and waits until what he sees is of now, if the feeds were resting. false:
// it has waited for long, and it is not yet.
func (p *pace) look() (now bool) {
	p.looked.Store(int64(time.Since(p.start)))
	read := p.resting.Load()
	if read == nil {
		return true
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	t := time.NewTimer(catchUpMost)
	defer t.Stop()
	select {
	case <-*read:
		return true
	case <-t.C:
		return false
	}
}

// unseen says that nobody has looked for a while.
func (p *pace) unseen() bool { return time.Since(p.start)-time.Duration(p.looked.Load()) > restAfter }

func (p *pace) rest() {
	read := make(chan struct{})
	p.resting.Store(&read)
}

// end ends a rest.
func (p *pace) end() {
	if read := p.resting.Swap(nil); read != nil {
		close(*read)
	}
}
