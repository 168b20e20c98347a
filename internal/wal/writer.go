package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
)

// writer is what only the holder of the turn touches.
type writer struct {
	todo    []part   // taken from pending
	cur     *output  // nil = none is open
	tail    []part   // written, and perhaps not durable; with policy never nothing is kept
	spare   [][]byte // memory of parts that were in it
	dirty   []*output
	life    uint64 // changes when a file fails
	backoff time.Duration
	retryAt time.Duration
}

// output is a file.
type output struct {
	fsx.File
	path  string
	roll  *roll
	end   LSN  // of what was written to it
	named bool // its name in the directory is durable
}

// ErrDegraded: what was appended is in memory only.
var ErrDegraded = errors.New("the log can not be written to disk")

const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 500 * time.Millisecond
)

// failure is the error while the log is degraded.
func (l *Log) failure() error {
	if why := l.degraded.Load(); why != nil {
		return fmt.Errorf("%w: %s", ErrDegraded, *why)
	}
	return ErrDegraded
}

// write writes all that was appended. The caller has the turn.
func (l *Log) write() {
	if l.cfg.Writing != nil {
		l.cfg.Writing()
	}
	l.busy.write.Store(int64(l.cfg.Clock()) + 1)
	defer l.busy.write.Store(0)
	for {
		l.q.mu.Lock()
		l.w.todo = append(l.w.todo, l.q.pending...)
		l.q.pending = l.q.pending[:0]
		l.q.mu.Unlock()
		if len(l.w.todo) == 0 {
			return
		}
		for len(l.w.todo) > 0 {
			if err := l.writePart(l.w.todo[0]); err != nil {
				l.fail(err)
				return
			}
			l.w.todo = l.w.todo[1:]
		}
		l.w.todo = nil
	}
}

// writePart writes frames to their segment.
func (l *Log) writePart(p part) error {
	w := &l.w
	if w.cur == nil || w.cur.roll != p.roll {
		if err := l.open(p.roll); err != nil {
			return err
		}
	}
	if len(p.buf) > 0 {
		if n, err := w.cur.Write(p.buf); err != nil || n < len(p.buf) {
			return errors.Join(err, l.stats.writeFailed())
		}
	}
	w.cur.end = p.end
	l.stats.bytes.Add(int64(len(p.buf)))
	l.unwritten.Add(-int64(len(p.buf)))
	l.stats.unsyncedSince.CompareAndSwap(0, int64(l.cfg.Clock())+1)
	l.keep(p)
	l.written.Store(uint64(p.end))
	return nil
}

// keep keeps what was written until it is durable, and the memory of the part for the next.
func (l *Log) keep(p part) {
	w := &l.w
	if l.cfg.Policy.never() {
		l.giveBack(p.buf)
		return
	}
	l.stats.unsynced.Add(int64(len(p.buf)))
	n := len(w.tail)
	if n == 0 || w.tail[n-1].roll != p.roll || len(w.tail[n-1].buf)+len(p.buf) > tailPart {
		w.tail = append(w.tail, part{roll: p.roll})
		n++
	}
	last := &w.tail[n-1]
	if s := len(w.spare); cap(last.buf) == 0 && s > 0 {
		last.buf, w.spare = w.spare[s-1], w.spare[:s-1]
	} else if cap(last.buf) == 0 {
		last.buf = make([]byte, 0, max(tailPart, len(p.buf)))
	}
	last.buf, last.end = append(last.buf, p.buf...), p.end
	l.giveBack(p.buf)
}

const (
	tailPart  = 256 << 10
	mostSpare = 1 << 20
)

// giveBack lets the next part use the memory of one that was written.
func (l *Log) giveBack(buf []byte) {
	if cap(buf) > mostSpare {
		return
	}
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	if cap(buf) > cap(l.q.spare) {
		l.q.spare = buf[:0]
	}
}

