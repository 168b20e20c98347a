package keycmd

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// naiveStore is a store.Local that is right by being simple, with journal scores that a test knows: a sorted slice of
// points a key.
type naiveStore struct {
	layout series.Layout
	keys   map[string][]series.Point
	scores map[string]int64 // journal
	late   map[string]int64
	score  int64
	floor  series.Period
}

func newNaiveStore(l series.Layout) *naiveStore {
	return &naiveStore{
		layout: l, keys: map[string][]series.Point{}, scores: map[string]int64{},
		late: map[string]int64{}, score: 1_700_000_000_000_000,
	}
}

func (s *naiveStore) name(k series.Key) string { return string(s.layout.AppendKey(nil, k)) }

func (s *naiveStore) Unite(_ context.Context, groups []store.Group, _ store.Origin) error {
	for i := range groups {
		g := &groups[i]
		name := s.name(g.Key)
		pts := s.keys[name]
		g.Added = 0
		for _, p := range g.Points {
			at, found := slices.BinarySearchFunc(pts, p, series.Compare)
			if found {
				continue
			}
			if len(pts) > 0 && pts[len(pts)-1].TS-p.TS > store.LateAfter {
				s.score++
				s.late[name+"#"+time.UnixMilli(p.TS).UTC().Format("2006-01-02T15")] = s.score
			}
			p.Value = bytes.Clone(p.Value)
			pts = slices.Insert(pts, at, p)
			g.Added++
		}
		if g.Added > 0 {
			s.keys[name] = pts
			s.score++
			s.scores[name] = s.score
		}
	}
	return nil
}

func (s *naiveStore) Epoch(context.Context) (string, error) { return "naive", nil }

func (s *naiveStore) Heads(context.Context) (journal, late int64, err error) {
	for _, n := range s.scores {
		journal = max(journal, n)
	}
	for _, n := range s.late {
		late = max(late, n)
	}
	return journal, late, nil
}

func (s *naiveStore) Changes(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return changesOf(s.scores, from, limit), nil
}

func (s *naiveStore) LateChanges(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return changesOf(s.late, from, limit), nil
}

func changesOf(m map[string]int64, from int64, limit int) []store.Change {
	var out []store.Change
	for k, n := range m {
		if n >= from {
			out = append(out, store.Change{Key: k, Score: n})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Score < out[j].Score })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

func (s *naiveStore) Ranges(_ context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	out := make([][]series.Point, len(queries))
	for i, q := range queries {
		for _, p := range s.keys[s.name(q.Key)] {
			if p.TS >= q.Span.From && p.TS <= q.Span.To {
				out[i] = append(out[i], p)
			}
		}
		if q.Span.Desc {
			slices.Reverse(out[i])
		}
		if n := q.Span.Limit; n > 0 && len(out[i]) > n {
			out[i] = out[i][:n]
		}
	}
	return out, nil
}

func (s *naiveStore) Counts(_ context.Context, keys []series.Key) ([]int, error) {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = s.Card(k)
	}
	return out, nil
}

func (s *naiveStore) HourSums(context.Context, int64, []series.Key) ([]store.Sum, error) {
	return nil, nil
}

func (s *naiveStore) Digests(context.Context, series.Period, func(series.Key, store.Digest) error) error {
	return nil
}

func (s *naiveStore) Periods(context.Context) ([]series.Period, error) { return nil, nil }

func (s *naiveStore) Cursor(context.Context, string) (c store.Cursor, err error) { return c, nil }

func (s *naiveStore) Marks(context.Context, string, []string) ([]store.Mark, error) { return nil, nil }

func (s *naiveStore) Floor(context.Context) (series.Period, error) { return s.floor, nil }
func (s *naiveStore) Remote() bool                                 { return false }
func (s *naiveStore) Close() error                                 { return nil }

func (s *naiveStore) Drop(_ context.Context, floor series.Period) (n int, err error) {
	s.floor = floor
	for name := range s.keys {
		if k, _ := s.layout.ParseKey([]byte(name)); k.Period < floor {
			delete(s.keys, name)
			delete(s.scores, name)
			n++
		}
	}
	return n, nil
}

func (s *naiveStore) Stats(context.Context) (store.Stats, error) {
	return store.Stats{Series: len(s.keys)}, nil
}

func (s *naiveStore) AppendRank(dst []series.Point, k series.Key, start, stop int) []series.Point {
	return append(dst, s.keys[s.name(k)][start:stop+1]...)
}

func (s *naiveStore) Card(k series.Key) int { return len(s.keys[s.name(k)]) }

func (s *naiveStore) ScanKeys(cursor uint64, n int) (keys []series.Key, next uint64) {
	names := make([]string, 0, len(s.keys))
	for name := range s.keys {
		names = append(names, name)
	}
	sort.Strings(names)
	for i := cursor; i < uint64(len(names)); i++ {
		if len(keys) == n {
			return keys, i
		}
		k, _ := s.layout.ParseKey([]byte(names[i]))
		keys = append(keys, k)
	}
	return keys, 0
}

func (s *naiveStore) KeyBytes(k series.Key) int64 { return int64(64 * s.Card(k)) }
