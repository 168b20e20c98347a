package querytest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Memory is a shard in memory. The zero value is not usable: call New.
type Memory struct {
	layout series.Layout

	mu     sync.Mutex // protects what follows
	sets   map[string][]series.Point
	scores map[string]int64
	score  int64
	epoch  int
	err    error
}

// New makes an empty shard.
func New(l series.Layout) *Memory {
	return &Memory{layout: l, sets: map[string][]series.Point{}, scores: map[string]int64{}}
}

// Add puts members into the set of a key, as a writer or a merge would: one entry in the journal.
func (m *Memory) Add(key string, members ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.layout.ParseKey([]byte(key)); err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	grew := false
	for _, text := range members {
		p, err := series.ParseMember([]byte(text))
		if err != nil {
			return fmt.Errorf("member %q: %w", text, err)
		}
		i, found := slices.BinarySearchFunc(m.sets[key], p, series.Compare)
		if !found {
			m.sets[key] = slices.Insert(m.sets[key], i, p)
			grew = true
		}
	}
	if grew {
		m.score++
		m.scores[key] = m.score
	}
	return nil
}

// Drop forgets a period and what is older.
func (m *Memory) Drop(p series.Period) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := func(key string) bool {
		k, err := m.layout.ParseKey([]byte(key))
		return err == nil && k.Period <= p
	}
	maps.DeleteFunc(m.sets, func(key string, _ []series.Point) bool { return gone(key) })
	maps.DeleteFunc(m.scores, func(key string, _ int64) bool { return gone(key) })
}

// Lose forgets everything, as a process that starts again without its memory.
func (m *Memory) Lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.sets)
	clear(m.scores)
	m.score = 0
	m.epoch++
}

// Fail makes every call fail with err until it is nil again.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Epoch implements store.Reader.
func (m *Memory) Epoch(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint("epoch ", m.epoch), m.err
}

// Heads implements store.Reader.
func (m *Memory) Heads(context.Context) (journal, late int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.score, 0, m.err
}

// Changes implements store.Reader.
func (m *Memory) Changes(_ context.Context, from int64, limit int) ([]store.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Change
	for key, score := range m.scores {
		if score >= from {
			out = append(out, store.Change{Key: key, Score: score})
		}
	}
	slices.SortFunc(out, func(a, b store.Change) int { return cmp.Compare(a.Score, b.Score) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, m.err
}

// LateChanges implements store.Reader: there are none.
func (m *Memory) LateChanges(context.Context, int64, int) ([]store.Change, error) { return nil, nil }

// Ranges implements store.Reader.
func (m *Memory) Ranges(_ context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([][]series.Point, len(queries))
	for i, q := range queries {
		for _, p := range m.sets[string(m.layout.AppendKey(nil, q.Key))] {
			if p.TS >= q.Span.From && p.TS <= q.Span.To {
				out[i] = append(out[i], p)
			}
		}
		if q.Span.Desc {
			slices.Reverse(out[i])
		}
		if q.Span.Limit > 0 && len(out[i]) > q.Span.Limit {
			out[i] = out[i][:q.Span.Limit]
		}
	}
	return out, m.err
}

// Counts implements store.Reader.
func (m *Memory) Counts(_ context.Context, keys []series.Key) ([]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = len(m.sets[string(m.layout.AppendKey(nil, k))])
	}
	return out, m.err
}

var errNone = errors.New("querytest gives no digests")

// HourSums implements store.Reader: it fails.
func (m *Memory) HourSums(context.Context, int64, []series.Key) ([]store.Sum, error) {
	return nil, errNone
}

// Digests implements store.Reader: it fails.
func (m *Memory) Digests(context.Context, series.Period, func(series.Key, store.Digest) error) error {
	return errNone
}

// Periods implements store.Reader.
func (m *Memory) Periods(context.Context) ([]series.Period, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	set := map[series.Period]bool{}
	for key := range m.sets {
		if k, err := m.layout.ParseKey([]byte(key)); err == nil {
			set[k.Period] = true
		}
	}
	return slices.Sorted(maps.Keys(set)), m.err
}
