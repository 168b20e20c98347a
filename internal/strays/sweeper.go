package strays

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	poll        = 500 * time.Millisecond // between two looks at a journal, at least
	rest        = 100                    // and so many times what the last look took,
	pause       = 5 * time.Second        // but no longer
	checkEvery  = time.Minute            // between two looks at who lost data
	mostChanges = 1024                   // journal entries per request
	mostPoints  = 1000                   // points per union or ZADD
)

// Config describes a Sweeper.
type Config struct {
	Topology *ring.Topology
	Shard    *shard.Shard         // that is swept
	Held     map[int]*shard.Shard // by number, of the same node
	Forward  Forwarder            // to the holders of the others
	Log      *slog.Logger
}

// Forwarder is what package server calls so.
type Forwarder interface {
	Do(ctx context.Context, shard, proto int, cmds [][]string) []store.Reply
}

// Sweeper is for one shard. One goroutine owns it; only Keys may be read by others.
type Sweeper struct {
	cfg Config

	epochs  string        // of all held stores, when marks were made
	from    int64         // µs: the next journal score to ask for
	local   *localJournal // instead of from, for a store in memory
	checked time.Time
	marks   map[string]mark // of every stray key that lives
	again   map[string]bool // keys whose owner did not take them: tried at every poll

	failing bool
	keys    atomic.Int64 // stray keys, for people
}

// mark is how much of a stray key its owner has.
type mark struct {
	count  int   // points of the key
	newest int64 // ms: the newest timestamp
	twins  int   // points at that timestamp
}

// New makes one that has looked at nothing.
func New(cfg Config) *Sweeper {
	s := &Sweeper{cfg: cfg, marks: map[string]mark{}, again: map[string]bool{}}
	if feed, ok := cfg.Shard.Reader().(store.Feeder); ok {
		s.local = newLocalJournal(feed)
	}
	return s
}

// Keys is the number of keys known to lie on this shard though the ring places them elsewhere.
func (s *Sweeper) Keys() int64 { return s.keys.Load() }

// Run sweeps some shards of a node until ctx ends. A store or an owner that is away is tried again. Shards in memory
// take turns: a timer for each would cost more than they do.
func Run(ctx context.Context, all []*Sweeper) error {
	g, ctx := errgroup.WithContext(ctx)
	var local []*Sweeper
	for _, s := range all {
		if s.local != nil {
			local = append(local, s)
			continue
		}
		g.Go(func() error { return run(ctx, []*Sweeper{s}) })
	}
	if len(local) > 0 {
		g.Go(func() error { return run(ctx, local) })
	}
	return g.Wait()
}

func run(ctx context.Context, all []*Sweeper) error {
	for {
		began := time.Now()
		for _, s := range all {
			err := s.poll(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil && !s.failing {
				s.cfg.Log.Warn("stray keys wait for their owner", "shard", s.cfg.Shard.ID(), "err", err)
			}
			s.failing = err != nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(poll*3/4+rand.N(poll/2), min(rest*time.Since(began), pause))):
		}
	}
}

// poll reads the journal to its end.
func (s *Sweeper) poll(ctx context.Context) error {
	if time.Since(s.checked) >= checkEvery {
		if err := s.check(ctx); err != nil {
			return err
		}
		s.checked = time.Now()
	}
	var failed error
	for key := range s.again {
		failed = errors.Join(failed, s.take(ctx, key))
	}
	if s.local != nil {
		return errors.Join(failed, s.pollLocal(ctx))
	}
	for {
		changes, err := s.cfg.Shard.Reader().Changes(ctx, s.from, mostChanges)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("read journal: %w", err))
		}
		for _, c := range changes {
			failed = errors.Join(failed, s.take(ctx, c.Key))
			s.from = c.Score + 1
		}
		if len(changes) < mostChanges || ctx.Err() != nil {
			return failed
		}
	}
}

