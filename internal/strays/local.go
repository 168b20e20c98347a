package strays

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// placed remembers of a series id which one had it and by which ring it was found to be where it belongs. ring is its
// number plus 1, 0 = not looked at.
type placed struct {
	generation uint32
	ring       int32
}

// localJournal is how far a Sweeper has read the journal of a store in memory. Nearly every key that changes was looked
// at before, and costs a comparison.
type localJournal struct {
	feed  store.Feeder
	made  uint64 // keys that were ever made, when all of them had been looked at
	fresh store.Fresh
	seen  []placed // by series id
	which []int    // scratch: of fresh.Keys, those to look at
	names []byte
	ends  []int
}

func newLocalJournal(feed store.Feeder) *localJournal {
	return &localJournal{feed: feed, fresh: store.Fresh{Bare: true}}
}

// pollLocal reads the journal up to where it ends now. While no key is made none can begin to stray.
func (s *Sweeper) pollLocal(ctx context.Context) error {
	l := s.local
	made := l.feed.KeysMade()
	if made == l.made && len(s.marks) == 0 {
		return nil
	}
	head, _, err := l.feed.Heads(ctx)
	if err != nil {
		return fmt.Errorf("read head of the journal: %w", err)
	}
	var failed error
	for ctx.Err() == nil {
		l.feed.Fresh(&l.fresh, mostChanges, head)
		if len(l.fresh.Keys) == 0 {
			break
		}
		failed = errors.Join(failed, s.takeFresh(ctx))
	}
	if l.made = made; ctx.Err() != nil {
		l.made = 0
	}
	return failed
}

// takeFresh looks at the keys that were read last.
func (s *Sweeper) takeFresh(ctx context.Context) error {
	l := s.local
	l.which = l.which[:0]
	for i, k := range l.fresh.Keys {
		if !l.isPlaced(k.Series, s.ringOf(k.Period)) {
			l.which = append(l.which, i)
		}
	}
	if len(l.which) == 0 {
		return nil
	}
	l.names, l.ends = l.feed.SeriesNames(&l.fresh, l.which, l.names[:0], l.ends[:0])
	var failed error
	from := 0
	for n, i := range l.which {
		name := l.names[from:l.ends[n]]
		from = l.ends[n]
		fresh := l.fresh.Keys[i]
		k, err := series.ParseSeries(name)
		if err != nil {
			continue // gone since
		}
		k.Period = fresh.Period
		key := string(s.cfg.Topology.Layout.AppendKey(nil, k))
		if s.cfg.Topology.ShardOf([]byte(key)) == s.cfg.Shard.ID() {
			l.setPlaced(fresh.Series, s.ringOf(fresh.Period))
			continue
		}
		failed = errors.Join(failed, s.take(ctx, key))
	}
	return failed
}

// ringOf is the number of the ring of a period, plus 1.
func (s *Sweeper) ringOf(p series.Period) int32 {
	r := s.cfg.Topology.RingFor(p)
	for i := range s.cfg.Topology.Rings {
		if &s.cfg.Topology.Rings[i] == r {
			return int32(i + 1)
		}
	}
	return 0
}

func (l *localJournal) isPlaced(id store.SeriesID, ring int32) bool {
	return int(id.ID) < len(l.seen) && l.seen[id.ID] == placed{id.Generation, ring}
}

func (l *localJournal) setPlaced(id store.SeriesID, ring int32) {
	for int(id.ID) >= len(l.seen) {
		l.seen = append(l.seen, placed{})
	}
	l.seen[id.ID] = placed{id.Generation, ring}
}
