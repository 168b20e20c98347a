package shard

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// Log takes the records of what grew the sets.
type Log interface {
	// Append takes a record, which is the shard's again when it returns. It must not block on I/O.
	Append(rec []byte) wal.LSN
	// Full says that what could not be written to disk has reached its bound: points must be refused.
	Full() bool
}

// Config is what a shard is made of.
type Config struct {
	Origin replog.Origin
	Layout series.Layout
	Store  store.Store
	Clock  func() time.Time

	Log      Log                  // nil = points are kept by the store, or nowhere
	Recorder *replog.Recorder     // the store's, which tells it what grew; not nil when there is a Log or a Tail
	Tail     int64                // bytes of the log that are kept for peers; 0 = there are none, and no log protocol
	Grid     *grid.Grid           // the store's, which tells it what grew; not nil when there is a Tail
	Mono     func() time.Duration // a clock that only goes forward; nil = time since New
	Bell     *replica.Bell        // rung when there is something new for peers; may be nil
	Loading  bool                 // what is on disk comes later: SetLoaded
}

// Shard is one slice of the series. All its methods are safe for concurrent use.
type Shard struct {
	cfg Config

	// mu protects the store when it is in memory, and what follows, always.
	mu     sync.Mutex
	logged wal.LSN // the last record
	peers  replicas
	hurt   hurt

	floor    atomic.Int32 // series.Period
	edicts   atomic.Pointer[edict.Set]
	loading  atomic.Bool
	counters counters
}

// New makes a shard of a store that is open. It reads the store's floor; a store in another process that is away keeps
// the shard from nothing, its floor comes with the next Drop.
func New(ctx context.Context, cfg Config) (*Shard, error) {
	s := &Shard{cfg: cfg, peers: replicas{state: replica.New(cfg.Origin)}}
	if cfg.Mono == nil {
		start := time.Now()
		s.cfg.Mono = func() time.Duration { return time.Since(start) }
	}
	if cfg.Tail > 0 {
		s.peers.tail = replica.NewTail(cfg.Tail)
	}
	floor, err := cfg.Store.Floor(ctx)
	if err != nil && !(cfg.Store.Remote() && errors.Is(err, store.ErrUnavailable)) {
		return nil, err
	}
	s.floor.Store(int32(floor))
	s.loading.Store(cfg.Loading)
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
	began wal.LSN // the last record when it began
}

// Begin starts a Tx. Whoever needs several shards begins them in ascending order of ID.
func (s *Shard) Begin() Tx {
	if !s.cfg.Store.Remote() {
		s.mu.Lock()
	}
	return Tx{s: s, Store: s.cfg.Store, began: s.logged}
}

// Logged is the place in the log up to which it must be written before what the Tx stored may be acknowledged, 0 when
// it stored nothing that is logged. It must be asked before End.
func (t Tx) Logged() wal.LSN {
	if t.s.logged == t.began {
		return 0
	}
	return t.s.logged
}

// NewEpoch says that the log has begun a segment that must be readable without those before it.
func (t Tx) NewEpoch() { t.s.cfg.Recorder.NewEpoch() }

// State is what the head of a segment says of the shard.
func (t Tx) State() replog.ShardState { return t.s.peers.state.Stored() }

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
	err := t.unite(ctx, groups, store.Origin{})
	return t.s.limited(refused, groups), err
}

// Merge unites points that a peer holds. Groups below the floor are left out; no clock is asked. An empty merge still
// keeps origin's cursor and marks.
func (t Tx) Merge(ctx context.Context, groups []store.Group, origin store.Origin) error {
	return t.unite(ctx, t.live(groups), origin)
}

// live leaves out the points below the floor, and those that are forgotten, and counts them.
func (t Tx) live(groups []store.Group) []store.Group {
	live := groups[:0:0]
	for _, g := range groups {
		switch {
		case g.Key.Period < t.s.Floor():
			t.s.counters.belowFloor.Add(int64(len(g.Points)))
			continue
		case t.s.Edicts().Any(g.Key.Period):
			n := len(g.Points)
			g.Points = slices.DeleteFunc(slices.Clone(g.Points), func(p series.Point) bool {
				return t.s.dead(g.Key.Period, g.Key.Series, p.TS)
			})
			t.s.counters.belowFloor.Add(int64(n - len(g.Points)))
		}
		live = append(live, g)
	}
	return live
}

