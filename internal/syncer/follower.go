package syncer

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// How far back the seed-style journal is read: a little at every poll, and now and then all of what a writer with a
// slow clock or a long way may still enter.
const (
	journalNear  = 5 * time.Second
	journalFar   = 10 * time.Minute
	farEvery     = 10 * time.Second
	sweepKeys    = 256 // keys per step of the sweep
	minSweepStep = 2 * time.Millisecond
)

// FollowerConfig is what a Follower is made of.
type FollowerConfig struct {
	Shard       *shard.Shard
	Store       *store.Redis     // the shard's own process
	JournalName string           // "" = journal
	Poll        time.Duration    // of the seed-style journal; 0 = 250 ms
	Sweep       time.Duration    // how long one walk over all keys takes; 0 = 60 s
	Clock       func() time.Time // nil = time.Now
	Log         *slog.Logger     // nil = none
}

// FollowerStatus is what a Follower tells of itself.
type FollowerStatus struct {
	Err         string // of the last failure, "" once it works again
	Journalled  int64  // points found through the seed-style journal
	Unjournaled int64  // points that only the sweep found
	Sweeps      int64  // walks over all keys that were completed
	SweptMillis int64  // how long the last one took
}

// Follower journals what writers put into the node's own Redis without the atomic script, so that peers, the label
// index and the page learn of it.
type Follower struct {
	cfg FollowerConfig

	// seen holds the scores (µs) of the seed-style journal that were handled; owned by Run.
	seen  map[string]int64
	farAt time.Time
	scan  uint64
	begun time.Time

	mu     sync.Mutex // protects status
	status FollowerStatus
}

// NewFollower makes a Follower. It starts nothing.
func NewFollower(cfg FollowerConfig) *Follower {
	if cfg.JournalName == "" {
		cfg.JournalName = journal.Seed
	}
	if cfg.Poll == 0 {
		cfg.Poll = 250 * time.Millisecond
	}
	if cfg.Sweep == 0 {
		cfg.Sweep = time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Follower{cfg: cfg, seen: map[string]int64{}}
}

// Status is safe to call while Run runs.
func (f *Follower) Status() FollowerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Run follows the own Redis until ctx ends. It returns nil then.
func (f *Follower) Run(ctx context.Context) error {
	wait := f.cfg.Poll
	for ctx.Err() == nil {
		now := f.cfg.Clock()
		err := f.poll(ctx, now)
		if err == nil {
			err = f.sweepStep(ctx, now, now.Add(f.cfg.Poll/2))
		}
		f.note(ctx, err)
		if err != nil {
			wait = min(2*wait, maxBackoff)
		} else {
			wait = f.cfg.Poll
		}
		next := now.Add(wait - wait/8 + time.Duration(rand.Int64N(int64(wait/4+1))))
		sleep(ctx, next.Sub(f.cfg.Clock()))
	}
	return nil
}

// note keeps the last error for Status and logs when it changes.
func (f *Follower) note(ctx context.Context, err error) {
	text := ""
	if err != nil && ctx.Err() == nil {
		text = err.Error()
	}
	f.mu.Lock()
	changed := f.status.Err != text
	f.status.Err = text
	f.mu.Unlock()
	if changed {
		f.cfg.Log.Info("own redis", "shard", f.cfg.Shard.ID(), "err", text)
	}
}

// poll adopts the keys that the seed-style journal names.
func (f *Follower) poll(ctx context.Context, now time.Time) error {
	back, far := journalNear, now.Sub(f.farAt) >= farEvery
	if far {
		back = journalFar
	}
	from := now.Add(-back).UnixMicro()
	changes, err := f.cfg.Store.SeedChanges(ctx, f.cfg.JournalName, from)
	if err != nil {
		return err
	}
	keys := f.changed(changes, now)
	found, err := f.cfg.Store.Adopt(ctx, keys)
	f.mu.Lock()
	f.status.Journalled += int64(found)
	f.mu.Unlock()
	if err != nil {
		f.seen = map[string]int64{} // look at all of them again
		return err
	}
	if far {
		f.farAt = now
		for key, score := range f.seen {
			if score < from {
				delete(f.seen, key)
			}
		}
	}
	return nil
}

// changed picks the live series keys whose entry is new, or so young that another change may hide behind the same
// score: seed-style scores are often whole seconds.
func (f *Follower) changed(changes []store.Change, now time.Time) []string {
	var keys []string
	young := now.Add(-2 * time.Second).UnixMicro()
	layout, floor := f.cfg.Shard.Layout(), f.cfg.Shard.Floor()
	for _, ch := range changes {
		if f.seen[ch.Key] == ch.Score && ch.Score < young {
			continue
		}
		f.seen[ch.Key] = ch.Score
		if k, err := layout.ParseKey([]byte(ch.Key)); err == nil && k.Period >= floor {
			keys = append(keys, ch.Key)
		}
	}
	return keys
}

// sweepStep goes on with the walk over all keys, so fast that it takes about Sweep as a whole, and stops at until.
// What it finds was journalled by nobody. Keys of dropped periods that no journal knew are freed here.
func (f *Follower) sweepStep(ctx context.Context, now, until time.Time) error {
	if f.scan == 0 && !f.begun.IsZero() && now.Sub(f.begun) < f.cfg.Sweep {
		return nil
	}
	if f.scan == 0 {
		f.begun = now
	}
	for {
		live, dead, next, err := f.cfg.Store.ScanSeries(ctx, f.scan, sweepKeys)
		if err != nil {
			return err
		}
		found, err := f.cfg.Store.Adopt(ctx, live)
		f.mu.Lock()
		f.status.Unjournaled += int64(found)
		f.mu.Unlock()
		if err != nil {
			return err
		}
		if len(dead) > 0 {
			if _, err := f.cfg.Store.Free(ctx, dead); err != nil {
				return err
			}
		}
		f.scan = next
		if next == 0 {
			f.mu.Lock()
			f.status.Sweeps++
			f.status.SweptMillis = f.cfg.Clock().Sub(f.begun).Milliseconds()
			f.mu.Unlock()
			return nil
		}
		if !f.cfg.Clock().Before(until) || ctx.Err() != nil {
			return nil
		}
		sleep(ctx, minSweepStep)
	}
}
