package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // sums of hours are no signatures
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
)

// keysWhere lists the journalled series keys of some periods.
func (r *Redis) keysWhere(ctx context.Context, want func(series.Period) bool) ([]string, error) {
	const page = 4096
	var out []string
	for from := int64(0); ; {
		part, err := r.Changes(ctx, from, page)
		if err != nil {
			return nil, err
		}
		for _, ch := range part {
			if k, err := r.cfg.Layout.ParseKey([]byte(ch.Key)); err == nil && want(k.Period) {
				out = append(out, ch.Key)
			}
			from = ch.Score + 1
		}
		if len(part) < page {
			break
		}
	}
	slices.Sort(out) // a key that was written meanwhile is met twice
	return slices.Compact(out), nil
}

// Periods gives the periods of the journalled keys.
func (r *Redis) Periods(ctx context.Context) ([]series.Period, error) {
	seen := map[series.Period]bool{}
	_, err := r.keysWhere(ctx, func(p series.Period) bool {
		seen[p] = true
		return false
	})
	if err != nil {
		return nil, err
	}
	out := make([]series.Period, 0, len(seen))
	for p := range seen {
		out = append(out, p)
	}
	slices.Sort(out)
	return out, nil
}

// digestKeys is how many whole keys Digests reads at a time.
const digestKeys = 16

// Digests reads every key of a period, a few at a time.
func (r *Redis) Digests(ctx context.Context, p series.Period, fn func(k series.Key, d Digest) error) error {
	keys, err := r.keysWhere(ctx, func(q series.Period) bool { return p == q })
	if err != nil {
		return err
	}
	for start := 0; start < len(keys); start += digestKeys {
		part := keys[start:min(start+digestKeys, len(keys))]
		queries := make([]RangeQuery, len(part))
		for i, key := range part {
			k, err := r.cfg.Layout.ParseKey([]byte(key))
			if err != nil {
				return err
			}
			queries[i] = RangeQuery{Key: k, Span: All}
		}
		points, err := r.Ranges(ctx, queries)
		if err != nil {
			return err
		}
		for i, pts := range points {
			if len(pts) == 0 {
				continue
			}
			var d Digest
			seed := SeriesSeed(r.seed, queries[i].Key.Series)
			for _, pt := range pts {
				d.AddPoint(seed, pt)
			}
			if err := fn(queries[i].Key, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// sumKeys is how many keys one HourSums script call reads.
const sumKeys = 64

// HourSums lets the process sum what is plain, and computes the rest here.
func (r *Redis) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]Sum, error) {
	out := make([]Sum, len(keys))
	first, last := journal.HourSpan(hour)
	lo, hi := spanTexts(first, last)
	var odd []int
	for start := 0; start < len(keys); start += sumKeys {
		end := min(start+sumKeys, len(keys))
		names := make([]string, 0, sumKeys)
		for _, k := range keys[start:end] {
			names = append(names, string(r.cfg.Layout.AppendKey(nil, k)))
		}
		m, err := r.eval(ctx, journal.HourSums, names, []string{lo, hi})
		if err != nil {
			return nil, err
		}
		sums, err := m.AsStrSlice()
		if err != nil {
			return nil, wrap(err)
		}
		for i, s := range sums {
			if s == "?" {
				odd = append(odd, start+i)
			} else if err := out[start+i].parse(s); err != nil {
				return nil, err
			}
		}
	}
	return out, r.oddSums(ctx, hour, keys, odd, out)
}

// oddSums sums the hours with members that need the whole grammar.
func (r *Redis) oddSums(ctx context.Context, hour int64, keys []series.Key, odd []int, out []Sum) error {
	first, last := journal.HourSpan(hour)
	for start := 0; start < len(odd); start += digestKeys {
		part := odd[start:min(start+digestKeys, len(odd))]
		queries := make([]RangeQuery, len(part))
		for i, at := range part {
			queries[i] = RangeQuery{Key: keys[at], Span: Span{From: first, To: last}}
		}
		points, err := r.Ranges(ctx, queries)
		if err != nil {
			return err
		}
		for i, pts := range points {
			out[part[i]] = SumPoints(pts)
		}
	}
	return nil
}

// SumPoints is the Sum of the points of one hour of one key, in any order.
func SumPoints(pts []series.Point) Sum {
	if len(pts) == 0 {
		return Sum{}
	}
	if !slices.IsSortedFunc(pts, series.Compare) {
		pts = slices.Clone(pts)
		slices.SortFunc(pts, series.Compare)
	}
	h := sha1.New() //nolint:gosec // see above
	var buf [160]byte
	for _, p := range pts {
		h.Write(append(series.AppendMember(buf[:0], p), '\n'))
	}
	return Sum(h.Sum(nil))
}

// parse reads 40 hexadecimal digits, or nothing.
func (s *Sum) parse(text string) error {
	*s = Sum{}
	if text == "" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(s) {
		return fmt.Errorf("hour sum %q: want 40 hexadecimal digits", text)
	}
	copy(s[:], b)
	return nil
}

// SeedChanges reads the seed-style journal from an instant on, whatever the unit of its scores. The Score of a change
// is in µs.
func (r *Redis) SeedChanges(ctx context.Context, name string, fromMicros int64) ([]Change, error) {
	var out []Change
	for _, w := range journal.Windows(fromMicros) {
		m, err := r.c.one(ctx, "ZRANGEBYSCORE", name, scoreBound(w.From), scoreBound(w.To), "WITHSCORES")
		if err != nil {
			return nil, err
		}
		err = eachScored(m, func(member string, score float64) {
			out = append(out, Change{Key: member, Score: journal.Micros(score)})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scoreBound(f float64) string {
	if f > 1e17 {
		return "+inf"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// ScanSeries walks all keys of the process: it gives the series keys among about n from the cursor on, and the next
// cursor, 0 at the end.
func (r *Redis) ScanSeries(ctx context.Context, cursor uint64, n int) (live, dead []string, next uint64, err error) {
	m, err := r.c.one(ctx, "SCAN", strconv.FormatUint(cursor, 10), "COUNT", strconv.Itoa(n), "TYPE", "zset")
	if err != nil {
		return nil, nil, 0, err
	}
	e, err := m.AsScanEntry()
	if err != nil {
		return nil, nil, 0, wrap(err)
	}
	floor, err := r.Floor(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	for _, key := range e.Elements {
		k, err := r.cfg.Layout.ParseKey([]byte(key))
		switch {
		case err != nil:
		case k.Period < floor:
			dead = append(dead, key)
		default:
			live = append(live, key)
		}
	}
	return live, dead, e.Cursor, nil
}