// check starts again when a store lost its data, and forgets what was dropped.
func (s *Sweeper) check(ctx context.Context) error {
	var all []string
	for id := 1; id <= s.cfg.Topology.Shards(); id++ {
		if sh := s.cfg.Held[id]; sh != nil {
			epoch, err := sh.Reader().Epoch(ctx)
			if err != nil {
				return fmt.Errorf("read epoch of shard %d: %w", id, err)
			}
			all = append(all, epoch)
		}
	}
	if epochs := strings.Join(all, "+"); epochs != s.epochs {
		s.epochs, s.from = epochs, 0
		if s.local != nil {
			s.local = newLocalJournal(s.local.feed)
		}
		clear(s.marks)
	}
	for key := range s.marks {
		if k, err := s.cfg.Topology.Layout.ParseKey([]byte(key)); err != nil || k.Period < s.cfg.Shard.Floor() {
			delete(s.marks, key)
			delete(s.again, key)
		}
	}
	s.keys.Store(int64(len(s.marks)))
	return nil
}

// take sweeps a key if it strays.
func (s *Sweeper) take(ctx context.Context, key string) error {
	k, err := s.cfg.Topology.Layout.ParseKey([]byte(key))
	owner := s.cfg.Topology.ShardOf([]byte(key))
	if err != nil || owner == s.cfg.Shard.ID() || k.Period < s.cfg.Shard.Floor() {
		delete(s.again, key)
		return nil
	}
	if _, known := s.marks[key]; !known {
		s.marks[key] = mark{}
		s.keys.Store(int64(len(s.marks)))
	}
	if err := s.sweep(ctx, k, owner); err != nil {
		s.again[key] = true
		return fmt.Errorf("sweep %s to shard %d: %w", key, owner, err)
	}
	delete(s.again, key)
	return nil
}

// sweep gives the owner what it was not given yet.
func (s *Sweeper) sweep(ctx context.Context, k series.Key, owner int) error {
	key := string(s.cfg.Topology.Layout.AppendKey(nil, k))
	points, next, err := s.unswept(ctx, k, s.marks[key])
	if err != nil {
		return err
	}
	for len(points) > 0 {
		part := points[:min(len(points), mostPoints)]
		points = points[len(part):]
		if sh := s.cfg.Held[owner]; sh != nil {
			_, err = sh.Adopt(ctx, []store.Group{{Key: k, Points: part}})
		} else {
			err = s.send(ctx, owner, key, part)
		}
		if err != nil {
			return err
		}
	}
	s.marks[key] = next
	return nil
}

// unswept reads the points above the mark, or all of them where points also came below it.
func (s *Sweeper) unswept(ctx context.Context, k series.Key, m mark) ([]series.Point, mark, error) {
	r := s.cfg.Shard.Reader()
	counts, err := r.Counts(ctx, []series.Key{k})
	if err != nil {
		return nil, m, fmt.Errorf("count points: %w", err)
	}
	span := store.All
	span.From = m.newest
	points, err := s.points(ctx, k, span)
	if err == nil && counts[0]-m.count != len(points)-m.twins {
		points, err = s.points(ctx, k, store.All)
	}
	if err != nil || len(points) == 0 {
		return nil, m, err
	}
	next := mark{count: counts[0], newest: points[len(points)-1].TS}
	for i := len(points) - 1; i >= 0 && points[i].TS == next.newest; i-- {
		next.twins++
	}
	return points, next, nil
}

func (s *Sweeper) points(ctx context.Context, k series.Key, span store.Span) ([]series.Point, error) {
	got, err := s.cfg.Shard.Reader().Ranges(ctx, []store.RangeQuery{{Key: k, Span: span}})
	if err != nil {
		return nil, fmt.Errorf("read points: %w", err)
	}
	return got[0], nil
}

// send writes points to the owner's shard on another node. What is refused there (a clock, a higher floor) stays here;
// what it has no memory for is tried again.
func (s *Sweeper) send(ctx context.Context, owner int, key string, points []series.Point) error {
	cmd := []string{"ZADD", key}
	for _, p := range points {
		member := string(series.AppendMember(nil, p))
		score, _, _ := strings.Cut(member, ":")
		cmd = append(cmd, score, member)
	}
	err, failed := s.cfg.Forward.Do(ctx, owner, 2, [][]string{cmd})[0].(error)
	if failed && (!strings.Contains(err.Error(), " refused: ") || strings.Contains(err.Error(), store.ErrMemory.Error())) {
		return err
	}
	return nil
}
