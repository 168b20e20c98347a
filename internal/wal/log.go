package wal

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
)

// LSN is a place in the log: the bytes that were appended before it. 0 is the start.
type LSN uint64

// Config is what a Log is made of.
type Config struct {
	FS     fsx.FS
	Dir    string
	First  uint64        // the first segment is First × 1000
	Salt   func() uint64 // of each segment
	Policy Policy
	// MaxUnwritten is how many bytes may wait for a disk that does not work; default 256 MiB.
	MaxUnwritten int64
	// Stall is how long a write or fsync may take before nobody waits for it any more; default 5 s.
	Stall time.Duration
	// Clock is monotonic; default time since the start.
	Clock func() time.Duration
	Log   *slog.Logger
	// Held is told, some times a second, how many bytes the Log keeps in memory; nil = nobody wants to know.
	Held func(bytes int64)
	// Writing is called before each write to a file; nil = nobody wants to know.
	Writing func()
}

// Log is the log. All methods are safe for concurrent use.
type Log struct {
	cfg Config

	q queue

	turn     chan struct{} // holds one: the right to write, and to use w
	w        writer
	syncTurn chan struct{} // holds one: the right to fsync; taken before turn
	release  atomic.Pointer[chan struct{}]
	kick     chan struct{} // holds one: Run should look

	written, synced atomic.Uint64 // LSNs
	unwritten       atomic.Int64  // bytes appended and not written
	busy            busy

	degraded atomic.Pointer[string] // why nobody waits for the disk; nil = they do
	path     atomic.Pointer[string] // of the file that is written to
	behind   atomic.Uint64          // LSN: what is before it was perhaps not waited for
	stats    stats
}

// queue is what was appended and nobody has begun to write.
type queue struct {
	mu      sync.Mutex // protects the rest; never held over I/O
	pending []part     // the last one grows
	spare   []byte     // memory of a part that was written
	next    LSN
	roll    *roll // where what is appended goes
}

// busy is since when I/O is under way, Clock + 1; 0 = it is not.
type busy struct{ write, fsync atomic.Int64 }

// part is frames that follow each other in one segment.
type part struct {
	roll *roll
	buf  []byte
	end  LSN
}

// roll is a segment and the files that go on for it.
type roll struct {
	number uint64
	salt   uint64
	head   [][]byte
	files  uint64 // that were made
}

// New makes a log. head are the records that its first segment begins with.
func New(cfg Config, head [][]byte) *Log {
	if cfg.MaxUnwritten == 0 {
		cfg.MaxUnwritten = 256 << 20
	}
	if cfg.Stall == 0 {
		cfg.Stall = 5 * time.Second
	}
	if cfg.Clock == nil {
		start := time.Now()
		cfg.Clock = func() time.Duration { return time.Since(start) }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Log{
		cfg: cfg, turn: make(chan struct{}, 1), syncTurn: make(chan struct{}, 1), kick: make(chan struct{}, 1),
		q: queue{roll: &roll{number: cfg.First * 1000, salt: cfg.Salt(), head: head}},
	}
	l.newRelease()
	return l
}

func (l *Log) newRelease() {
	c := make(chan struct{})
	l.release.Store(&c)
}

// Append takes a record. It copies it, and blocks on no I/O.
func (l *Log) Append(rec []byte) LSN {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	n := len(l.q.pending)
	if n == 0 || l.q.pending[n-1].roll != l.q.roll {
		l.q.pending = append(l.q.pending, part{roll: l.q.roll, buf: l.q.spare[:0]})
		l.q.spare = nil
		n++
	}
	p := &l.q.pending[n-1]
	before := len(p.buf)
	p.buf = frame.Append(p.buf, p.roll.salt, rec)
	grown := len(p.buf) - before
	l.q.next += LSN(grown)
	p.end = l.q.next
	l.unwritten.Add(int64(grown))
	l.stats.records.Add(1)
	return l.q.next
}

// Path is the file that is written to, "" when there is none.
func (l *Log) Path() string {
	if p := l.path.Load(); p != nil {
		return *p
	}
	return ""
}

// Full says that what waits for the disk has reached MaxUnwritten.
func (l *Log) Full() bool { return l.unwritten.Load() >= l.cfg.MaxUnwritten }

// Roll begins a new segment with head: what is appended from now on goes there. It gives the segment's number.
func (l *Log) Roll(head [][]byte) (segment uint64) {
	l.q.mu.Lock()
	l.q.roll = &roll{number: l.q.roll.number + 1000, salt: l.cfg.Salt(), head: head}
	l.q.pending = append(l.q.pending, part{roll: l.q.roll, end: l.q.next})
	number := l.q.roll.number
	l.q.mu.Unlock()
	l.wake()
	return number
}

// Commit waits until a record is written, with policy always fsynced, or until Status says Degraded.
func (l *Log) Commit(lsn LSN) {
	for !l.done(lsn, &l.written) {
		if !l.take(l.turn) {
			return
		}
		if !l.done(lsn, &l.written) {
			l.write()
		}
		<-l.turn
	}
	for l.cfg.Policy.Always && !l.done(lsn, &l.synced) || l.overdue() && !l.done(lsn, &l.synced) {
		if !l.take(l.syncTurn) {
			return
		}
		if !l.done(lsn, &l.synced) {
			l.sync()
		}
		<-l.syncTurn
	}
}

// done says whether nobody needs to wait for lsn any more.
func (l *Log) done(lsn LSN, reached *atomic.Uint64) bool {
	return reached.Load() >= uint64(lsn) || l.degraded.Load() != nil
}

// overdue says that something was written longer ago than the Policy allows it to stay without fsync.
func (l *Log) overdue() bool {
	since := l.stats.unsyncedSince.Load()
	return l.cfg.Policy.Every > 0 && since > 0 && l.cfg.Clock()-time.Duration(since-1) > l.cfg.Policy.Every
}

// take takes a turn, unless waiting is in vain because the disk hangs.
func (l *Log) take(turn chan struct{}) bool {
	select {
	case turn <- struct{}{}:
		return true
	default:
	}
	select {
	case turn <- struct{}{}:
		return true
	case <-*l.release.Load():
		return false
	}
}

// wake makes Run look.
func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Sync makes everything durable that was appended so far, whatever the Policy.
func (l *Log) Sync() error {
	l.q.mu.Lock()
	lsn := l.q.next
	l.q.mu.Unlock()
	if !l.take(l.syncTurn) {
		return l.failure()
	}
	defer func() { <-l.syncTurn }()
	if !l.take(l.turn) {
		return l.failure()
	}
	if l.degraded.Load() == nil {
		l.write()
	}
	<-l.turn
	if l.degraded.Load() == nil {
		l.sync()
	}
	if l.synced.Load() < uint64(lsn) || l.degraded.Load() != nil {
		return l.failure()
	}
	return nil
}
