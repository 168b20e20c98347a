package engine

import (
	"context"
	"slices"
	"time"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

const hourMillis = int64(time.Hour / time.Millisecond)

// Config is what a Store is made of.
type Config struct {
	Layout  series.Layout
	Cluster string // name of the flock, the key of its digests
	Epoch   string // names this incarnation of the data
	Clock   func() time.Time
}

// Store implements store.Local. It has one owner: no method may run beside another.
type Store struct {
	cfg     Config
	names   names
	periods []*period // lowest first
	cursors map[string]store.Cursor
	floor   series.Period
	score   int64 // µs, the last one given

	scratch
}

// scratch is memory that is used again by every call.
type scratch struct {
	digest     store.Digest // of the key that is being changed
	seriesSeed uint64
	lateMillis int64   // points before it come late
	lateHours  []int64 // hours that got such points
	memberText
	rd      chunk.Reader
	old     []chunk.Point
	oldText []byte
	merged  []chunk.Point
	encoded []byte // starts with room for a chunk of numbers
	sort    []series.Point

	onePoint [1]series.Point
	warm     uint32 // sum of what was read for the caches' sake: a result, so that the reads happen
	view     view
}

// memberText is the last member that went into a digest.
type memberText struct {
	member   []byte
	timeLen  int // bytes of member up to and with the colon; 0 = nothing is there
	time     int64
	timeFrac uint8
}

var _ store.Local = (*Store)(nil)

// New makes an empty store.
func New(cfg Config) *Store {
	return &Store{
		cfg: cfg, names: newNames(store.DigestSeed(cfg.Cluster)), cursors: map[string]store.Cursor{},
		scratch: scratch{encoded: make([]byte, 8<<10)},
	}
}

// period gives a period that exists, else nil.
func (s *Store) period(id series.Period) *period {
	for i := len(s.periods) - 1; i >= 0; i-- { // few, and mostly the last is meant
		if s.periods[i].id == id {
			return s.periods[i]
		}
	}
	return nil
}

// hold gives the period and the entry of a series, making both if need be.
func (s *Store) hold(pid series.Period, id uint32) (*period, *entry) {
	p := s.period(pid)
	if p == nil {
		p = &period{id: pid}
		at, _ := slices.BinarySearchFunc(s.periods, pid, func(p *period, id series.Period) int { return int(p.id - id) })
		s.periods = slices.Insert(s.periods, at, p)
	}
	e, fresh := p.hold(id)
	if fresh {
		s.names.infos[id].holders++
	}
	return p, e
}

// find gives the period and the entry of a key, nil when it has no points.
func (s *Store) find(k series.Key) (*period, *entry) {
	p := s.period(k.Period)
	if p == nil {
		return nil, nil
	}
	id, ok := s.names.find(k.Series)
	if !ok {
		return nil, nil
	}
	e := p.entry(id)
	if e == nil || e.points == 0 {
		return nil, nil
	}
	return p, e
}

// keepOrigin keeps cursor and marks of a peer.
func (s *Store) keepOrigin(o store.Origin) {
	if o.Peer == "" {
		return
	}
	if o.Cursor != nil {
		s.cursors[o.Peer] = *o.Cursor
		if o.Cursor.Epoch == "" {
			s.forgetMarks(o.Peer)
		}
	}
	for key, m := range o.Marks {
		k, err := s.cfg.Layout.ParseKey([]byte(key))
		if err != nil || k.Period < s.floor {
			continue
		}
		id := s.names.intern(k.Series)
		p, _ := s.hold(k.Period, id)
		if p.marks == nil {
			p.marks = map[string]*markPages{}
		}
		if p.marks[o.Peer] == nil {
			p.marks[o.Peer] = &markPages{}
		}
		p.fixed += p.marks[o.Peer].set(id, m)
	}
}

// forgetMarks forgets how far the keys of a peer were taken over: it has lost its memory.
func (s *Store) forgetMarks(peer string) {
	for _, p := range s.periods {
		if m := p.marks[peer]; m != nil {
			p.fixed -= m.bytes()
			delete(p.marks, peer)
		}
	}
}

// Cursor implements store.Store.
func (s *Store) Cursor(_ context.Context, peer string) (store.Cursor, error) {
	return s.cursors[peer], nil
}

// Marks implements store.Store.
func (s *Store) Marks(_ context.Context, peer string, keys []string) ([]store.Mark, error) {
	out := make([]store.Mark, len(keys))
	for i, key := range keys {
		k, err := s.cfg.Layout.ParseKey([]byte(key))
		if err != nil {
			continue
		}
		p := s.period(k.Period)
		if p == nil || p.marks[peer] == nil {
			continue
		}
		if id, ok := s.names.find(k.Series); ok {
			out[i] = p.marks[peer].at(id)
		}
	}
	return out, nil
}

// Epoch implements store.Reader.
func (s *Store) Epoch(context.Context) (string, error) { return s.cfg.Epoch, nil }

// Floor implements store.Store.
func (s *Store) Floor(context.Context) (series.Period, error) { return s.floor, nil }

// Drop implements store.Store. It takes time for the series of what it drops, none for their points.
func (s *Store) Drop(_ context.Context, floor series.Period) (keys int, err error) {
	s.floor = max(s.floor, floor)
	for len(s.periods) > 0 && s.periods[0].id < s.floor {
		p := s.periods[0]
		s.periods = slices.Delete(s.periods, 0, 1)
		keys += p.keys
		p.each(0, func(id uint32, _ *entry) bool {
			s.names.release(id)
			return true
		})
	}
	s.names.compact()
	return keys, nil
}

// Periods implements store.Reader.
func (s *Store) Periods(context.Context) ([]series.Period, error) {
	var out []series.Period
	for _, p := range s.periods {
		if p.keys > 0 {
			out = append(out, p.id)
		}
	}
	return out, nil
}

// Stats implements store.Store. Bytes are what was allocated for data, counted, not estimated; PerPeriod is the part
// of it that goes with the period.
func (s *Store) Stats(context.Context) (store.Stats, error) {
	st := store.Stats{
		Bytes:     int64(unsafe.Sizeof(*s)) + s.names.size() + s.scratch.size(),
		PerPeriod: map[string]int64{},
	}
	for _, p := range s.periods {
		size := p.size()
		st.Series += p.keys
		st.Points += p.points
		st.Bytes += size
		st.PerPeriod[s.cfg.Layout.PeriodString(p.id)] = size
	}
	return st, nil
}

func (c *scratch) size() int64 {
	return int64(cap(c.lateHours))*8 + int64(cap(c.old)+cap(c.merged)+cap(c.sort))*40 +
		int64(cap(c.oldText)+cap(c.encoded)) + c.view.blocks[0].size() + c.view.blocks[1].size()
}

// KeyBytes implements store.Local: the entry, its directory, its chunks and its name.
func (s *Store) KeyBytes(k series.Key) int64 {
	p, e := s.find(k)
	if e == nil {
		return 0
	}
	return p.keyBytes(e) + int64(len(k.Series))
}

// Remote implements store.Store: the store is in this process.
func (s *Store) Remote() bool { return false }

// Close implements store.Store; there is nothing to close.
func (s *Store) Close() error { return nil }
