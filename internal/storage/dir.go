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

	"github.com/dunlin-db/dunlin/internal/evidence"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/manifest"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// How names of files end, and the directories below.
const (
	extLog    = "log"
	extFull   = "chunks"
	extOpen   = "open"
	logDir    = "log"
	periodDir = "periods"
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
	// CheckpointBytes is how much the log grows before a checkpoint; default 64 MiB.
	CheckpointBytes int64
	// MaxUnwritten is how many bytes may wait for a disk that does not work, before points are refused.
	MaxUnwritten int64
	BackupPath   string // where backups go; "" = there are none
	Log          *slog.Logger
	Now          func() time.Time
	Held         func(bytes int64) // told what the log keeps in memory; nil = nobody wants to know
	Edicts       func() []byte     // what was dropped and forgotten; nil = nothing
	Writing      func()            // called before each write of the log; nil = nobody wants to know
}

// Dir is the directory of a running node.
type Dir struct {
	cfg   Config
	lock  io.Closer // nil when the file system gave none
	wal   *wal.Log
	shelf *evidence.Shelf    // damaged files, for people
	run   uint32             // the upper half of the salts of this run
	ended chan struct{}      // closed when the log has ended; nil = it never began
	stop  context.CancelFunc // ends the log

	shards   []*shard.Shard
	kick     chan struct{} // holds one: somebody wants Run to look
	floor    atomic.Int64  // series.Period
	rolledAt atomic.Int64  // bytes of the log when its segment began
	doubted  atomic.Bool   // files can not be trusted: a checkpoint is wanted

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
	unreadFrom  uint64        // the same while there are files that could not be read
	gone        []*written    // what the next checkpoint makes superfluous
	badSegments []file        // damaged: kept as *.bad when the next checkpoint is done
	removed     series.Period // files below it are gone
	noted       series.Period // the floor at the head of the newest segment
}

// start is what was found, and how far it is loaded.
type start struct {
	opened   time.Time
	ready    chan struct{}   // closed when all is loaded
	found    found           // what is to be loaded
	blind    bool            // not everything there is could be listed
	seen     map[string]bool // paths that were listed
	progress progress
	edicts   [][]byte // what the log says was dropped and forgotten
}

// place is where the points of a shard and a period are.
type place struct {
	period series.Period
	shard  int
}

// found is what the directory held at the start.
type found struct {
	checkpoint manifest.Manifest
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
	moved    bool         // its header is that of another file: somebody has moved it here
	head     replog.State // what a segment begins with, zero = not known
}

// ErrLocked: another process has the directory.
var ErrLocked = errors.New("another process uses this storage directory")

