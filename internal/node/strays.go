package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/server"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	strayPoll    = 500 * time.Millisecond // between two looks at a journal, at least
	strayRest    = 100                    // and so many times what the last look took,
	strayPause   = 5 * time.Second        // but no longer
	strayCheck   = time.Minute            // between two looks at who lost data
	strayChanges = 1024                   // journal entries per request
	strayPoints  = 1000                   // points per union or ZADD
)

// sweeper unites what lies on a shard where the ring does not look for it (SELECT i takes any key, and so does a Redis
// process) into the shard where it does. Nothing is deleted from where it lies. One goroutine owns it; only keys may
// be read by others.
type sweeper struct {
	topo    *ring.Topology
	sh      *shard.Shard
	held    map[int]*shard.Shard
	forward server.Forwarder // to the holders of shards that are not held here
	log     *slog.Logger

	epochs  string        // of all held stores, when marks were made
	from    int64         // µs: the next journal score to ask for
	local   *localJournal // instead of from, for a store in memory
	checked time.Time
	marks   map[string]strayMark // of every stray key that lives
	again   map[string]bool      // keys whose owner did not take them: tried at every poll

	keys atomic.Int64 // stray keys, for people
}

// strayMark is how much of a stray key its owner has.
type strayMark struct {
	count  int   // points of the key
	newest int64 // ms: the newest timestamp
	twins  int   // points at that timestamp
}

func newSweeper(n *Node, sh *shard.Shard) *sweeper {
	s := &sweeper{
		topo: n.cfg.Topology, sh: sh, held: n.shards, forward: n.forward,
		log:   n.log.With("shard", sh.ID()),
		marks: map[string]strayMark{}, again: map[string]bool{},
	}
	if feed, ok := sh.Reader().(store.Feeder); ok {
		s.local = newLocalJournal(feed)
	}
	return s
}

// Keys is the number of keys known to lie on this shard though the ring places them elsewhere.
func (s *sweeper) Keys() int64 { return s.keys.Load() }

// Run sweeps until ctx ends. A store or an owner that is away is tried again.
func (s *sweeper) Run(ctx context.Context) error {
	failing := false
	for {
		began := time.Now()
		err := s.poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		rest := max(strayPoll*3/4+rand.N(strayPoll/2), min(strayRest*time.Since(began), strayPause))
		if err != nil && !failing {
			s.log.Warn("stray keys wait for their owner", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rest):
		}
	}
}

// poll reads the journal to its end.
func (s *sweeper) poll(ctx context.Context) error {
	if time.Since(s.checked) >= strayCheck {
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
		changes, err := s.sh.Reader().Changes(ctx, s.from, strayChanges)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("read journal: %w", err))
		}
		for _, c := range changes {
			failed = errors.Join(failed, s.take(ctx, c.Key))
			s.from = c.Score + 1
		}
		if len(changes) < strayChanges || ctx.Err() != nil {
			return failed
		}
	}
}

// check starts again when a store lost its data, and forgets what was dropped.
func (s *sweeper) check(ctx context.Context) error {
	var all []string
	for id := 1; id <= s.topo.Shards(); id++ {
		if sh := s.held[id]; sh != nil {
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
		if k, err := s.topo.Layout.ParseKey([]byte(key)); err != nil || k.Period < s.sh.Floor() {
			delete(s.marks, key)
			delete(s.again, key)
		}
	}
	s.keys.Store(int64(len(s.marks)))
	return nil
}

// take sweeps a key if it strays.
func (s *sweeper) take(ctx context.Context, key string) error {
	k, err := s.topo.Layout.ParseKey([]byte(key))
	owner := s.topo.ShardOf([]byte(key))
	if err != nil || owner == s.sh.ID() || k.Period < s.sh.Floor() {
		delete(s.again, key)
		return nil
	}
	if _, known := s.marks[key]; !known {
		s.marks[key] = strayMark{}
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
func (s *sweeper) sweep(ctx context.Context, k series.Key, owner int) error {
	key := string(s.topo.Layout.AppendKey(nil, k))
	points, next, err := s.unswept(ctx, k, s.marks[key])
	if err != nil {
		return err
	}
	for len(points) > 0 {
		part := points[:min(len(points), strayPoints)]
		points = points[len(part):]
		if sh := s.held[owner]; sh != nil {
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
func (s *sweeper) unswept(ctx context.Context, k series.Key, m strayMark) ([]series.Point, strayMark, error) {
	r := s.sh.Reader()
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
	next := strayMark{count: counts[0], newest: points[len(points)-1].TS}
	for i := len(points) - 1; i >= 0 && points[i].TS == next.newest; i-- {
		next.twins++
	}
	return points, next, nil
}

func (s *sweeper) points(ctx context.Context, k series.Key, span store.Span) ([]series.Point, error) {
	got, err := s.sh.Reader().Ranges(ctx, []store.RangeQuery{{Key: k, Span: span}})
	if err != nil {
		return nil, fmt.Errorf("read points: %w", err)
	}
	return got[0], nil
}

// send writes points to the owner's shard on another node. What is refused there (a clock, a higher floor) stays here;
// what it has no memory for is tried again.
func (s *sweeper) send(ctx context.Context, owner int, key string, points []series.Point) error {
	cmd := []string{"ZADD", key}
	for _, p := range points {
		member := string(series.AppendMember(nil, p))
		score, _, _ := strings.Cut(member, ":")
		cmd = append(cmd, score, member)
	}
	err, failed := s.forward.Do(ctx, owner, 2, [][]string{cmd})[0].(error)
	if failed && (!strings.Contains(err.Error(), " refused: ") || strings.Contains(err.Error(), store.ErrMemory.Error())) {
		return err
	}
	return nil
}