// open makes the next file of a segment. The one before stays dirty until it is fsynced.
func (l *Log) open(r *roll) error {
	if r.files > 999 {
		return errors.New("a thousand files of one segment have failed")
	}
	if err := l.cfg.FS.MkdirAll(l.cfg.Dir); err != nil {
		return err
	}
	path := filepath.Join(l.cfg.Dir, frame.Name(r.number+r.files, r.salt, "log"))
	f, err := l.cfg.FS.Create(path)
	if err != nil {
		return err
	}
	head := frame.AppendHeader(nil, "log ", r.salt)
	for _, rec := range r.head {
		head = frame.Append(head, r.salt, rec)
	}
	if n, err := f.Write(head); err != nil || n < len(head) {
		_ = f.Close()
		_ = l.cfg.FS.Remove(path) // nothing that counts is in it
		return errors.Join(err, l.stats.writeFailed())
	}
	r.files++
	l.w.cur = &output{File: f, path: path, roll: r}
	l.w.dirty = append(l.w.dirty, l.w.cur)
	l.path.Store(&path)
	l.stats.segment.Store(r.number)
	return nil
}

// fail gives up all files that are not durable: what is in them is written again. The caller has the turn.
func (l *Log) fail(err error) {
	w := &l.w
	for _, f := range w.dirty {
		_ = f.Close()
	}
	w.cur, w.dirty = nil, nil
	l.path.Store(nil)
	w.life++
	for _, p := range w.tail {
		l.unwritten.Add(int64(len(p.buf)))
		l.stats.bytes.Add(-int64(len(p.buf)))
	}
	w.todo = append(w.tail, w.todo...)
	w.tail = nil
	l.stats.unsynced.Store(0)
	w.backoff = min(max(2*w.backoff, firstBackoff), lastBackoff)
	w.retryAt = l.cfg.Clock() + w.backoff
	l.degrade(err.Error())
}

// degrade says that the disk does not work.
func (l *Log) degrade(why string) {
	if l.degraded.Swap(&why) == nil {
		l.cfg.Log.Error("log: the disk does not work, points are in memory only", "err", why)
	}
}

// sync makes durable what is written. The caller has the right to fsync, and not the turn.
func (l *Log) sync() {
	if !l.take(l.turn) {
		return
	}
	w := &l.w
	life, files, kept := w.life, append([]*output(nil), w.dirty...), len(w.tail)
	lsn := l.written.Load()
	began, since := l.cfg.Clock(), l.stats.unsyncedSince.Load()
	if kept > 0 { // what is written from now on is kept apart
		w.tail = append(w.tail, part{roll: w.tail[kept-1].roll, end: w.tail[kept-1].end})
	}
	<-l.turn
	l.busy.fsync.Store(int64(began) + 1)
	err := l.syncFiles(files)
	l.busy.fsync.Store(0)
	l.stats.fsynced(l.cfg.Clock()-began, l.cfg.Clock()-time.Duration(since-1), since > 0, err)
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	switch {
	case w.life != life: // a write failed meanwhile: all that is not known to be durable is written again
	case err != nil:
		l.fail(err)
	default:
		l.synced.Store(max(l.synced.Load(), lsn))
		l.forget(kept, LSN(lsn), began)
	}
}

// forget lets go of what is durable now.
func (l *Log) forget(kept int, lsn LSN, began time.Duration) {
	w := &l.w
	w.spare = w.spare[:min(len(w.spare), kept)] // what a burst needed goes with it
	for _, p := range w.tail[:kept] {
		l.stats.unsynced.Add(-int64(len(p.buf)))
		if cap(p.buf) == tailPart {
			w.spare = append(w.spare, p.buf[:0])
		}
	}
	w.tail = w.tail[kept:]
	left := w.dirty[:0]
	for _, f := range w.dirty {
		if f == w.cur || !f.named || f.end > lsn {
			left = append(left, f)
		} else {
			_ = f.Close()
		}
	}
	w.dirty = left
	if l.synced.Load() == l.written.Load() {
		l.stats.unsyncedSince.Store(0)
	} else {
		l.stats.unsyncedSince.Store(int64(began) + 1)
	}
}

func (l *Log) syncFiles(files []*output) error {
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("fsync: %w", err)
		}
		if f.named {
			continue
		}
		if err := errors.Join(l.cfg.FS.SyncDir(l.cfg.Dir), l.cfg.FS.SyncDir(filepath.Dir(l.cfg.Dir))); err != nil {
			return fmt.Errorf("fsync the directory: %w", err)
		}
		f.named = true
	}
	return nil
}
