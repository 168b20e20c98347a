package wal

import (
	"errors"
	"sync/atomic"
	"time"
)

// stats are what Status says.
type stats struct {
	records, bytes, unsynced atomic.Int64
	unsyncedSince            atomic.Int64 // Clock, +1; 0 = all is durable
	maxAge                   atomic.Int64
	fsyncs, fsyncErrors      atomic.Int64
	fsyncLast, fsyncMax      atomic.Int64
	writeErrors, heals       atomic.Int64
	segment                  atomic.Uint64
}

var errShort = errors.New("a write was refused or cut short")

func (s *stats) writeFailed() error {
	s.writeErrors.Add(1)
	return errShort
}

// fsynced notes an fsync that took so long, of what was up to age old.
func (s *stats) fsynced(took, age time.Duration, some bool, err error) {
	s.fsyncs.Add(1)
	if err != nil {
		s.fsyncErrors.Add(1)
	}
	s.fsyncLast.Store(int64(took))
	s.fsyncMax.Store(max(s.fsyncMax.Load(), int64(took)))
	if some {
		s.maxAge.Store(max(s.maxAge.Load(), int64(age)))
	}
}

// Status is a Log at one moment.
type Status struct {
	Degraded                          string // why what Commit returned for may be in memory only; "" = it is not
	Records, Bytes                    int64  // appended; written to files
	Unwritten, Unsynced               int64  // bytes that are kept in memory: not written; written and not fsynced
	OldestUnsynced, OldestUnsyncedMax time.Duration
	Fsyncs, FsyncErrors, WriteErrors  int64
	FsyncLast, FsyncMax               time.Duration
	Heals                             int64
	Segment                           uint64
}

// Status looks.
func (l *Log) Status() Status {
	s := &l.stats
	out := Status{
		Records: s.records.Load(), Bytes: s.bytes.Load(), Unwritten: l.unwritten.Load(), Unsynced: s.unsynced.Load(),
		OldestUnsyncedMax: time.Duration(s.maxAge.Load()), Fsyncs: s.fsyncs.Load(), FsyncErrors: s.fsyncErrors.Load(),
		WriteErrors: s.writeErrors.Load(), FsyncLast: time.Duration(s.fsyncLast.Load()),
		FsyncMax: time.Duration(s.fsyncMax.Load()), Heals: s.heals.Load(), Segment: s.segment.Load(),
	}
	if why := l.degraded.Load(); why != nil {
		out.Degraded = *why
	} else if l.synced.Load() < l.behind.Load() {
		out.Degraded = "the disk works again, what it lacks is being written"
	}
	if since := s.unsyncedSince.Load(); since > 0 {
		out.OldestUnsynced = l.cfg.Clock() - time.Duration(since-1)
	}
	return out
}
