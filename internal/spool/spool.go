package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/fsx"
)

// segmentSize is the default of Config.Segment: what is read, and deleted, at once.
const segmentSize = 1 << 20

// ErrTooLong: the record is longer than a segment may ever be, or than the whole spool.
var ErrTooLong = errors.New("record too long for the spool")

// Config says where a spool is.
type Config struct {
	Dir     string
	Max     int64  // bytes of all segments
	Segment int64  // bytes of a segment, about; 1 MiB if 0
	FS      fsx.FS // the real one if nil
	// Dropped, unless nil, is told of each record that goes because the spool is full. The spool waits for it.
	Dropped func(Record)
}

// Spool is an open spool. It is safe for concurrent use.
type Spool struct {
	cfg  Config
	lock io.Closer

	mu       sync.Mutex // protects what follows; it is held over the disk: writers wait for each other anyway
	segments []*segment // oldest first
	file     fsx.File   // of the last segment while it is written, else nil
	next     uint64
	scratch  []byte

	bytes, points, damaged atomic.Int64
}

type segment struct {
	path   string
	bytes  int64
	points int64
	lent   bool
}

// Open takes the directory for this process, makes it if need be, and counts what an earlier process left there.
func Open(cfg Config) (*Spool, error) {
	if cfg.FS == nil {
		cfg.FS = fsx.OS{}
	}
	if err := cfg.FS.MkdirAll(cfg.Dir); err != nil {
		return nil, fmt.Errorf("make spool directory: %w", err)
	}
	cfg.Segment = cmp.Or(cfg.Segment, segmentSize)
	lock, err := cfg.FS.Lock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("lock spool %s: %w; give every process a directory of its own", cfg.Dir, err)
	}
	s := &Spool{cfg: cfg, lock: lock}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *Spool) load() error {
	entries, err := s.cfg.FS.ReadDir(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".spool")
		number, err := strconv.ParseUint(name, 10, 64)
		if !ok || err != nil || len(name) != 20 {
			continue
		}
		s.next = max(s.next, number+1)
		seg := &segment{path: filepath.Join(s.cfg.Dir, e.Name())}
		data, err := s.cfg.FS.ReadFile(seg.path)
		if err != nil {
			return fmt.Errorf("read spool: %w", err)
		}
		records, damaged := parseSegment(data)
		s.damaged.Add(int64(damaged))
		if len(records) == 0 {
			if err := s.cfg.FS.Remove(seg.path); err != nil {
				return fmt.Errorf("remove an empty segment of the spool: %w", err)
			}
			continue
		}
		seg.bytes = int64(len(data))
		for _, r := range records {
			seg.points += int64(r.Points)
		}
		s.segments = append(s.segments, seg)
		s.count(seg.bytes, seg.points)
	}
	return nil
}

func (s *Spool) count(bytes, points int64) {
	s.bytes.Add(bytes)
	s.points.Add(points)
}

// Points is how many points lie in the spool, those included that are lent.
func (s *Spool) Points() int64 { return s.points.Load() }

// Bytes is how much disk it takes.
func (s *Spool) Bytes() int64 { return s.bytes.Load() }

// Damaged is how many bytes were found that are no records.
func (s *Spool) Damaged() int64 { return s.damaged.Load() }

// Append adds a record. dropped is how many older points had to go for it, also where it fails itself.
func (s *Spool) Append(r Record) (dropped int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scratch = appendRecord(s.scratch[:0], r)
	size := int64(len(s.scratch))
	if size > s.cfg.Max || len(r.Payload) > maxRecord {
		return 0, fmt.Errorf("%w: %d bytes", ErrTooLong, size)
	}
	if dropped, err = s.makeRoom(size); err != nil {
		return dropped, err
	}
	if s.file != nil && s.newest().bytes >= s.cfg.Segment {
		if err := s.finish(); err != nil {
			return dropped, err
		}
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return dropped, err
		}
	}
	seg := s.newest()
	if _, err := s.file.Write(s.scratch); err != nil {
		// What follows half a record could not be read: the segment ends here.
		return dropped, errors.Join(fmt.Errorf("write spool: %w", err), s.finish())
	}
	seg.bytes, seg.points = seg.bytes+size, seg.points+int64(r.Points)
	s.count(size, int64(r.Points))
	return dropped, nil
}