// Open takes the directory and begins its log. Only a directory that somebody else uses is an error: with a disk that
// does not work the log says so and heals later. floor is the oldest live period: what is below goes before anything is
// written.
func Open(cfg Config, floor series.Period) (*Dir, error) {
	if cfg.CheckpointBytes == 0 {
		cfg.CheckpointBytes = 64 << 20
	}
	d := &Dir{
		cfg: cfg, run: random(), disk: onDisk{places: map[place]*pieces{}, next: 1}, kick: make(chan struct{}, 1),
		shelf: evidence.New(cfg.FS, cfg.Path, logDir, periodDir),
		start: start{opened: cfg.Now(), ready: make(chan struct{}), seen: map[string]bool{}},
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
	d.removeBelow(floor)
	d.look()
	d.shelf.Look()
	for _, seg := range d.start.found.segments { // the floor file may be gone
		if seg.head.Layout == cfg.Layout {
			floor = max(floor, seg.head.Floor)
			d.start.edicts = append(d.start.edicts, seg.head.Edicts)
		}
	}
	d.floor.Store(int64(floor))
	d.disk.noted = floor
	first := uint64(1)
	if d.start.blind { // above whatever numbers there are
		first = uint64(max(cfg.Now().UnixMilli(), 1))
	}
	for _, s := range d.start.found.segments {
		first = max(first, s.roll()+1)
	}
	d.disk.segment = first * 1000
	d.wal = wal.New(wal.Config{
		FS: cfg.FS, Dir: d.path(logDir), First: first, Policy: cfg.Fsync, MaxUnwritten: cfg.MaxUnwritten, Log: cfg.Log,
		Salt: d.newSalt, Held: cfg.Held, Writing: cfg.Writing,
	}, [][]byte{d.state(nil)})
	return d, nil
}

// Edicts are those that the log of earlier runs knew, oldest first: the file that keeps them may be gone.
func (d *Dir) Edicts() [][]byte { return d.start.edicts }

// Log is where shards append their records.
func (d *Dir) Log() *wal.Log { return d.wal }

func (d *Dir) path(below string) string { return filepath.Join(d.cfg.Path, below) }

// problem reports what the start can do without.
func (d *Dir) problem(what string, err error) {
	d.cfg.Log.Error("storage: going on without it", "cannot", what, "dir", d.cfg.Path, "err", err)
}

// look lists what the directory holds and was not listed before. What can not be listed makes the Dir blind.
func (d *Dir) look() {
	was := d.start.blind
	d.start.blind = false
	cannot := func(what string, err error) {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		d.start.blind = true
		if !was {
			d.problem(what, err)
		}
	}
	if d.health.last().At.IsZero() { // or the file is of this run, and says nothing of the run before
		data, err := d.cfg.FS.ReadFile(d.path(manifest.Name))
		cannot("read the checkpoint file", err)
		if err == nil {
			d.start.found.checkpoint, err = manifest.Parse(data)
		}
		if errors.Is(err, manifest.ErrCorrupt) {
			d.problem("use the checkpoint file: all files are united instead", err)
		}
	}
	segments, err := d.list(logDir, place{})
	cannot("list the log", err)
	d.start.found.segments = append(d.start.found.segments, d.unseen(segments)...)
	sortFiles(d.start.found.segments)
	periods, err := d.entries(periodDir)
	cannot("list the periods", err)
	for _, e := range periods {
		p, ok := d.cfg.Layout.ParsePeriod([]byte(e.Name()))
		if !ok {
			continue
		}
		files, err := d.list(filepath.Join(periodDir, e.Name()), place{period: p})
		cannot("list a period", err)
		d.start.found.files = append(d.start.found.files, d.unseen(files)...)
	}
	d.disk.Lock()
	defer d.disk.Unlock()
	for _, f := range d.start.found.files {
		d.disk.next = max(d.disk.next, f.number+1)
	}
}

// unseen gives the files that were not listed before and are not of this run.
func (d *Dir) unseen(files []file) (unseen []file) {
	for _, f := range files {
		if own := uint32(f.salt>>32) == d.run; !own && !d.start.seen[f.path] {
			d.start.seen[f.path] = true
			unseen = append(unseen, f)
		}
	}
	return unseen
}

// entries gives what is in a directory, nothing when there is none.
func (d *Dir) entries(below string) ([]fs.DirEntry, error) {
	list, err := d.cfg.FS.ReadDir(d.path(below))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

// list gives the files of frames in a directory, by number, and an error when some may be missing.
func (d *Dir) list(below string, at place) (files []file, err error) {
	entries, err := d.entries(below)
	for _, e := range entries {
		f, ok := parseFile(below, e.Name(), at)
		if !ok {
			continue
		}
		info, infoErr := e.Info()
		if infoErr != nil {
			err = errors.Join(err, ignoreMissing(infoErr))
			continue
		}
		f.size, f.modified = info.Size(), info.ModTime()
		f.inspect(d.cfg.FS, d.cfg.Path)
		files = append(files, f)
	}
	sortFiles(files)
	return files, err
}

// state is the record at the head of a segment.
func (d *Dir) state(txs []shard.Tx) []byte {
	s := replog.State{
		Node: d.cfg.Origin.Node, Incarnation: d.cfg.Origin.Incarnation, Layout: d.cfg.Layout, Floor: d.Floor(),
	}
	if d.cfg.Edicts != nil {
		s.Edicts = d.cfg.Edicts()
	}
	for _, tx := range txs {
		s.Shards = append(s.Shards, tx.State())
	}
	return s.Append(nil)
}

// newSalt names a file of this run.
func (d *Dir) newSalt() uint64 { return uint64(d.run)<<32 | uint64(random()) }

func random() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint32(b[:])
}
