package storetest

import (
	"context"
	"crypto/sha1"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// NaiveConfig is what a naive store is made of.
type NaiveConfig struct {
	Layout  series.Layout
	Cluster string
	Epoch   string
	Clock   func() time.Time
	// Newest, if set, is the newest timestamp (ms) of a key that was put in behind the store's back, -1 = none.
	Newest func(key string) int64
}

// naive is a store of maps and sorted slices. It has one owner, as the engine has.
type naive struct {
	cfg     NaiveConfig
	sets    map[string][]series.Point // by key, in the order of a sorted set
	order   []string                  // keys in the order of their first point, for ScanKeys
	journal map[string]int64
	late    map[string]int64
	score   int64
	cursors map[string]store.Cursor
	marks   map[[2]string]store.Mark // by peer and key
	floor   series.Period
}

// NewNaive makes an empty store of maps and sorted slices.
func NewNaive(cfg NaiveConfig) store.Local {
	return &naive{
		cfg: cfg, sets: map[string][]series.Point{}, journal: map[string]int64{}, late: map[string]int64{},
		cursors: map[string]store.Cursor{}, marks: map[[2]string]store.Mark{},
	}
}

func (n *naive) key(k series.Key) string { return string(n.cfg.Layout.AppendKey(nil, k)) }

func (n *naive) parse(key string) series.Key {
	k, err := n.cfg.Layout.ParseKey([]byte(key))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return k
}

func (n *naive) tick() int64 {
	n.score = max(n.score+1, n.cfg.Clock().UnixMicro())
	return n.score
}

// Unite implements store.Store.
func (n *naive) Unite(_ context.Context, groups []store.Group, o store.Origin) error {
	for i := range groups {
		g := &groups[i]
		g.Added = 0
		key := n.key(g.Key)
		set, was := n.sets[key]
		newest := int64(-1)
		if len(set) > 0 {
			newest = set[len(set)-1].TS
		}
		if n.cfg.Newest != nil {
			newest = max(newest, n.cfg.Newest(key))
		}
		hours := map[int64]bool{}
		for _, p := range g.Points {
			at, found := slices.BinarySearchFunc(set, p, series.Compare)
			if found {
				continue
			}
			p.Value = slices.Clone(p.Value)
			set = slices.Insert(set, at, p)
			g.Added++
			if p.TS < newest-store.LateAfter {
				hours[p.TS/hourMillis] = true
			}
		}
		if g.Added == 0 {
			continue
		}
		if !was {
			n.order = append(n.order, key)
		}
		n.sets[key] = set
		n.journal[key] = n.tick()
		for h := range hours {
			n.late[LateKey(key, h)] = n.tick()
		}
	}
	if o.Peer != "" {
		if o.Cursor != nil {
			n.cursors[o.Peer] = *o.Cursor
			if o.Cursor.Epoch == "" {
				maps.DeleteFunc(n.marks, func(of [2]string, _ store.Mark) bool { return of[0] == o.Peer })
			}
		}
		for k, m := range o.Marks {
			n.marks[[2]string{o.Peer, k}] = m
		}
	}
	return nil
}

func (n *naive) Epoch(context.Context) (string, error) { return n.cfg.Epoch, nil }

func (n *naive) Heads(context.Context) (journal, late int64, err error) {
	for _, s := range n.journal {
		journal = max(journal, s)
	}
	for _, s := range n.late {
		late = max(late, s)
	}
	return journal, late, nil
}

func changes(m map[string]int64, from int64, limit int) []store.Change {
	var out []store.Change
	for k, s := range m {
		if s >= from {
			out = append(out, store.Change{Key: k, Score: s})
		}
	}
	slices.SortFunc(out, func(a, b store.Change) int { return int(a.Score - b.Score) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

func (n *naive) Changes(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return changes(n.journal, from, limit), nil
}

func (n *naive) LateChanges(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return changes(n.late, from, limit), nil
}

func (n *naive) Ranges(_ context.Context, queries []store.RangeQuery) ([][]series.Point, error) {
	out := make([][]series.Point, len(queries))
	for i, q := range queries {
		out[i] = Select(n.sets[n.key(q.Key)], q.Span)
	}
	return out, nil
}

func (n *naive) Counts(_ context.Context, keys []series.Key) ([]int, error) {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = n.Card(k)
	}
	return out, nil
}

func (n *naive) HourSums(_ context.Context, hour int64, keys []series.Key) ([]store.Sum, error) {
	out := make([]store.Sum, len(keys))
	for i, k := range keys {
		out[i] = HourSum(n.sets[n.key(k)], hour)
	}
	return out, nil
}

func (n *naive) Digests(_ context.Context, p series.Period, fn func(series.Key, store.Digest) error) error {
	for key, set := range n.sets {
		if k := n.parse(key); k.Period == p {
			if err := fn(k, DigestOf(n.cfg.Cluster, k, set)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *naive) Periods(context.Context) ([]series.Period, error) {
	var out []series.Period
	for key := range n.sets {
		out = append(out, n.parse(key).Period)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (n *naive) Cursor(_ context.Context, peer string) (store.Cursor, error) {
	return n.cursors[peer], nil
}

func (n *naive) Marks(_ context.Context, peer string, keys []string) ([]store.Mark, error) {
	out := make([]store.Mark, len(keys))
	for i, k := range keys {
		out[i] = n.marks[[2]string{peer, k}]
	}
	return out, nil
}

func (n *naive) Floor(context.Context) (series.Period, error) { return n.floor, nil }

func (n *naive) Drop(_ context.Context, floor series.Period) (int, error) {
	n.floor = max(n.floor, floor)
	below := func(key string) bool { return n.parse(key).Period < n.floor }
	keys := 0
	for key := range n.sets {
		if below(key) {
			delete(n.sets, key)
			delete(n.journal, key)
			keys++
		}
	}
	for key := range n.late {
		if below(key[:strings.LastIndexByte(key, '#')]) {
			delete(n.late, key)
		}
	}
	for pk := range n.marks {
		if below(pk[1]) {
			delete(n.marks, pk)
		}
	}
	return keys, nil
}

func (n *naive) Stats(context.Context) (store.Stats, error) {
	st := store.Stats{Series: len(n.sets), PerPeriod: map[string]int64{}}
	for key, set := range n.sets {
		k := n.parse(key)
		st.Points += int64(len(set))
		st.Bytes += n.KeyBytes(k)
		st.PerPeriod[n.cfg.Layout.PeriodString(k.Period)] += n.KeyBytes(k)
	}
	return st, nil
}

func (n *naive) Remote() bool { return false }
func (n *naive) Close() error { return nil }

func (n *naive) Card(k series.Key) int { return len(n.sets[n.key(k)]) }

func (n *naive) ScanKeys(cursor uint64, count int) (keys []series.Key, next uint64) {
	seen := map[string]bool{} // a key dropped and written again stands in order twice
	for i := int(cursor); i < len(n.order); i++ {
		if len(keys) >= count {
			return keys, uint64(i)
		}
		key := n.order[i]
		if _, ok := n.sets[key]; ok && !seen[key] {
			seen[key] = true
			keys = append(keys, n.parse(key))
		}
	}
	return keys, 0
}

func (n *naive) KeyBytes(k series.Key) int64 {
	size := int64(0)
	for _, p := range n.sets[n.key(k)] {
		size += 40 + int64(len(p.Value))
	}
	return size
}

const hourMillis = int64(time.Hour / time.Millisecond)

// LateKey is how the late journal names an hour (since 1970) of a key.
func LateKey(key string, hour int64) string {
	return key + "#" + time.UnixMilli(hour*hourMillis).UTC().Format("2006-01-02T15")
}

// Select gives what a Span selects of points that are in the order of a sorted set.
func Select(set []series.Point, sp store.Span) []series.Point {
	var out []series.Point
	for _, p := range set {
		if p.TS >= sp.From && p.TS <= sp.To {
			out = append(out, clone(p))
		}
	}
	if sp.Desc {
		slices.Reverse(out)
	}
	if sp.Limit > 0 && len(out) > sp.Limit {
		out = out[:sp.Limit]
	}
	return out
}

// HourSum is the SHA-1 that HourSums must give for points that are in the order of a sorted set.
func HourSum(set []series.Point, hour int64) store.Sum {
	var text []byte
	for _, p := range set {
		if p.TS/hourMillis == hour {
			text = append(series.AppendMember(text, p), '\n')
		}
	}
	if text == nil {
		return store.Sum{}
	}
	return sha1.Sum(text)
}

// DigestOf is the digest that Digests must give for the points of a key.
func DigestOf(cluster string, k series.Key, set []series.Point) store.Digest {
	seed := store.SeriesSeed(store.DigestSeed(cluster), k.Series)
	var d store.Digest
	for _, p := range set {
		d.AddPoint(seed, p)
	}
	return d
}

func clone(p series.Point) series.Point {
	p.Value = slices.Clone(p.Value)
	return p
}

// Put implements store.Local.
func (n *naive) Put(puts []store.Put) {
	for i := range puts {
		p := &puts[i]
		if p.Err != nil {
			continue
		}
		k, err := series.ParseSeries(p.Series)
		if err != nil {
			p.Err, p.BadKey = err, true
			continue
		}
		k.Period = p.Period
		g := []store.Group{{Key: k, Points: []series.Point{p.Point()}}}
		p.Err = n.Unite(context.Background(), g, store.Origin{})
		p.Added = g[0].Added > 0
	}
}

// States implements store.Stater.
func (n *naive) States(_ context.Context, keys []series.Key) ([]store.State, error) {
	out := make([]store.State, len(keys))
	for i, k := range keys {
		if set := n.sets[n.key(k)]; len(set) > 0 {
			d := DigestOf(n.cfg.Cluster, k, set)
			out[i] = store.State{Hi: d.Hi, Lo: d.Lo, Newest: set[len(set)-1]}
		}
	}
	return out, nil
}

// Lacks implements store.Stater: it compares every point that may be told of.
func (n *naive) Lacks(_ context.Context, keys []series.Key, told []store.State) ([]store.Lack, error) {
	out := make([]store.Lack, len(keys))
	for i, k := range keys {
		if set := n.sets[n.key(k)]; len(set) > 0 {
			seed := store.SeriesSeed(store.DigestSeed(n.cfg.Cluster), k.Series)
			out[i] = DigestOf(n.cfg.Cluster, k, set).Lack(seed, set[len(set)-1], told[i])
		}
	}
	return out, nil
}
