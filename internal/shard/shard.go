package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Log takes a record for every batch that grew the set. Append must not block on I/O.
type Log interface{ Append(rec []byte) }

// Config is what a shard is made of.
type Config struct {
	Origin replog.Origin
	Layout series.Layout
	Store  store.Store
	Log    Log
	Clock  func() time.Time
}

// Shard is one slice of the series. All its methods are safe for concurrent use.
type Shard struct {
	cfg Config

	// mu protects the store when it is in memory, and seq, always.
	mu  sync.Mutex
	seq replog.Seq

	floor    atomic.Int32 // series.Period
	counters counters
}

// New makes a shard of a store that is open. It reads the store's floor; a store in another process that is away keeps
// the shard from nothing, its floor comes with the next Drop.
func New(ctx context.Context, cfg Config) (*Shard, error) {
	s := &Shard{cfg: cfg}
	floor, err := cfg.Store.Floor(ctx)
	if err != nil && !(cfg.Store.Remote() && errors.Is(err, store.ErrUnavailable)) {
		return nil, err
	}
	s.floor.Store(int32(floor))
	return s, nil
}

// ID is the shard's number, 1..N.
func (s *Shard) ID() int { return s.cfg.Origin.Shard }

// Origin names this run of the shard.
func (s *Shard) Origin() replog.Origin { return s.cfg.Origin }

// Layout is how the flock writes periods.
func (s *Shard) Layout() series.Layout { return s.cfg.Layout }

// Floor is the oldest live period.
func (s *Shard) Floor() series.Period { return series.Period(s.floor.Load()) }

// Tx is access to the shard's store. For a store in memory it holds the shard's lock from Begin to End.
type Tx struct {
	s     *Shard
	Store store.Store
}

// Begin starts a Tx. Whoever needs several shards begins them in ascending order of ID.
func (s *Shard) Begin() Tx {
	if !s.cfg.Store.Remote() {
		s.mu.Lock()
	}
	return Tx{s: s, Store: s.cfg.Store}
}

// End ends a Tx.
func (t Tx) End() {
	if !t.s.cfg.Store.Remote() {
		t.s.mu.Unlock()
	}
}

// Add unites points that a client wrote. Refused points are taken out of their groups, counted and named; the rest
// is stored.
func (t Tx) Add(ctx context.Context, groups []store.Group) ([]Refusal, error) {
	refused := t.s.admit(groups)
	return refused, t.unite(ctx, groups, store.Origin{})
}

// Merge unites points that a peer holds. Groups below the floor are left out; no clock is asked. An empty merge still
// keeps origin's cursor and marks.
func (t Tx) Merge(ctx context.Context, groups []store.Group, origin store.Origin) error {
	live := groups[:0:0]
	for _, g := range groups {
		if g.Key.Period >= t.s.Floor() {
			live = append(live, g)
		} else {
			t.s.counters.belowFloor.Add(int64(len(g.Points)))
		}
	}
	return t.unite(ctx, live, origin)
}

func (t Tx) unite(ctx context.Context, groups []store.Group, origin store.Origin) error {
	if err := t.Store.Unite(ctx, groups, origin); err != nil {
		return err
	}
	added, seen := 0, 0
	for i := range groups {
		added += groups[i].Added
		seen += len(groups[i].Points)
	}
	if origin.Peer == "" {
		t.s.counters.points.Add(int64(seen))
	} else {
		t.s.counters.pulled.Add(int64(seen))
		t.s.counters.merged.Add(int64(added))
	}
	if added > 0 {
		t.s.number(added)
	}
	return nil
}

// number gives the change its number and hands its head (number and size, as varints) to the log.
func (s *Shard) number(added int) {
	if s.cfg.Store.Remote() {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.seq++
	var rec [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(rec[:], uint64(s.seq))
	n += binary.PutUvarint(rec[n:], uint64(added))
	s.cfg.Log.Append(rec[:n])
}

// Drop raises the floor to p and frees every period below it. A floor never goes down.
func (s *Shard) Drop(ctx context.Context, p series.Period) (keys int, err error) {
	for {
		old := s.floor.Load()
		if int32(p) <= old || s.floor.CompareAndSwap(old, int32(p)) {
			break
		}
	}
	t := s.Begin()
	defer t.End()
	return t.Store.Drop(ctx, s.Floor())
}

// Add is Tx.Add in a Tx of its own.
func (s *Shard) Add(ctx context.Context, groups []store.Group) ([]Refusal, error) {
	t := s.Begin()
	defer t.End()
	return t.Add(ctx, groups)
}

// Merge is Tx.Merge in a Tx of its own.
func (s *Shard) Merge(ctx context.Context, groups []store.Group, origin store.Origin) error {
	t := s.Begin()
	defer t.End()
	return t.Merge(ctx, groups, origin)
}

// View calls fn with the store, under the lock where there is one. fn must not keep what it is given.
func (s *Shard) View(fn func(st store.Store) error) error {
	t := s.Begin()
	defer t.End()
	return fn(t.Store)
}

// Remote says that the store is another process.
func (s *Shard) Remote() bool { return s.cfg.Store.Remote() }
