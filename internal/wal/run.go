package wal

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
)

// Run fsyncs as the Policy says, goes on after failures, and lets nobody wait for a disk that hangs, until ctx ends.
// Then everything is written and fsynced once more, as far as the disk lets it be.
func (l *Log) Run(ctx context.Context) {
	every := 50 * time.Millisecond
	if p := l.cfg.Policy.Every; p > 0 {
		every = min(every, p/4)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	idle := make(chan struct{}, 1) // holds one: nothing is being done behind the watch
	idle <- struct{}{}
	for {
		select {
		case <-ctx.Done():
			l.runEnd(idle)
			return
		case <-l.kick:
		case <-t.C:
		}
		l.watch()
		if l.cfg.Held != nil {
			l.cfg.Held(l.unwritten.Load() + l.stats.unsynced.Load())
		}
		if !l.due() {
			continue
		}
		select {
		case <-idle: // I/O may hang: it is not waited for here
			go l.runTick(idle)
		default:
		}
	}
}

// due says that there is something to write, to fsync, or to heal.
func (l *Log) due() bool {
	return l.degraded.Load() != nil || l.unwritten.Load() > 0 || l.syncDue() || l.rolled()
}

// syncDue says that what was written is to be fsynced now.
func (l *Log) syncDue() bool {
	since := l.stats.unsyncedSince.Load()
	return l.cfg.Policy.Every > 0 && since > 0 && l.cfg.Clock()-time.Duration(since-1) >= l.cfg.Policy.Every/2
}

// runTick does what is due.
func (l *Log) runTick(idle chan<- struct{}) {
	defer func() { idle <- struct{}{} }()
	if l.degraded.Load() != nil {
		l.heal()
		return
	}
	if l.unwritten.Load() > 0 || l.rolled() {
		l.turn <- struct{}{}
		l.write()
		<-l.turn
	}
	if l.syncDue() {
		l.syncTurn <- struct{}{}
		l.sync()
		<-l.syncTurn
	}
}

// rolled says that a segment was begun that has no file yet.
func (l *Log) rolled() bool {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	return len(l.q.pending) > 0
}

// heal tries whether the disk works again.
func (l *Log) heal() {
	l.syncTurn <- struct{}{}
	defer func() { <-l.syncTurn }()
	l.turn <- struct{}{}
	if l.cfg.Clock() < l.w.retryAt {
		<-l.turn
		return
	}
	life := l.w.life
	l.write()
	if l.w.cur == nil && l.w.life == life { // there was nothing to write: a file of its own shows that it works
		l.q.mu.Lock()
		r := l.q.roll
		l.q.mu.Unlock()
		if err := l.open(r); err != nil {
			l.fail(err)
		}
	}
	ok := l.w.life == life
	<-l.turn
	if !ok {
		return
	}
	l.sync()
	l.turn <- struct{}{}
	ok = l.w.life == life
	if ok {
		l.w.backoff = 0
	}
	<-l.turn
	if ok {
		l.lift()
	}
}

// lift ends that nobody waits for the disk. Whoever did not wait is written and fsynced before Status says that all is
// well. The caller has the right to fsync.
func (l *Log) lift() {
	l.behind.Store(math.MaxUint64)
	l.newRelease()
	l.degraded.Store(nil)
	l.q.mu.Lock()
	l.behind.Store(uint64(l.q.next))
	l.q.mu.Unlock()
	l.turn <- struct{}{}
	l.write()
	<-l.turn
	l.sync()
	if l.degraded.Load() != nil {
		return
	}
	l.stats.heals.Add(1)
	l.cfg.Log.Info("log: the disk works again, all points are on it")
}

// watch lets go of all who wait for I/O that hangs.
func (l *Log) watch() {
	hangs := func(since *atomic.Int64) bool {
		at := since.Load()
		return at > 0 && l.cfg.Clock()-time.Duration(at-1) > l.cfg.Stall
	}
	if (hangs(&l.busy.write) || hangs(&l.busy.fsync)) && l.degraded.Load() == nil {
		l.degrade("the disk does not answer")
		close(*l.release.Load())
	}
}

// runEnd is the last write and fsync. A disk that hangs is not waited for longer than Stall.
func (l *Log) runEnd(idle <-chan struct{}) {
	done := make(chan struct{})
	go l.runLast(idle, done)
	t := time.NewTimer(l.cfg.Stall)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		l.cfg.Log.Error("log: the disk does not answer, ending without it")
	}
}

func (l *Log) runLast(idle <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	<-idle
	if l.degraded.Load() != nil {
		l.turn <- struct{}{}
		l.w.retryAt = 0
		<-l.turn
		l.heal()
	}
	if err := l.Sync(); err != nil {
		l.cfg.Log.Error("log: not everything is on disk", "err", err)
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	for _, f := range l.w.dirty {
		_ = f.Close()
	}
	l.w.cur, l.w.dirty = nil, nil
}

// Remove removes the segments below a number.
func (l *Log) Remove(below uint64) (removed int, err error) {
	entries, err := l.cfg.FS.ReadDir(l.cfg.Dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		prefix, number, _, ext, ok := frame.ParseName(e.Name())
		if !ok || prefix != "" || ext != "log" || number >= below {
			continue
		}
		if rm := l.cfg.FS.Remove(filepath.Join(l.cfg.Dir, e.Name())); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
			continue
		}
		removed++
	}
	return removed, err
}