func (t Tx) unite(ctx context.Context, groups []store.Group, origin store.Origin) error {
	for i := range groups { // what a store does not reach before an error must not count
		groups[i].Added, groups[i].Refused = 0, 0
	}
	t.s.beginRecord()
	err := t.Store.Unite(ctx, groups, origin)
	added, seen := sums(groups)
	switch {
	case origin.Peer != "":
		t.s.counters.pulled.Add(int64(seen))
		t.s.counters.merged.Add(int64(added))
	case err == nil:
		t.s.counters.points.Add(int64(seen))
	}
	if added > 0 { // also before an error: a limit may be met half way
		t.s.number()
	}
	return err
}

// sums counts the points that were new, and those that were not refused.
func sums(groups []store.Group) (added, seen int) {
	for i := range groups {
		added += groups[i].Added
		seen += len(groups[i].Points) - groups[i].Refused
	}
	return added, seen
}

// beginRecord makes the store tell what grows from here on.
func (s *Shard) beginRecord() {
	if s.cfg.Recorder != nil {
		s.cfg.Recorder.Begin()
	}
}

// number gives the change its number and hands it to the log.
func (s *Shard) number() {
	if s.cfg.Store.Remote() {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if s.cfg.Recorder == nil {
		s.peers.state.Own(0)
		return
	}
	for s.cfg.Recorder.Len() > 0 {
		seq := s.peers.state.Own(s.cfg.Layout.PeriodOf(s.cfg.Recorder.Latest()))
		s.log(s.cfg.Recorder.Record(replog.Head{Shard: s.ID(), Seq: seq}), s.cfg.Origin, seq)
	}
}

// SetLoaded says that the store has what is on disk.
func (s *Shard) SetLoaded() {
	if replica.Mutant != "tombs-forgotten" {
		s.Bury(s.Edicts().Periods())
	}
	t := s.Begin()
	defer t.End()
	s.peers.state.Restored()
	s.loading.Store(false)
}

// Loading says that the store does not have yet what is on disk: what is read of it may lack points.
func (s *Shard) Loading() bool { return s.loading.Load() }

// Drop raises the floor to p and drops every period below it. A floor never goes down. A store in memory only lets go
// of them; Tidy frees what they held.
func (s *Shard) Drop(ctx context.Context, p series.Period) (keys int, err error) {
	for {
		old := s.floor.Load()
		if int32(p) <= old || s.floor.CompareAndSwap(old, int32(p)) {
			break
		}
	}
	t := s.Begin()
	keys, err = t.Store.Drop(ctx, s.Floor())
	if !s.Remote() {
		s.peers.state.Forget(s.Floor())
	}
	t.End()
	return keys, err
}

// Tidy lets the store do what a drop left, piece by piece: others get the lock in between, and memory goes back to the
// system without it.
func (s *Shard) Tidy() {
	st, ok := s.cfg.Store.(store.Tidier)
	for more := ok; more; {
		var free func()
		t := s.Begin()
		free, more = st.Tidy()
		t.End()
		if free != nil {
			free()
		}
	}
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

// Adopt unites points that lie on a shard where the ring does not look for them, and gives how many were new here.
// They were admitted and counted where they entered: only what is below the floor is left out.
func (s *Shard) Adopt(ctx context.Context, groups []store.Group) (added int, err error) {
	t := s.Begin()
	defer t.End()
	live := t.live(groups)
	s.beginRecord()
	err = t.Store.Unite(ctx, live, store.Origin{Admitted: true})
	if added, _ = sums(live); added > 0 {
		s.number()
	}
	for i := range live {
		if err == nil && live[i].Refused > 0 {
			err = live[i].Why // it lies where it was, and can be adopted later
		}
	}
	return added, err
}

// View calls fn with the store, under the lock where there is one. fn must not keep what it is given.
func (s *Shard) View(fn func(st store.Store) error) error {
	t := s.Begin()
	defer t.End()
	return fn(t.Store)
}

// Remote says that the store is another process.
func (s *Shard) Remote() bool { return s.cfg.Store.Remote() }
