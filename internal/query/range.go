package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// ErrUnknown: the index knows no such series, and no reader is its place.
var ErrUnknown = errors.New("unknown series")

// Ref names a series.
type Ref struct{ Host, Metric string }

// Range gives the samples of a series with from ≤ TS ≤ to (ms), oldest first, over all periods, one per timestamp.
// Values that are no numbers are in it, as text.
func (x *Index) Range(ctx context.Context, ref Ref, from, to int64) ([]Sample, error) {
	got, err := x.Ranges(ctx, []Ref{ref}, from, to)
	if err != nil {
		return nil, err
	}
	if got[0] == nil {
		return nil, fmt.Errorf("%w %q of host %q", ErrUnknown, ref.Metric, ref.Host)
	}
	return got[0], nil
}

// Ranges is Range for many series with one request per shard. The result of an unknown series is nil. A shard that can
// not be read makes an error and its series nil; the rest is there.
func (x *Index) Ranges(ctx context.Context, refs []Ref, from, to int64) ([][]Sample, error) {
	x.pace.look()
	from = max(from, 0)
	if to < from {
		return make([][]Sample, len(refs)), nil
	}
	known := make([]bool, len(refs))
	byShard := map[int]*shardQuery{}
	for i, ref := range refs {
		for _, p := range x.placesOf(ref, from, to) {
			known[i] = true
			q := byShard[p.shard]
			if q == nil {
				q = &shardQuery{}
				byShard[p.shard] = q
			}
			q.add(i, series.Key{Period: p.period, Series: p.series}, from, to)
		}
		known[i] = known[i] || x.has(ref)
	}
	points := make([][]series.Point, len(refs))
	var errs []error
	for shard, q := range byShard {
		if err := x.collect(ctx, shard, q, points); err != nil {
			errs = append(errs, err)
			for _, i := range q.result {
				known[i] = false
			}
		}
	}
	out := make([][]Sample, len(refs))
	for i := range refs {
		if known[i] {
			out[i] = samples(points[i])
		}
	}
	return out, errors.Join(errs...)
}

// shardQuery is what one shard is asked for, and which result each answer belongs to.
type shardQuery struct {
	queries []store.RangeQuery
	result  []int
}

func (q *shardQuery) add(result int, k series.Key, from, to int64) {
	parsed, err := series.ParseSeries(k.Series)
	if err != nil {
		return
	}
	parsed.Period = k.Period
	q.queries = append(q.queries, store.RangeQuery{Key: parsed, Span: store.Span{From: from, To: to}})
	q.result = append(q.result, result)
}

func (x *Index) collect(ctx context.Context, shard int, q *shardQuery, points [][]series.Point) error {
	got, err := x.cfg.Readers[shard].Ranges(ctx, q.queries)
	if err != nil {
		return fmt.Errorf("read shard %d: %w", shard, err)
	}
	for j, i := range q.result {
		points[i] = append(points[i], got[j]...)
	}
	return nil
}

// samples orders what came from several shards and periods.
func samples(points []series.Point) []Sample {
	slices.SortStableFunc(points, func(a, b series.Point) int { return cmp.Compare(a.TS, b.TS) })
	points = Resolve(points)
	out := make([]Sample, len(points))
	for i, p := range points {
		out[i] = sample(p)
	}
	return out
}

type seriesPlace struct {
	place
	series []byte // host:metric as in keys
}

// placesOf says where points of a series between two instants may be.
func (x *Index) placesOf(ref Ref, from, to int64) []seriesPlace {
	first, last := x.cfg.Layout.PeriodOf(from), x.cfg.Layout.PeriodOf(min(to, x.cfg.Clock().UnixMilli()+horizonMillis))
	x.mu.RLock()
	if e := x.find(ref.Host, ref.Metric); e != nil {
		defer x.mu.RUnlock()
		var out []seriesPlace
		for _, p := range e.places {
			if p.period >= first && p.period <= last {
				out = append(out, seriesPlace{p, []byte(e.escaped)})
			}
		}
		return out
	}
	x.mu.RUnlock()
	return x.guessPlaces(ref, first, last)
}

const (
	horizonMillis = 2 * 86_400_000 // no admitted point is further ahead
	guessPeriods  = 100            // how many periods back an unknown series is looked for
)

// guessPlaces asks the ring: the journal may not have named the series yet.
func (x *Index) guessPlaces(ref Ref, first, last series.Period) []seriesPlace {
	if x.cfg.Place == nil || ref.Host == "" || ref.Metric == "" {
		return nil
	}
	k, err := series.ParseSeries(series.AppendSeries(nil, ref.Host, ref.Metric))
	if err != nil {
		return nil
	}
	var out []seriesPlace
	for p := max(first, last-guessPeriods); p <= last; p++ {
		k.Period = p
		shard := x.cfg.Place(x.cfg.Layout.AppendKey(nil, k))
		if _, held := x.cfg.Readers[shard]; held {
			out = append(out, seriesPlace{place{shard, p}, k.Series})
		}
	}
	return out
}

func (x *Index) has(ref Ref) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.find(ref.Host, ref.Metric) != nil
}
