package query

import (
	"context"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// The feeds of stores in memory rest 30 times as long as they work, so that all of them together take about 3 % of one
// core; but never longer than restMax. A poll ends before it would have to.
const (
	restFactor = 30
	restMax    = time.Second
)

// pollMost is how long a poll may work.
func (x *Index) pollMost() time.Duration {
	return restMax / time.Duration(restFactor*max(len(x.cfg.Readers), 1))
}

// local is the state of a feed of a store in memory.
type local struct {
	r      store.Feeder
	fresh  store.Fresh
	known  []known       // by series id
	oldest series.Period // the lowest that was seen since periods were last forgotten
	any    bool          // one was

	which []int // scratch: keys of series that are not known
	names []byte
	ends  []int
}

// known is the entry of a series of the store.
type known struct {
	generation uint32
	e          *entry
}

// find gives the entry of a series, nil when it is not known. Entries stay good: that the shard is a place of theirs
// keeps them, and it is this feed that takes it away.
func (l *local) find(id store.SeriesID) *entry {
	if int(id.ID) < len(l.known) && l.known[id.ID].generation == id.Generation {
		return l.known[id.ID].e
	}
	return nil
}

func (l *local) keep(id store.SeriesID, e *entry) {
	for int(id.ID) >= len(l.known) {
		l.known = append(l.known, known{})
	}
	l.known[id.ID] = known{id.Generation, e}
}

// pollLocal reads the journal up to where it ended when the poll began: what changes meanwhile is for the next one.
func (f *follower) pollLocal(ctx context.Context) (more bool, err error) {
	l, began := f.local, time.Now()
	head, _, err := l.r.Heads(ctx)
	if err != nil {
		return false, fmt.Errorf("read head of the journal: %w", err)
	}
	for l.fresh.From <= head {
		l.r.Fresh(&l.fresh, feedBatch, head)
		if len(l.fresh.Keys) == 0 {
			return false, nil // the rest has changed again since
		}
		f.enterFresh()
		if ctx.Err() != nil || time.Since(began) > f.x.pollMost() {
			return l.fresh.From <= head, nil
		}
	}
	return false, nil
}

// enterFresh enters the keys that were read.
func (f *follower) enterFresh() {
	l, x := f.local, f.x
	l.which, l.names, l.ends = l.which[:0], l.names[:0], l.ends[:0]
	for i, k := range l.fresh.Keys {
		if l.find(k.Series) == nil {
			l.which = append(l.which, i)
		}
	}
	if len(l.which) > 0 {
		l.names, l.ends = l.r.SeriesNames(&l.fresh, l.which, l.names, l.ends)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l.enterNew(x)
	now := x.cfg.Clock().Unix()
	for _, k := range l.fresh.Keys {
		e := l.find(k.Series)
		if e == nil {
			continue // dropped since
		}
		best := l.fresh.Point(l.fresh.Rows[k.From])
		for _, r := range l.fresh.Rows[k.From+1 : k.To] {
			if p := l.fresh.Point(r); Better(p, best) {
				best = p
			}
		}
		x.renew(e, best, change{place{f.shard, k.Period}, now})
		if !l.any || k.Period < l.oldest {
			l.oldest, l.any = k.Period, true
		}
	}
}

// enterNew makes known the series whose names were asked for.
func (l *local) enterNew(x *Index) {
	from := 0
	for j, i := range l.which {
		name := l.names[from:l.ends[j]]
		from = l.ends[j]
		if k, err := series.ParseSeries(name); err == nil {
			l.keep(l.fresh.Keys[i].Series, x.enter(k))
		}
	}
}

// checkDroppedLocal forgets the periods below the lowest that the store has.
func (f *follower) checkDroppedLocal(ctx context.Context) error {
	l := f.local
	periods, err := l.r.Periods(ctx)
	if err != nil {
		return fmt.Errorf("read periods: %w", err)
	}
	if !l.any || len(periods) > 0 && periods[0] <= l.oldest {
		return nil
	}
	f.x.forget(f.shard, func(_ string, p series.Period) bool { return len(periods) == 0 || p < periods[0] })
	clear(l.known) // entries may be gone
	if l.any = len(periods) > 0; l.any {
		l.oldest = periods[0]
	}
	return nil
}
