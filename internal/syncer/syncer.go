package syncer

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// State says what a Syncer is doing.
type State string

// The states.
const (
	Connecting  State = "connecting"  // nothing is known of the peer yet
	Following   State = "following"   // the journal, poll by poll
	Comparing   State = "comparing"   // hour by hour; the journal is followed all the while
	Unreachable State = "unreachable" // the peer does not answer
	StoreDown   State = "store down"  // the own store does not answer
	StoreFull   State = "store full"  // the own store has no memory for what the peer has; it is taken later
)

// Config is what a Syncer is made of.
type Config struct {
	Shard    *shard.Shard
	Peer     store.Reader // a store.Tailer is asked for less
	PeerName string
	Clock    func() time.Time // nil = time.Now
	Poll     time.Duration    // 0 = 250 ms
	Jitter   func() float64   // 0 ≤ x < 1; nil = random
	Log      *slog.Logger     // nil = none
}

// Status is what a Syncer tells of itself.
type Status struct {
	Peer      string
	Shard     int
	State     State
	Err       string // of the last failure, "" once it works again
	LagMillis int64  // since the moment up to which everything of the peer is here; -1 = not yet
	Cursor    int64  // µs, in the peer's journal
	Head      int64  // µs, the highest score of the peer's journal that was met
	Points    int64  // offered by the peer
	Repaired  int64  // hours that differed when they were compared
	Bytes     int64  // received and sent
	Commands  int64  // sent to the peer
}

// Syncer keeps one shard equal to the same shard of one peer.
type Syncer struct {
	cfg   Config
	phase int64    // ns, of the node's instants to poll
	m     *machine // owned by Run
	ev    event    // what came of the last action; owned by Run

	mu     sync.Mutex // protects status and since
	status Status
	since  time.Time // up to here everything is covered
}

// New makes a Syncer. It starts nothing.
func New(cfg Config) *Syncer {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Poll == 0 {
		cfg.Poll = 250 * time.Millisecond
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Syncer{cfg: cfg, m: newMachine(given{
		peer: cfg.PeerName, layout: cfg.Shard.Layout(), poll: cfg.Poll,
		floor: cfg.Shard.Floor, jitter: cfg.Jitter,
	})}
	h := fnv.New32a()
	_, _ = h.Write([]byte(cfg.Shard.Origin().Node)) // never fails
	s.phase = int64(h.Sum32()) % int64(cfg.Poll)
	s.publish()
	return s
}

// Run follows the peer until ctx ends. It returns nil then.
func (s *Syncer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if until := s.Step(ctx); !until.IsZero() {
			now := s.cfg.Clock()
			d := until.Sub(now)
			if s.m.state == Following {
				d = s.together(now, d)
			}
			sleep(ctx, d)
		}
	}
	return nil
}

// together shortens a wait so that all syncers of a node poll at the same instants, Poll apart: a node that wakes once
// for all of them uses a good part less CPU than one that wakes for each. Nodes have instants of their own.
func (s *Syncer) together(now time.Time, wait time.Duration) time.Duration {
	end := now.Add(wait).UnixNano() + s.phase
	return wait - time.Duration(end%int64(s.cfg.Poll))
}

