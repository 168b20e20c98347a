package shard_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
	"github.com/dunlin-db/dunlin/internal/wal"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// records is a log that keeps the heads of what it is given.
type records struct {
	recs [][2]uint64 // number, points added
	full bool
}

func (r *records) Append(rec []byte) wal.LSN {
	head, err := replog.Read(rec)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	r.recs = append(r.recs, [2]uint64{uint64(head.Seq), uint64(head.Points)})
	return wal.LSN(len(r.recs))
}

func (r *records) Full() bool { return r.full }

// telling is a store that tells a recorder what has grown, as the engine does.
type telling struct {
	store.Local
	rec   *replog.Recorder
	named replog.Named
}

func (s *telling) tell(n int) {
	for range n {
		s.rec.Point(&s.named, []byte("h:m"), &series.Point{TS: noon.UnixMilli(), Value: []byte("1")})
	}
}

func (s *telling) Unite(ctx context.Context, groups []store.Group, o store.Origin) error {
	err := s.Local.Unite(ctx, groups, o)
	for _, g := range groups {
		s.tell(g.Added)
	}
	return err
}

func (s *telling) Put(puts []store.Put) {
	s.Local.Put(puts)
	for _, p := range puts {
		if p.Added {
			s.tell(1)
		}
	}
}

// remote is a store that says it is far away.
type remote struct{ store.Local }

func (remote) Remote() bool { return true }

func naive() store.Local {
	clock := func() time.Time { return noon }
	return storetest.NewNaive(storetest.NaiveConfig{Layout: series.Day, Cluster: "c", Epoch: "e", Clock: clock})
}

