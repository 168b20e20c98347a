package simtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// model is a store that can lose its memory, and that bare writers may write to behind its journal's back.
type model struct {
	store.Local // the journalled points

	layout   series.Layout
	clock    func() time.Time
	lives    int
	raw      map[string][]series.Point // not journalled yet, by key
	epoch    string                    // as read last
	unites   int
	node     int
	redis    bool // it stands for a Redis process: it keeps no digests
	loseNext bool // the next Unite for a peer fails before it does anything
}

func newModel(node int, layout series.Layout, clock func() time.Time) *model {
	m := &model{node: node, layout: layout, clock: clock}
	m.lose()
	return m
}

// lose empties the store. It is another data set then.
func (m *model) lose() {
	m.lives++
	m.raw = map[string][]series.Point{}
	m.Local = storetest.NewNaive(storetest.NaiveConfig{
		Layout: m.layout, Cluster: "sim", Epoch: m.current(),
		Clock: m.clock, Newest: m.newestRaw,
	})
}

func (m *model) current() string { return fmt.Sprintf("n%d-%d", m.node, m.lives) }

func (m *model) key(k series.Key) string { return string(m.layout.AppendKey(nil, k)) }

func (m *model) parse(key string) series.Key {
	k, err := m.layout.ParseKey([]byte(key))
	must(err)
	return k
}

func (m *model) Epoch(context.Context) (string, error) {
	m.epoch = m.current()
	return m.epoch, nil
}

func (m *model) Unite(ctx context.Context, groups []store.Group, o store.Origin) error {
	m.unites++
	if m.loseNext && o.Peer != "" {
		m.loseNext = false
		return store.ErrUnavailable
	}
	if o.Peer != "" && m.epoch != m.current() {
		if err := m.Local.Unite(ctx, groups, store.Origin{}); err != nil {
			return err
		}
		return store.ErrEpoch
	}
	return m.Local.Unite(ctx, groups, o)
}

// newestRaw is the newest timestamp that bare writers gave a key: a Redis knows it when it decides what comes late.
func (m *model) newestRaw(key string) int64 {
	newest := int64(-1)
	for _, p := range m.raw[key] {
		newest = max(newest, p.TS)
	}
	return newest
}

// bare adds a point that no journal knows.
func (m *model) bare(k series.Key, p series.Point) {
	key := m.key(k)
	m.raw[key] = append(m.raw[key], p)
}

// sweep journals what bare writers added: the newest first, so that what lies 60 s below it is late.
func (m *model) sweep(floor series.Period) error {
	for key, pts := range m.raw {
		k := m.parse(key)
		if k.Period < floor {
			continue
		}
		slices.SortFunc(pts, func(a, b series.Point) int { return series.Compare(b, a) })
		for _, p := range pts {
			g := []store.Group{{Key: k, Points: []series.Point{p}}}
			if err := m.Local.Unite(context.Background(), g, store.Origin{}); err != nil {
				return err
			}
		}
	}
	m.raw = map[string][]series.Point{}
	return nil
}

// keys gives the names of all keys, raw ones too.
func (m *model) keys() []string {
	set := map[string]bool{}
	found, _ := m.Local.ScanKeys(0, 1<<20)
	for _, k := range found {
		set[m.key(k)] = true
	}
	for key := range m.raw {
		set[key] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// all gives every point of a key, raw ones too, in the order of a sorted set.
func (m *model) all(k series.Key) []series.Point {
	got, err := m.Local.Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	raw := m.raw[m.key(k)]
	if len(raw) == 0 {
		return got[0]
	}
	out := append(got[0], raw...)
	slices.SortFunc(out, series.Compare)
	return slices.CompactFunc(out, func(a, b series.Point) bool { return series.Compare(a, b) == 0 })
}

func (m *model) Ranges(ctx context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	if len(m.raw) == 0 {
		return m.Local.Ranges(ctx, queries)
	}
	out := make([][]series.Point, len(queries))
	for i, q := range queries {
		out[i] = storetest.Select(m.all(q.Key), q.Span)
	}
	return out, nil
}

func (m *model) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	if len(m.raw) == 0 {
		return m.Local.HourSums(ctx, hour, keys)
	}
	out := make([]store.Sum, len(keys))
	for i, k := range keys {
		out[i] = storetest.HourSum(m.all(k), hour)
	}
	return out, nil
}

// Tails implements store.Tailer.
func (m *model) Tails(ctx context.Context, qs []store.TailQuery) (counts []int, points [][]series.Point, err error) {
	queries := make([]store.RangeQuery, 0, 2*len(qs))
	for _, q := range qs {
		queries = append(queries, store.RangeQuery{Key: q.Key, Span: store.Span{From: q.Base, To: q.From}},
			store.RangeQuery{Key: q.Key, Span: store.Span{From: q.From, To: store.All.To, Limit: q.Limit}})
	}
	out, err := m.Ranges(ctx, queries)
	for i := 0; i+1 < len(out); i += 2 {
		counts, points = append(counts, len(out[i])), append(points, out[i+1])
	}
	return counts, points, err
}

// States implements store.Stater. wire asks it of no node over Redis.
func (m *model) States(ctx context.Context, keys []series.Key) ([]store.State, error) {
	return m.Local.(store.Stater).States(ctx, keys)
}

// Lacks implements store.Stater; a node over Redis can not tell.
func (m *model) Lacks(ctx context.Context, keys []series.Key, told []store.State) ([]store.Lack, error) {
	if m.redis {
		return make([]store.Lack, len(keys)), nil
	}
	return m.Local.(store.Stater).Lacks(ctx, keys, told)
}
