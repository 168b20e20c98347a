package shard

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Reader gives the shard's store as a store.Reader that takes the lock per call. It is safe for concurrent use, and a
// store.Feeder if the store is one.
func (s *Shard) Reader() store.Reader {
	if f, ok := s.cfg.Store.(store.Feeder); ok {
		return feeder{reader{s}, f}
	}
	return reader{s}
}

// feeder is a reader of a store in memory.
type feeder struct {
	reader
	f store.Feeder
}

func (r feeder) Fresh(f *store.Fresh, limit int, until int64) {
	t := r.s.Begin()
	defer t.End()
	r.f.Fresh(f, limit, until)
}

func (r feeder) SeriesNames(f *store.Fresh, which []int, names []byte, ends []int) ([]byte, []int) {
	t := r.s.Begin()
	defer t.End()
	return r.f.SeriesNames(f, which, names, ends)
}

func (r feeder) KeysMade() uint64 {
	t := r.s.Begin()
	defer t.End()
	return r.f.KeysMade()
}

type reader struct{ s *Shard }

func (r reader) Epoch(ctx context.Context) (string, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Epoch(ctx)
}

func (r reader) Heads(ctx context.Context) (journal, late int64, err error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Heads(ctx)
}

func (r reader) Changes(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Changes(ctx, from, limit)
}

func (r reader) LateChanges(ctx context.Context, from int64, limit int) ([]store.Change, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.LateChanges(ctx, from, limit)
}

func (r reader) Ranges(ctx context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Ranges(ctx, queries)
}

func (r reader) Counts(ctx context.Context, keys []series.Key) ([]int, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Counts(ctx, keys)
}

func (r reader) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.HourSums(ctx, hour, keys)
}

func (r reader) Digests(ctx context.Context, p series.Period, fn func(series.Key, store.Digest) error) error {
	type entry struct {
		k series.Key
		d store.Digest
	}
	var all []entry // collected first: fn may do I/O, the lock is not held over it
	t := r.s.Begin()
	err := t.Store.Digests(ctx, p, func(k series.Key, d store.Digest) error {
		all = append(all, entry{k.Clone(), d})
		return nil
	})
	t.End()
	for i := 0; err == nil && i < len(all); i++ {
		err = fn(all[i].k, all[i].d)
	}
	return err
}

func (r reader) Periods(ctx context.Context) ([]series.Period, error) {
	t := r.s.Begin()
	defer t.End()
	return t.Store.Periods(ctx)
}
