package simtest

import (
	"context"
	"time"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// bootRedis starts a node beside its Redis, which has been there all the time.
func (f *LogFlock) bootRedis(n *logNode) {
	for _, s := range n.shards {
		var err error
		s.sh, err = shard.New(context.Background(), shard.Config{
			Origin: replog.Origin{Node: n.name, Shard: s.id}, Layout: simLayout, Store: s.model, Clock: f.clock(n),
		})
		must(err)
	}
	n.drop(n.disk.floor)
	for _, l := range n.journals {
		l.begin()
	}
}

// sweep finds what other writers put into the node's Redis processes.
func (n *logNode) sweep() {
	for _, s := range n.shards {
		if s.model != nil && !n.down {
			must(s.model.sweep(n.disk.floor))
		}
	}
}

// forget takes what bare writers left below a floor away, as Redis' own drop does.
func (m *model) forget(floor series.Period) {
	for key := range m.raw {
		if m.parse(key).Period < floor {
			delete(m.raw, key)
		}
	}
}

// journalLink is how one shard of a node follows another node's by its journal.
type journalLink struct {
	f *LogFlock
	way
	shard   *logShard // of the one that follows
	stepper Stepper
}

// begin starts to follow anew.
func (l *journalLink) begin() {
	l.stepper = l.f.cfg.Follow(Link{
		Shard: l.shard.sh, Peer: journalOf{l}, Name: l.to.name, Clock: l.f.clock(l.from), Poll: poll,
		Jitter: l.f.rng.Float64,
	})
}

// step carries out one action.
func (l *journalLink) step() (until time.Time) {
	if l.from.down {
		return l.f.now.Add(poll)
	}
	return l.stepper.Step(context.Background())
}

// journalOf reads the peer's shard over a link that fails as the seed says, and lets other things happen before an
// answer.
type journalOf struct{ l *journalLink }

// far gives the peer's shard, if it answers.
func (j journalOf) far() (store.Reader, error) {
	f := j.l.f
	if !f.reachable(j.l.way) || !f.calm && f.rng.IntN(40) == 0 {
		return nil, store.ErrUnavailable
	}
	if !f.calm && f.rng.IntN(25) == 0 {
		f.write(j.l.to)
	}
	s := j.l.to.shards[j.l.shard.id-1]
	if s.model != nil {
		return s.model, nil
	}
	return s.sh.Reader(), nil
}

func (j journalOf) Epoch(ctx context.Context) (string, error) {
	r, err := j.far()
	if err != nil {
		return "", err
	}
	if m, ok := r.(*model); ok {
		return m.current(), nil
	}
	return r.Epoch(ctx)
}

func (j journalOf) Heads(ctx context.Context) (journal, late int64, err error) {
	r, err := j.far()
	if err != nil {
		return 0, 0, err
	}
	return r.Heads(ctx)
}

func (j journalOf) Changes(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	r, err := j.far()
	if err != nil {
		return nil, err
	}
	return r.Changes(ctx, from, limit)
}

func (j journalOf) LateChanges(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	r, err := j.far()
	if err != nil {
		return nil, err
	}
	return r.LateChanges(ctx, from, limit)
}

func (j journalOf) Ranges(ctx context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	r, err := j.far()
	if err != nil {
		return nil, err
	}
	return r.Ranges(ctx, queries)
}

func (j journalOf) Counts(context.Context, []series.Key) ([]int, error) {
	return nil, store.ErrUnavailable
}

func (j journalOf) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	r, err := j.far()
	if err != nil {
		return nil, err
	}
	return r.HourSums(ctx, hour, keys)
}

func (j journalOf) Digests(context.Context, series.Period, func(series.Key, store.Digest) error) error {
	return store.ErrUnavailable
}

func (j journalOf) Periods(context.Context) ([]series.Period, error) {
	return nil, store.ErrUnavailable
}