func (s *Spool) newest() *segment { return s.segments[len(s.segments)-1] }

// makeRoom deletes the oldest segments until size more bytes fit.
func (s *Spool) makeRoom(size int64) (dropped int64, err error) {
	for s.bytes.Load()+size > s.cfg.Max {
		i := slices.IndexFunc(s.segments, func(seg *segment) bool { return !seg.lent })
		if i < 0 {
			return dropped, fmt.Errorf("%w: all of it is being sent", ErrTooLong)
		}
		if i == len(s.segments)-1 && s.file != nil {
			if err := s.finish(); err != nil {
				return dropped, err
			}
		}
		seg := s.segments[i]
		var gone []Record
		if s.cfg.Dropped != nil {
			data, _ := s.cfg.FS.ReadFile(seg.path) // what can not be read is counted all the same
			gone, _ = parseSegment(data)
		}
		if err := s.remove(seg); err != nil {
			return dropped, err
		}
		dropped += seg.points
		for _, r := range gone {
			s.cfg.Dropped(r)
		}
	}
	return dropped, nil
}

// begin makes a new segment.
func (s *Spool) begin() error {
	path := filepath.Join(s.cfg.Dir, fmt.Sprintf("%020d.spool", s.next))
	f, err := s.cfg.FS.Create(path)
	if err != nil {
		return fmt.Errorf("make a segment of the spool: %w", err)
	}
	s.next++
	s.file = f
	s.segments = append(s.segments, &segment{path: path})
	return nil
}

// finish ends the segment that is being written. One without a record goes.
func (s *Spool) finish() error {
	if s.file == nil {
		return nil
	}
	f, seg := s.file, s.newest()
	s.file = nil
	err := errors.Join(f.Sync(), f.Close(), s.cfg.FS.SyncDir(s.cfg.Dir))
	if seg.points == 0 {
		err = errors.Join(err, s.remove(seg))
	}
	if err != nil {
		return fmt.Errorf("finish a segment of the spool: %w", err)
	}
	return nil
}

// remove deletes a segment; one that is gone already is no error.
func (s *Spool) remove(seg *segment) error {
	if err := s.cfg.FS.Remove(seg.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a segment of the spool: %w", err)
	}
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == seg })
	s.count(-seg.bytes, -seg.points)
	return nil
}

// Loan is the records of a segment, oldest first, on loan.
type Loan struct {
	Records []Record
	Lost    int64 // points that were appended and can not be read
	spool   *Spool
	seg     *segment
}

// Newest lends the newest segment; nil when there is none that is not lent. What can not be read is an error, and goes.
func (s *Spool) Newest() (*Loan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var seg *segment
	for _, candidate := range slices.Backward(s.segments) {
		if !candidate.lent {
			seg = candidate
			break
		}
	}
	if seg == nil {
		return nil, nil
	}
	if seg == s.newest() && s.file != nil {
		if err := s.finish(); err != nil {
			return nil, err
		}
	}
	data, err := s.cfg.FS.ReadFile(seg.path)
	if err != nil {
		return nil, fmt.Errorf("read a segment of the spool: %w", err)
	}
	records, damaged := parseSegment(data[:min(int64(len(data)), seg.bytes)])
	s.damaged.Add(int64(damaged))
	seg.lent = true
	l := &Loan{Records: records, Lost: seg.points, spool: s, seg: seg}
	for _, r := range records {
		l.Lost -= int64(r.Points)
	}
	return l, nil
}

// Done deletes the segment: its points are stored.
func (l *Loan) Done() error {
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	return l.spool.remove(l.seg)
}

// Return leaves the segment where it is, to be lent again.
func (l *Loan) Return() {
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	l.seg.lent = false
}

// Close makes what was appended durable and lets go of the directory.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.finish(), s.lock.Close())
}
