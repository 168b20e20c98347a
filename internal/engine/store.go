package engine

import (
	"context"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/late"
	"github.com/dunlin-db/dunlin/internal/names"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

const hourMillis = int64(time.Hour / time.Millisecond)

// Config is what a Store is made of.
type Config struct {
	Layout  series.Layout
	Cluster string // name of the flock, the key of its digests
	Epoch   string // names this incarnation of the data
	Clock   func() time.Time
	Budget  *budget.Budget // the limits of the node; nil = none
	Shard   int            // its number, which Save writes
	Grid    *grid.Grid     // told every point that is new; nil = there is none
	// Recorder is told every point that was not in the set before, nil = nobody is. Whoever calls Put and Unite begins
	// its batches and takes its records.
	Recorder *replog.Recorder
}

// Store implements store.Local. It has one owner: no method may run beside another.
type Store struct {
	cfg     Config
	names   names.Table
	periods []*period // lowest first
	dying   []dying   // periods that were dropped and not yet freed
	trash   slab.Garbage
	cursors map[string]store.Cursor
	floor   series.Period
	score   int64  // µs, the last one given
	made    uint64 // keys, ever

	meter   slab.Meter // all that is no part of names and periods
	tables  int64      // bytes in sight of the garbage collector, as counted
	refused budget.Refusal

	applying bool // what is stored comes from a peer, which admitted it
	quiet    bool // what is stored comes from the disk: it is not recorded, and no limit keeps it out

	scratch
}

// scratch is memory that is used again by every call.
type scratch struct {
	hashing
	lateHours late.Hours
	rd        chunk.Reader
	enc       chunk.Encoder
	old       []chunk.Point
	oldText   []byte
	merged    []chunk.Point
	encoded   []byte // starts with room for a chunk of numbers
	sort      []series.Point

	putScratch
	disk diskScratch
	view view
	feed []feedAt
}

// putScratch is memory of Put.
type putScratch struct {
	onePoint [1]series.Point
	warm     uint32 // sum of what was read for the caches' sake: a result, so that the reads happen
}

// hashing is a digest to which points are added.
type hashing struct {
	digest     store.Digest // of the key that is being changed
	digestOf   series.Period
	digestID   uint32 // its series
	seriesSeed uint64
	sum        store.Summer
}

var _ store.Local = (*Store)(nil)

// New makes an empty store.
func New(cfg Config) *Store {
	s := &Store{
		cfg: cfg, cursors: map[string]store.Cursor{},
		scratch: scratch{encoded: make([]byte, 8<<10)}, meter: slab.NewMeter(cfg.Budget),
	}
	s.names = names.New(names.Config{
		Meter: slab.NewMeter(cfg.Budget), Trash: &s.trash, Digest: store.DigestSeed(cfg.Cluster),
		Count: cfg.Budget.AddSeries,
	})
	s.recount()
	return s
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

// makePeriod gives a period, a new one if need be.
func (s *Store) makePeriod(pid series.Period) *period {
	p := s.period(pid)
	if p == nil {
		p = newPeriod(pid, s.cfg.Budget)
		s.cfg.Grid.Begin(pid, s.quiet)
		at, _ := slices.BinarySearchFunc(s.periods, pid, func(p *period, id series.Period) int { return int(p.id - id) })
		s.periods = slices.Insert(s.periods, at, p)
	}
	return p
}

// hold gives the entry of a series in a period, making it if need be.
func (s *Store) hold(p *period, id uint32) *entry {
	e, fresh := p.hold(id)
	if fresh {
		s.names.Hold(id)
	}
	return e
}

// find gives the period and the entry of a key, nil when it has no points.
func (s *Store) find(k series.Key) (*period, *entry) {
	p := s.period(k.Period)
	if p == nil {
		return nil, nil
	}
	id, ok := s.names.Find(k.Series)
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
			for _, p := range s.periods { // the peer has lost its memory
				if p.marks.Forget(o.Peer) {
					p.recount()
				}
			}
		}
	}
	for key, m := range o.Marks {
		k, err := s.cfg.Layout.ParseKey([]byte(key))
		if err != nil || k.Period < s.floor {
			continue
		}
		id := s.names.Intern(k.Series)
		p := s.makePeriod(k.Period)
		s.hold(p, id)
		if p.marks.Set(&p.Memory, o.Peer, id, m) {
			p.recount()
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
		if p == nil {
			continue
		}
		if id, ok := s.names.Find(k.Series); ok {
			out[i] = p.marks.At(peer, id)
		}
	}
	return out, nil
}

// Epoch implements store.Reader.
func (s *Store) Epoch(context.Context) (string, error) { return s.cfg.Epoch, nil }

// Floor implements store.Store.
func (s *Store) Floor(context.Context) (series.Period, error) { return s.floor, nil }

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

// Remote implements store.Store: the store is in this process.
func (s *Store) Remote() bool { return false }

// Close implements store.Store; there is nothing to close.
func (s *Store) Close() error { return nil }
