package query

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

const (
	feedBatch  = 256             // journal entries per request: a store in memory is locked for one
	checkEvery = 5 * time.Second // how often a feed asks for epoch and periods
	pauseMax   = 4 * time.Second // between two tries at a reader that fails
)

// follower is the state of one feed. One goroutine owns it.
type follower struct {
	x       *Index
	shard   int
	r       store.Reader
	epoch   string
	from    int64     // µs: the next journal score to ask for
	checked time.Time // when epoch and periods were last asked for
	local   *local    // nil = the store is another process
}

// runFeed follows one journal until ctx ends.
func (x *Index) runFeed(ctx context.Context, shard int, r store.Reader) error {
	f := x.newFollower(shard, r)
	pause, ready := x.cfg.Poll, false
	for {
		began := time.Now()
		more, err := f.poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		ready = ready || err == nil && !more
		x.setFeed(shard, feed{ready: ready, err: err})
		switch {
		case err != nil:
			pause = min(2*pause, pauseMax)
			f.checked = time.Time{} // whatever happened, it may have a new epoch now
		case f.local == nil:
			pause = x.cfg.Poll
		case ready:
			pause = max(x.cfg.Poll, min(time.Since(began)*time.Duration(x.restShare()), restMax))
		default:
			continue // the start: everything at once
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause*3/4 + rand.N(pause/2+1)):
		}
	}
}

func (x *Index) newFollower(shard int, r store.Reader) *follower {
	f := &follower{x: x, shard: shard, r: r}
	if feeder, ok := r.(store.Feeder); ok {
		f.local = &local{r: feeder}
	}
	return f
}

// poll reads the journal to its end, or as far as the time of a poll goes: then there is more.
func (f *follower) poll(ctx context.Context) (more bool, err error) {
	if now := f.x.cfg.Clock(); f.checked.IsZero() || now.Sub(f.checked) >= checkEvery || now.Before(f.checked) {
		if err := f.check(ctx); err != nil {
			return false, err
		}
		f.checked = now
	}
	if f.local != nil {
		return f.pollLocal(ctx)
	}
	for {
		changes, err := f.r.Changes(ctx, f.from, feedBatch)
		if err != nil {
			return false, fmt.Errorf("read journal: %w", err)
		}
		if err := f.take(ctx, changes); err != nil {
			return false, err
		}
		if len(changes) < feedBatch {
			return false, nil
		}
	}
}

// check starts again when the data is another's, and forgets periods that were dropped.
func (f *follower) check(ctx context.Context) error {
	epoch, err := f.r.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("read epoch: %w", err)
	}
	if again := f.x.restarts(f.shard); again || epoch != f.epoch {
		if f.epoch != "" {
			f.x.forget(f.shard, func(string, series.Period) bool { return true })
		}
		f.epoch, f.from = epoch, 0
		if f.local != nil {
			*f.local = local{r: f.local.r}
		}
	}
	if f.local != nil {
		return f.checkDroppedLocal(ctx)
	}
	return f.checkDropped(ctx)
}

// restarts says whether a shard is to be read anew, once.
func (x *Index) restarts(shard int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	again := x.restart[shard]
	delete(x.restart, shard)
	return again
}

// checkDropped looks at one key of the oldest period. Sets only grow until their period is dropped, so as long as that
// key is there, nothing was dropped, and the store need not list its periods, which a Redis can not do cheaply.
func (f *follower) checkDropped(ctx context.Context) error {
	oldest, ok := f.x.oldest(f.shard)
	if !ok {
		return nil
	}
	counts, err := f.r.Counts(ctx, []series.Key{oldest})
	if err != nil {
		return fmt.Errorf("count points of the oldest period: %w", err)
	}
	if counts[0] > 0 {
		return nil
	}
	periods, err := f.r.Periods(ctx)
	if err != nil {
		return fmt.Errorf("read periods: %w", err)
	}
	f.x.forget(f.shard, func(name string, p series.Period) bool {
		// A drop takes a period and all older ones. The key itself may have gone alone, deleted by hand in a Redis.
		return len(periods) == 0 || p < periods[0] || p == oldest.Period && name == string(oldest.Series)
	})
	return nil
}

// take fetches the newest points of the keys that changed. The cursor moves only when all of them are in.
func (f *follower) take(ctx context.Context, changes []store.Change) error {
	var queries []store.RangeQuery
	for _, c := range changes {
		k, err := f.x.cfg.Layout.ParseKey([]byte(c.Key))
		if err != nil {
			continue // a journal of a plain Redis may name anything
		}
		// Two, because one timestamp may hold several members.
		queries = append(queries, store.RangeQuery{Key: k, Span: store.Span{To: store.All.To, Limit: 2, Desc: true}})
	}
	if len(queries) > 0 {
		newest, err := f.newest(ctx, queries)
		if err != nil {
			return err
		}
		for i, q := range queries {
			f.x.apply(f.shard, q.Key, newest[i])
		}
	}
	if n := len(changes); n > 0 {
		f.from = changes[n-1].Score + 1
	}
	return nil
}

// newest gives, per query, all points at the newest timestamp.
func (f *follower) newest(ctx context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	got, err := f.r.Ranges(ctx, queries)
	if err != nil {
		return nil, fmt.Errorf("read newest points: %w", err)
	}
	var again []store.RangeQuery
	var where []int
	for i, points := range got {
		switch {
		case len(points) < 2:
		case points[0].TS != points[1].TS:
			got[i] = points[:1]
		default:
			again = append(again, store.RangeQuery{Key: queries[i].Key, Span: store.Span{From: points[0].TS, To: points[0].TS}})
			where = append(where, i)
		}
	}
	if len(again) == 0 {
		return got, nil
	}
	equal, err := f.r.Ranges(ctx, again)
	if err != nil {
		return nil, fmt.Errorf("read equal timestamps: %w", err)
	}
	for j, i := range where {
		got[i] = equal[j]
	}
	return got, nil
}
