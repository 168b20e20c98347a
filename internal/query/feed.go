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

// run follows one journal until ctx ends, or gives the follower on when that of a store in memory was read to its end
// once.
func (f *follower) run(ctx context.Context, ready chan<- *follower) error {
	pause := f.x.cfg.Poll
	for {
		more, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			pause = min(2*pause, pauseMax)
		case f.local == nil:
			pause = f.x.cfg.Poll
		case more:
			continue // the start: everything at once
		default:
			ready <- f
			return nil
		}
		if !rest(ctx, pause) {
			return nil
		}
	}
}

// runLocal polls in turn those that have been read to their ends.
func (x *Index) runLocal(ctx context.Context, ready <-chan *follower) error {
	var all []*follower
	next := time.NewTimer(0)
	defer next.Stop()
	<-next.C
	defer x.pace.end()
	for {
		looked := false
		select {
		case <-ctx.Done():
			return nil
		case f := <-ready:
			if all = append(all, f); len(all) == 1 {
				next.Reset(x.cfg.Poll)
			}
			continue
		case <-x.pace.wake:
			looked = true
		case <-next.C:
		}
		began, more := time.Now(), true
		for round := 0; more && (round == 0 || x.pace.resting.Load() != nil); round++ { // all of it after a rest
			more = false
			for _, f := range all {
				left, _ := f.look(ctx)
				if more = more || left; ctx.Err() != nil {
					return nil
				}
			}
		}
		pause := max(x.cfg.Poll, min(time.Since(began)*restFactor, restMax))
		switch {
		case looked:
			x.pace.end()
		case x.pace.resting.Load() != nil:
			pause = restAtMost
		case x.pace.unseen() && !more:
			x.pace.rest()
			pause = restAtMost
		}
		next.Reset(about(pause))
	}
}

// about is a time between three and five quarters of d.
func about(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// rest waits about so long, and says whether to go on.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(about(d)):
		return true
	}
}

// look polls once and notes how it went.
func (f *follower) look(ctx context.Context) (more bool, err error) {
	more, err = f.poll(ctx)
	if ctx.Err() != nil {
		return false, err
	}
	f.x.setFeed(f.shard, feed{ready: err == nil && !more, err: err})
	if err != nil {
		f.checked = time.Time{} // whatever happened, it may have a new epoch now
	}
	return more, err
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