// Step carries out one action. It gives the time before which there is nothing to do, zero if there is more. Run is a
// loop around it; a simulation calls it on virtual time instead.
func (s *Syncer) Step(ctx context.Context) (until time.Time) {
	before := s.m.state
	a := s.m.step(s.cfg.Clock(), s.ev)
	if s.m.state != before {
		s.cfg.Log.Info("peer", "peer", s.cfg.PeerName, "shard", s.cfg.Shard.ID(), "state", s.m.state, "err", s.m.lastErr)
	}
	if a.kind == actWait {
		s.publish()
		s.ev = event{}
		return a.at
	}
	s.ev = perform(ctx, s.cfg.Shard, s.cfg.Peer, a)
	return time.Time{}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// traffic is what stores over a connection tell.
type traffic interface{ Traffic() store.Traffic }

// publish takes a picture of the machine for Status.
func (s *Syncer) publish() {
	m := s.m
	st := Status{
		Peer: m.peer, Shard: s.cfg.Shard.ID(), State: m.state, Cursor: m.cursor.Journal, Head: m.head,
		Points: m.pulled, Repaired: m.repairs,
	}
	if m.lastErr != nil {
		st.Err = m.lastErr.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.since = st, m.covered
}

// Status is safe to call while Run runs.
func (s *Syncer) Status() Status {
	s.mu.Lock()
	st, since := s.status, s.since
	s.mu.Unlock()
	st.LagMillis = -1
	if !since.IsZero() {
		st.LagMillis = max(s.cfg.Clock().Sub(since).Milliseconds(), 0)
	}
	if t, ok := s.cfg.Peer.(traffic); ok {
		tr := t.Traffic()
		st.Bytes, st.Commands = tr.Sent+tr.Received, tr.Commands
	}
	return st
}

// perform carries an action out. It decides nothing.
func perform(ctx context.Context, sh *shard.Shard, peer store.Reader, a action) (ev event) {
	switch a.kind {
	case actWait:
	case actOwn:
		ev = performOwn(ctx, sh, a.origin.Peer, a.known)
	case actPoll:
		if p, ok := peer.(store.Poller); ok && a.cursor.Epoch != "" {
			ev.epoch, ev.list, ev.late, ev.err = p.Poll(ctx, a.cursor.Journal, a.cursor.Late, a.limit)
			break
		}
		if ev.epoch, ev.err = peer.Epoch(ctx); ev.err != nil {
			return ev
		}
		if ev.epoch != a.cursor.Epoch { // the cursor means nothing there
			return ev
		}
		if ev.list, ev.err = peer.Changes(ctx, a.cursor.Journal, a.limit); ev.err != nil {
			return ev
		}
		ev.late, ev.err = peer.LateChanges(ctx, a.cursor.Late, a.limit)
	case actLacks:
		ev.local = true
		ev.err = sh.View(func(st store.Store) (err error) {
			ev.lacks, err = lacks(ctx, st, a.keys, a.told)
			return err
		})
	case actMarks:
		names := make([]string, len(a.keys))
		for i, k := range a.keys {
			names[i] = string(sh.Layout().AppendKey(nil, k))
		}
		ev.err = sh.View(func(st store.Store) (err error) {
			ev.marks, err = st.Marks(ctx, a.origin.Peer, names)
			return err
		})
		ev.local = true
	case actTails:
		ev.counts, ev.points, ev.err = tails(ctx, peer, a.tails)
	case actRanges:
		ev.points, ev.err = peer.Ranges(ctx, a.ranges)
	case actHeads:
		if ev.epoch, ev.err = peer.Epoch(ctx); ev.err == nil {
			ev.heads[0], ev.heads[1], ev.err = peer.Heads(ctx)
		}
	case actList:
		ev.list, ev.err = peer.Changes(ctx, a.from, a.limit)
	case actSums:
		if ev.sums[1], ev.err = peer.HourSums(ctx, a.hour, a.keys); ev.err == nil {
			ev.sums[0], ev.err = sh.Reader().HourSums(ctx, a.hour, a.keys)
			ev.local = ev.err != nil
		}
	case actMerge:
		ev.err, ev.local = sh.Merge(ctx, a.groups, a.origin), true
	}
	return checkSizes(a, ev)
}

// performOwn reads what the own store keeps about a peer.
func performOwn(ctx context.Context, sh *shard.Shard, peer, known string) (ev event) {
	ev.local = true
	ev.err = sh.View(func(st store.Store) (err error) {
		if ev.epoch, err = st.Epoch(ctx); err != nil {
			return fmt.Errorf("own epoch: %w", err)
		}
		if ev.epoch != known {
			ev.cursor, err = st.Cursor(ctx, peer)
		}
		return err
	})
	return ev
}

// lacks asks a store that can not tell for nothing: each key has to be read.
func lacks(ctx context.Context, st store.Store, keys []series.Key, told []store.State) ([]store.Lack, error) {
	s, ok := st.(store.Stater)
	if !ok {
		return make([]store.Lack, len(keys)), nil
	}
	return s.Lacks(ctx, keys, told)
}

// tails asks a reader that can not tell counts for whole windows.
func tails(ctx context.Context, peer store.Reader, qs []store.TailQuery) ([]int, [][]series.Point, error) {
	if t, ok := peer.(store.Tailer); ok {
		return t.Tails(ctx, qs)
	}
	ranges := make([]store.RangeQuery, len(qs))
	for i, q := range qs {
		ranges[i] = store.RangeQuery{Key: q.Key, Span: store.Span{From: q.From, To: store.All.To, Limit: q.Limit}}
	}
	points, err := peer.Ranges(ctx, ranges)
	return nil, points, err
}

var errSize = errors.New("the peer answered fewer questions than were asked")

// checkSizes keeps a peer that answers nonsense from breaking the machine.
func checkSizes(a action, ev event) event {
	bad := false
	switch a.kind {
	case actTails:
		bad = len(ev.points) != len(a.tails) || ev.counts != nil && len(ev.counts) != len(a.tails)
	case actRanges:
		bad = len(ev.points) != len(a.ranges)
	case actSums:
		bad = len(ev.sums[0]) != len(a.keys) || len(ev.sums[1]) != len(a.keys)
	case actLacks:
		bad = len(ev.lacks) != len(a.keys)
	case actMarks:
		bad = len(ev.marks) != len(a.keys)
	}
	if bad && ev.err == nil {
		ev.err = errSize
	}
	return ev
}