func open(t *testing.T, st store.Store) (*shard.Shard, *records) {
	t.Helper()
	log, rec := &records{}, replog.NewRecorder()
	cfg := shard.Config{
		Origin: replog.Origin{Node: "n", Shard: 3, Incarnation: 1}, Layout: series.Day, Store: st,
		Clock: func() time.Time { return noon },
	}
	if local, ok := st.(store.Local); ok && !st.Remote() {
		cfg.Store, cfg.Log, cfg.Recorder = &telling{Local: local, rec: rec}, log, rec
	}
	s, err := shard.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

func group(key string, members ...string) store.Group {
	g := store.Group{Key: storetest.Key(key)}
	for _, m := range members {
		p, err := series.ParseMember([]byte(m))
		if err != nil {
			panic("BUG: " + m)
		}
		g.Points = append(g.Points, p)
	}
	return g
}

func stored(t *testing.T, s *shard.Shard, key string) []string {
	t.Helper()
	out, err := s.Reader().Ranges(t.Context(), []store.RangeQuery{{Key: storetest.Key(key), Span: store.All}})
	if err != nil {
		t.Fatal(err)
	}
	var members []string
	for _, p := range out[0] {
		members = append(members, string(series.AppendMember(nil, p)))
	}
	return members
}

func TestShard_Add_admission(t *testing.T) {
	s, log := open(t, naive())
	if _, err := s.Drop(t.Context(), series.Day.PeriodOf(noon.UnixMilli())-1); err != nil {
		t.Fatal(err)
	}
	groups := []store.Group{
		group("2026-11-22:a:m", "1795348800:1", "1795262400:other day", "1795349400:in 10 min", "1795349401:later"),
		group("2026-11-20:a:m", "1795132800:below the floor"),
		group("2026-11-21:a:m", "1795219200:at the floor"),
	}
	refused, err := s.Add(t.Context(), groups)
	if err != nil {
		t.Fatal(err)
	}
	want := []shard.Refusal{
		{Group: 0, Why: series.ErrNotPeriod}, {Group: 0, Why: shard.ErrFuture}, {Group: 1, Why: shard.ErrBelowFloor},
	}
	if len(refused) != len(want) {
		t.Fatalf("refused %v, want %v", refused, want)
	}
	for i := range want {
		if refused[i].Group != want[i].Group || !errors.Is(refused[i].Why, want[i].Why) {
			t.Errorf("refusal %d: %v, want %v", i, refused[i], want[i])
		}
	}
	if d := cmp.Diff([]string{"1795348800:1", "1795349400:in 10 min"}, stored(t, s, "2026-11-22:a:m")); d != "" {
		t.Errorf("stored: (-want +got)\n%s", d)
	}
	if groups[0].Added != 2 || groups[1].Added != 0 || groups[2].Added != 1 {
		t.Errorf("added %d %d %d", groups[0].Added, groups[1].Added, groups[2].Added)
	}
	s.CountRefused(4)
	if d := cmp.Diff(shard.Counters{Points: 3, Refused: 7}, s.Counters()); d != "" {
		t.Errorf("counters: (-want +got)\n%s", d)
	}
	if d := cmp.Diff([][2]uint64{{1, 3}}, log.recs); d != "" {
		t.Errorf("log: (-want +got)\n%s", d)
	}
}

func TestShard_Merge_asksNoClock(t *testing.T) {
	s, log := open(t, naive())
	if _, err := s.Drop(t.Context(), series.Day.PeriodOf(noon.UnixMilli())); err != nil {
		t.Fatal(err)
	}
	cursor := store.Cursor{Epoch: "e", Journal: 9}
	o := store.Origin{Peer: "p", Cursor: &cursor}
	groups := []store.Group{
		group("2026-11-22:a:m", "1795391999:hours ahead"),
		group("2026-11-21:a:m", "1795219200:1", "1795219201:2"),
	}
	for range 2 { // the second time nothing is new
		if err := s.Merge(t.Context(), groups, o); err != nil {
			t.Fatal(err)
		}
	}
	if got := stored(t, s, "2026-11-22:a:m"); len(got) != 1 {
		t.Errorf("stored %v", got)
	}
	if got := stored(t, s, "2026-11-21:a:m"); len(got) != 0 {
		t.Errorf("below the floor: %v", got)
	}
	if d := cmp.Diff(shard.Counters{Pulled: 2, Merged: 1, BelowFloor: 4}, s.Counters()); d != "" {
		t.Errorf("counters: (-want +got)\n%s", d)
	}
	if d := cmp.Diff([][2]uint64{{1, 1}}, log.recs); d != "" {
		t.Errorf("a merge that adds nothing is not numbered: (-want +got)\n%s", d)
	}
	cursor.Journal = 10
	if err := s.Merge(t.Context(), nil, o); err != nil {
		t.Fatal(err)
	}
	err := s.View(func(st store.Store) error {
		c, err := st.Cursor(t.Context(), "p")
		if c != cursor {
			t.Errorf("cursor %+v after an empty merge, want %+v", c, cursor)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestShard_Drop_floorOnlyRises(t *testing.T) {
	st := naive()
	s, _ := open(t, st)
	day := series.Day.PeriodOf(noon.UnixMilli())
	if _, err := s.Add(t.Context(), []store.Group{group("2026-11-22:a:m", "1795348800:1")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		drop, floor series.Period
		keys        int
	}{{day, day, 0}, {day + 1, day + 1, 1}, {day - 3, day + 1, 0}} {
		n, err := s.Drop(t.Context(), c.drop)
		if n != c.keys || s.Floor() != c.floor || err != nil {
			t.Errorf("drop %d: %d keys, floor %d, %v", c.drop, n, s.Floor(), err)
		}
	}
	again, _ := open(t, st)
	if again.Floor() != day+1 {
		t.Errorf("opened again: floor %d, want %d", again.Floor(), day+1)
	}
}

func TestShard_Begin_locksMemoryOnly(t *testing.T) {
	near, _ := open(t, naive())
	far, _ := open(t, remote{naive()})
	tx := near.Begin()
	entered := make(chan struct{})
	go func() {
		near.Begin().End()
		close(entered)
	}()
	select {
	case <-entered:
		t.Error("two Tx on a store in memory at once")
	case <-time.After(20 * time.Millisecond): // the second waits
	}
	tx.End()
	<-entered
	a := far.Begin()
	far.Begin().End() // would hang if it locked
	a.End()
	if !far.Remote() || near.Remote() || near.ID() != 3 {
		t.Error("remote or id")
	}
}

func TestShard_concurrentWriters(t *testing.T) {
	for name, st := range map[string]store.Store{
		"naive": naive(), "far": remote{&locked{Local: naive()}},
		"engine": engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: "e", Clock: time.Now}),
	} {
		s, log := open(t, st)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 50 {
					ts := string(series.AppendTime(nil, noon.UnixMilli()+int64(i)*1000, 0))
					g := []store.Group{group("2026-11-22:a:m", ts+":"+string(rune('a'+w)))}
					if _, err := s.Add(context.Background(), g); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := len(stored(t, s, "2026-11-22:a:m")); n != 400 {
			t.Errorf("%s: %d points, want 400", name, n)
		}
		for i, r := range log.recs {
			if r[0] != uint64(i+1) || r[1] != 1 {
				t.Fatalf("%s: record %d is %v", name, i, r)
			}
		}
	}
}

// locked is safe for concurrent use, as a store over a network is.
type locked struct {
	store.Local
	mu sync.Mutex
}

func (l *locked) Unite(ctx context.Context, groups []store.Group, o store.Origin) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Local.Unite(ctx, groups, o)
}

func TestReader_Digests_holdsNoLockOverFn(t *testing.T) {
	s, _ := open(t, naive())
	if _, err := s.Add(t.Context(), []store.Group{group("2026-11-22:a:m", "1795348800:1")}); err != nil {
		t.Fatal(err)
	}
	calls := 0
	err := s.Reader().Digests(t.Context(), storetest.Key("2026-11-22:a:m").Period, func(series.Key, store.Digest) error {
		s.Begin().End() // would hang under the lock
		calls++
		return nil
	})
	if err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestShard_numberingDoesNotAllocate(t *testing.T) {
	rec := replog.NewRecorder()
	s, err := shard.New(t.Context(), shard.Config{
		Origin: replog.Origin{Node: "n", Shard: 3, Incarnation: 1}, Layout: series.Day,
		Store: &telling{Local: naive(), rec: rec}, Log: nowhere{}, Recorder: rec, Clock: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(1000, func() { s.Wrote(1, 1) }); got > 0 {
		t.Errorf("%g allocations to number a change", got)
	}
}

// nowhere is a log that keeps nothing.
type nowhere struct{}

func (nowhere) Append([]byte) wal.LSN { return 0 }

func (nowhere) Full() bool { return false }

func TestShard_full(t *testing.T) {
	s, log := open(t, naive())
	log.full = true
	refused, err := s.Add(t.Context(), []store.Group{group("2026-11-22:a:m", "1795348800:1")})
	if err != nil || len(refused) != 1 || !errors.Is(refused[0].Why, shard.ErrUnwritten) {
		t.Errorf("%v, %v: a point is taken that can not be logged", refused, err)
	}
	puts := []store.Put{{
		Series: []byte("a:m"), Member: []byte("1795348800:1"), TS: 1795348800000, ValueAt: 11,
		Period: series.Day.PeriodOf(1795348800000),
	}}
	tx := s.Begin()
	tx.Put(puts)
	if tx.Logged() != 0 || !errors.Is(puts[0].Err, shard.ErrUnwritten) {
		t.Errorf("put: %v, logged up to %d", puts[0].Err, tx.Logged())
	}
	tx.End()
	log.full = false
	tx = s.Begin()
	puts[0].Err = nil
	tx.Put(puts)
	if tx.Logged() == 0 || !puts[0].Added {
		t.Errorf("after that: %+v, logged up to %d", puts[0], tx.Logged())
	}
	tx.End()
	if tx = s.Begin(); tx.Logged() != 0 {
		t.Errorf("a Tx that wrote nothing waits for %d", tx.Logged())
	}
	tx.End()
}

func TestShard_Adopt(t *testing.T) {
	s, log := open(t, naive())
	if _, err := s.Drop(t.Context(), series.Day.PeriodOf(noon.UnixMilli())); err != nil {
		t.Fatal(err)
	}
	const key = "2026-11-22:h:m"
	groups := func() []store.Group {
		return []store.Group{group(key, "1795305600:1", "1795305601:2"), group("2026-11-21:h:m", "1795219200:1")}
	}
	for _, want := range []int{2, 0} {
		if added, err := s.Adopt(t.Context(), groups()); err != nil || added != want {
			t.Errorf("Adopt: %d, %v, want %d", added, err, want)
		}
	}
	if diff := cmp.Diff([]string{"1795305600:1", "1795305601:2"}, stored(t, s, key)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][2]uint64{{1, 2}}, log.recs); diff != "" {
		t.Errorf("numbered: %s", diff)
	}
	if c := s.Counters(); c.Points != 0 || c.Pulled != 0 || c.BelowFloor != 2 {
		t.Errorf("counters %+v", c)
	}
}
