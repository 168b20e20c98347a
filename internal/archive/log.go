package archive

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/replog"
)

// MostBehind is how many bytes of the log are read for a peer at most: who lacks more gets it sooner, and the latest
// hour first, by an exchange.
const MostBehind = 128 << 20

const kindLog frame.Kind = "log "

// ErrNotCovered: the segments do not reach back to what the peer knows, or too far.
var ErrNotCovered = errors.New("the log on disk does not reach back to what the peer knows")

// Log is the log of a node. It is safe for concurrent use.
type Log struct {
	fs  fsx.FS
	dir string

	mu    sync.Mutex        // protects heads; never held over I/O
	heads map[uint64]*heads // by salt

	turns chan struct{} // one of each read that is under way: on a disk that hangs each has a thread

	begun, given, read atomic.Int64
}

// heads is what a segment begins with.
type heads struct {
	writer replog.Origin
	shards []replog.ShardState
}

// Stats counts what peers were served from the disk.
type Stats struct {
	Begun   int64 // times that a shard was read for a peer from a segment on
	Records int64 // that were given
	Bytes   int64 // of files that were read
}

// New makes a Log of a directory of segments. It reads nothing.
func New(fsys fsx.FS, dir string) *Log {
	return &Log{fs: fsys, dir: dir, heads: map[uint64]*heads{}, turns: make(chan struct{}, mostReads)}
}

// Stats looks.
func (l *Log) Stats() Stats {
	return Stats{Begun: l.begun.Load(), Records: l.given.Load(), Bytes: l.read.Load()}
}

// Fields are those of INFO replication.
func (l *Log) Fields() [][2]string {
	s := l.Stats()
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	return [][2]string{
		{"log_disk_serves", n(s.Begun)}, {"log_disk_records", n(s.Records)}, {"log_disk_read_bytes", n(s.Bytes)},
	}
}

// segment is a file of the log.
type segment struct {
	name         string
	number, salt uint64
}

// compare orders segments as they were written. Files that went on for one have its salt.
func (s segment) compare(t segment) int {
	return cmp.Or(cmp.Compare(s.number/1000, t.number/1000), cmp.Compare(s.salt, t.salt), cmp.Compare(s.number, t.number))
}

// list gives the segments in order.
func (l *Log) list() (list []segment, err error) {
	entries, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	for _, e := range entries {
		if prefix, number, salt, ext, ok := frame.ParseName(e.Name()); ok && prefix == "" && ext == "log" {
			list = append(list, segment{e.Name(), number, salt})
		}
	}
	slices.SortFunc(list, segment.compare)
	return list, nil
}

// Covers says whether a peer knows all that a vector says, as far as it is to be told of.
type Covers func(v []replog.Reach) bool

// find gives the latest segment that begins with no more of a shard than the peer knows.
func (l *Log) find(shard int, covers Covers) (segment, error) {
	list, err := l.list()
	if err != nil {
		return segment{}, err
	}
	for i, left := len(list)-1, int64(MostBehind); i >= 0; i-- {
		size, err := l.fs.Size(filepath.Join(l.dir, list[i].name))
		if left -= size; err != nil || left < 0 {
			break
		}
		if i > 0 && list[i-1].salt == list[i].salt {
			continue // it goes on for the one before
		}
		if h := l.head(list[i]); h != nil && (h.covered(shard, covers) || list[i].number == first && len(h.shards) == 0) {
			return list[i], nil
		}
	}
	return segment{}, ErrNotCovered
}

// first is the number of the first segment of all: there is nothing before it, though it does not say so.
const first = 1000

// covered says that nothing is before the segment which the peer lacks. One that says nothing of the shard, as the
// first of a run, or of a shard that lost points, may be anywhere.
func (h *heads) covered(shard int, covers Covers) bool {
	for _, s := range h.shards {
		if s.Shard == shard {
			return (len(s.Vector) > 0 || s.Excess == 0) && covers(s.Vector)
		}
	}
	return false
}

// head gives what a segment begins with, nil when it can not be read.
func (l *Log) head(s segment) *heads {
	l.mu.Lock()
	h, ok := l.heads[s.salt]
	l.mu.Unlock()
	if ok {
		return h
	}
	h, err := l.readHead(s)
	if err != nil {
		return nil // it may be written this moment
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.heads) >= mostHeads {
		clear(l.heads)
	}
	l.heads[s.salt] = h
	return h
}

// mostHeads bounds what is remembered.
const mostHeads = 1000

var errDone = errors.New("enough was read")

func (l *Log) readHead(s segment) (*heads, error) {
	f, err := l.fs.OpenAt(filepath.Join(l.dir, s.name), 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var h *heads
	_, err = frame.Scan(f, kindLog, s.salt, func(off int64, rec []byte) error {
		st, err := replog.ReadState(rec)
		if err == nil && off == frame.HeaderBytes {
			h = &heads{replog.Origin{Node: st.Node, Incarnation: st.Incarnation}, st.Shards}
		}
		return errDone
	})
	if h == nil {
		return nil, errors.Join(replog.ErrCorrupt, err)
	}
	return h, nil
}
