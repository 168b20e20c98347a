package storage

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// progress is how far loading is.
type progress struct {
	total, done atomic.Int64 // bytes
	points      atomic.Int64
	damaged     atomic.Int64 // records that could not be read
	lost        atomic.Int64 // points of readable records whose series nobody knows any more
	quarantined atomic.Int64 // files
	unread      atomic.Int64 // files that can not be read yet; a directory that can not be listed counts as one
	finished    atomic.Int64 // Unix ms, 0 = still loading
}

// odd counts a record of the log that is no points, unless it may be something else.
func (p *progress) odd(rec []byte) {
	if replog.KindOf(rec) == replog.Points {
		p.damaged.Add(1)
	}
}

// health is how checkpoints fare.
type health struct {
	vanished atomic.Bool // files were deleted and are not written again yet

	mu       sync.Mutex
	err      error // of the last one, nil = it was done
	count    int64
	failures int64
	latest   Checkpoint
}

func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	h.failures++
}

func (h *health) done(c Checkpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err, h.latest = nil, c
	h.count++
}

func (h *health) last() Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}

// Status is a Dir at one moment.
type Status struct {
	Loading     bool
	Total, Done int64 // bytes to load, and loaded
	Points      int64 // loaded
	Damaged     int64 // records that could not be read at the start
	Lost        int64 // points whose series could not be read at the start
	Quarantined int64 // files with damage, kept as *.bad
	Bad         int   // files with damage that are kept, of this start and earlier
	Unread      int64 // files that could not be read yet
	Vanished    bool  // files were deleted and are not written again yet

	Log wal.Status

	Checkpoints, CheckpointFailures int64
	Last                            Checkpoint
	Err                             error // of the last checkpoint, nil = it was done
}

// Degraded says why what is acknowledged now might not survive a crash, "" when it does.
func (s Status) Degraded() string {
	if s.Log.Degraded == "" && s.Vanished {
		return "files of the storage directory were deleted, all are being written again"
	}
	return s.Log.Degraded
}

// Status looks.
func (d *Dir) Status() Status {
	p, h := &d.start.progress, &d.health
	s := Status{
		Loading: !d.Loaded(), Total: p.total.Load(), Done: p.done.Load(), Points: p.points.Load(),
		Damaged: p.damaged.Load(), Lost: p.lost.Load(), Quarantined: p.quarantined.Load(), Unread: p.unread.Load(),
		Vanished: h.vanished.Load(), Log: d.wal.Status(), Bad: d.shelf.Kept(),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Checkpoints, s.CheckpointFailures, s.Last, s.Err = h.count, h.failures, h.latest, h.err
	return s
}

// Loaded says that everything the directory held is in the stores.
func (d *Dir) Loaded() bool { return d.start.progress.finished.Load() > 0 }

// Ready is closed when everything is loaded.
func (d *Dir) Ready() <-chan struct{} { return d.start.ready }

// Share is the loaded part of what is to be loaded, 0 to 1.
func (s Status) Share() float64 {
	if !s.Loading || s.Total == 0 {
		return 1
	}
	return min(float64(s.Done)/float64(s.Total), 1)
}

// Left estimates how long loading takes from now, when it began so long ago.
func (s Status) Left(since time.Duration) time.Duration {
	share := s.Share()
	if share <= 0 {
		return 0
	}
	return time.Duration(float64(since) * (1 - share) / share)
}
