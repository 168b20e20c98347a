package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// The kinds of files, and how their names end.
const (
	kindLog   frame.Kind = "log "
	kindFull  frame.Kind = "chnk"
	kindOpen  frame.Kind = "open"
	extLog               = "log"
	extFull              = "chunks"
	extOpen              = "open"
	extBad               = ".bad"
	logDir               = "log"
	periodDir            = "periods"
)

// Keep is how much of the log is kept for peers beyond what a restart needs: what is younger than Age, at most Bytes.
type Keep struct {
	Age   time.Duration
	Bytes int64
}

// Config is what a Dir is made of.
type Config struct {
	FS     fsx.FS
	Path   string
	Layout series.Layout
	Origin replog.Origin // of the node; its Shard is not used
	Fsync  wal.Policy
	Keep   Keep
	// CheckpointBytes is how much the log grows before a checkpoint; default 32 MiB.
	CheckpointBytes int64
	// MaxUnwritten is how many bytes may wait for a disk that does not work, before points are refused.
	MaxUnwritten int64
	BackupPath   string // where backups go; "" = there are none
	Log          *slog.Logger
	Now          func() time.Time
}

// Dir is the directory of a running node.
type Dir struct {
	cfg   Config
	lock  io.Closer // nil when the file system gave none
	wal   *wal.Log
	ended chan struct{}      // closed when the log has ended; nil = it never began
	stop  context.CancelFunc // ends the log

	shards   []*shard.Shard
	kick     chan struct{} // holds one: somebody wants Run to look
	floor    atomic.Int64  // series.Period
	rolledAt atomic.Int64  // bytes of the log when its segment began

	disk   onDisk
	start  start
	health health
}

// onDisk is what the files are, and which of them count.
type onDisk struct {
	sync.Mutex // one checkpoint or backup at a time; protects the rest

	places      map[place]*pieces
	next        uint64        // number of the next period file
	segment     uint64        // the log is needed from here on
	gone        []*written    // what the next checkpoint makes superfluous
	badSegments []file        // damaged: kept as *.bad when the next checkpoint is done
	removed     series.Period // files below it are gone
}

// start is what was found, and how far it is loaded.
type start struct {
	opened   time.Time
	ready    chan struct{} // closed when all is loaded
	found    found         // until it is loaded
	progress progress
}

// place is where the points of a shard and a period are.
type place struct {
	period series.Period
	shard  int
}

// found is what the directory held at the start.
type found struct {
	checkpoint manifest
	files      []file
	segments   []file
}

// file is a file of frames.
type file struct {
	path   string // below the directory
	place  place  // of period files
	number uint64
	salt   uint64
	ext    string
	size   int64

	modified time.Time
	moved    bool               // its header is that of another file: somebody has moved it here
	run      replog.Incarnation // of a segment: the run of the node that wrote it, 0 = not known
}

// ErrLocked: another process has the directory.
var ErrLocked = errors.New("another process uses this storage directory")

// Open takes the directory and begins its log. Only a directory that somebody else uses is an error: with a disk that
// does not work the log says so and heals later. floor is the oldest live period: what is below goes before anything is
// written.
func Open(cfg Config, floor series.Period) (*Dir, error) {
	if cfg.CheckpointBytes == 0 {
		cfg.CheckpointBytes = 32 << 20
	}
	d := &Dir{
		cfg: cfg, disk: onDisk{places: map[place]*pieces{}}, kick: make(chan struct{}, 1),
		start: start{opened: cfg.Now(), ready: make(chan struct{})},
	}
	if err := cfg.FS.MkdirAll(cfg.Path); err != nil {
		d.problem("make the storage directory", err)
	}
	lock, err := cfg.FS.Lock(filepath.Join(cfg.Path, "lock"))
	switch {
	case errors.Is(err, fsx.ErrLocked):
		return nil, fmt.Errorf("%s: %w", cfg.Path, ErrLocked)
	case err != nil:
		d.problem("lock the storage directory", err)
	default:
		d.lock = lock
	}
	d.floor.Store(int64(floor))
	d.removeBelow(floor)
	d.look()
	first := uint64(1)
	for _, s := range d.start.found.segments {
		first = max(first, s.number/1000+1)
	}
	d.disk.segment = first * 1000
	d.wal = wal.New(wal.Config{
		FS: cfg.FS, Dir: d.path(logDir), First: first, Policy: cfg.Fsync, MaxUnwritten: cfg.MaxUnwritten, Log: cfg.Log,
		Salt: newSalt,
	}, [][]byte{d.state(nil)})
	return d, nil
}

// Log is where shards append their records.
func (d *Dir) Log() *wal.Log { return d.wal }

func (d *Dir) path(below string) string { return filepath.Join(d.cfg.Path, below) }

// problem reports what the start can do without.
func (d *Dir) problem(what string, err error) {
	d.cfg.Log.Error("storage: going on without it", "cannot", what, "dir", d.cfg.Path, "err", err)
}

// look lists what the directory holds. What can not be read is reported and counts as missing.
func (d *Dir) look() {
	data, err := d.cfg.FS.ReadFile(d.path(checkpointName))
	if err == nil {
		d.start.found.checkpoint, err = parseManifest(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.problem("use the checkpoint file: all files are united instead", err)
	}
	d.start.found.segments = d.list(logDir, place{})
	for _, e := range d.entries(periodDir) {
		p, ok := d.cfg.Layout.ParsePeriod([]byte(e.Name()))
		if !ok {
			continue
		}
		d.start.found.files = append(d.start.found.files, d.list(filepath.Join(periodDir, e.Name()), place{period: p})...)
	}
	for _, f := range d.start.found.files {
		d.disk.next = max(d.disk.next, f.number)
	}
	d.disk.next++
}

// entries gives what is in a directory, nothing when there is none.
func (d *Dir) entries(below string) []fs.DirEntry {
	list, err := d.cfg.FS.ReadDir(d.path(below))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.problem("read "+below, err)
	}
	return list
}

// list gives the files of frames in a directory, by number.
func (d *Dir) list(below string, at place) (files []file) {
	for _, e := range d.entries(below) {
		f, ok := parseFile(below, e.Name(), at)
		if !ok {
			continue
		}
		if info, err := e.Info(); err == nil {
			f.size, f.modified = info.Size(), info.ModTime()
		}
		f.inspect(d.cfg.FS, d.cfg.Path)
		files = append(files, f)
	}
	sortFiles(files)
	return files
}

// state is the record at the head of a segment.
func (d *Dir) state(txs []shard.Tx) []byte {
	s := replog.State{
		Node: d.cfg.Origin.Node, Incarnation: d.cfg.Origin.Incarnation, Layout: d.cfg.Layout, Floor: d.Floor(),
	}
	for _, tx := range txs {
		s.Shards = append(s.Shards, tx.State())
	}
	return s.Append(nil)
}

// newSalt names a file.
func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
