package store

import (
	"context"
	"math"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/series"
)

// How many commands go into one pipeline, and how many points into one script call, so that neither side holds much
// memory and no call blocks the other end for long.
const (
	pipeline    = 128
	scriptKeys  = 128
	scriptItems = 2000
)

// boundText writes the score half a ms below ts: a score is the instant it rounds to.
func boundText(tsMillis int64, exclusive bool) string {
	b := make([]byte, 0, 24)
	if exclusive {
		b = append(b, '(')
	}
	half := tsMillis*2 - 1 // in half ms
	b = strconv.AppendInt(b, half/2000, 10)
	frac := half % 2000 * 5 // in tenths of µs·1000: four digits of a second
	b = append(b, '.', byte('0'+frac/1000), byte('0'+frac/100%10), byte('0'+frac/10%10), byte('0'+frac%10))
	return string(b)
}

// spanTexts gives min and max of ZRANGEBYSCORE for From ≤ ts ≤ To in ms.
func spanTexts(from, to int64) (lo, hi string) {
	lo, hi = "-inf", "+inf"
	if from > 0 {
		lo = boundText(from, false)
	}
	switch {
	case to < 0:
		hi = "(0"
	case to < math.MaxInt64/4:
		hi = boundText(to+1, true)
	}
	return lo, hi
}

// rangeCommand is a RangeQuery as a command of Redis.
func rangeCommand(l series.Layout, q RangeQuery) []string {
	key := string(l.AppendKey(nil, q.Key))
	lo, hi := spanTexts(q.Span.From, q.Span.To)
	cmd := []string{"ZRANGEBYSCORE", key, lo, hi, "WITHSCORES"}
	if q.Span.Desc {
		cmd = []string{"ZREVRANGEBYSCORE", key, hi, lo, "WITHSCORES"}
	}
	if q.Span.Limit > 0 {
		cmd = append(cmd, "LIMIT", "0", strconv.Itoa(q.Span.Limit))
	}
	return cmd
}

// readPoints reads members with scores. Members that can not be points of their key are left out and counted.
func readPoints(l series.Layout, p series.Period, m rueidis.RedisMessage) (pts []series.Point, foreign int, err error) {
	all, err := m.ToArray()
	if err != nil {
		return nil, 0, wrap(err)
	}
	size := 0
	for i := 0; i+1 < len(all); i += 2 {
		s, _ := all[i].ToString()
		size += len(s)
	}
	arena := make([]byte, 0, size)
	pts = make([]series.Point, 0, len(all)/2)
	for i := 0; i+1 < len(all); i += 2 {
		s, err := all[i].ToString()
		if err != nil {
			return nil, 0, wrap(err)
		}
		score, err := all[i+1].AsFloat64()
		if err != nil {
			return nil, 0, wrap(err)
		}
		start := len(arena)
		arena = append(arena, s...)
		pt, err := series.ParseMember(arena[start:len(arena):len(arena)])
		if err != nil || !series.ScoreIs(score, pt.TS) || l.PeriodOf(pt.TS) != p {
			foreign++
			continue
		}
		pts = append(pts, pt)
	}
	return pts, foreign, nil
}

// ranges asks for points in bounded pipelines.
func (c *conn) ranges(ctx context.Context, l series.Layout, qs []RangeQuery) ([][]series.Point, int, error) {
	out := make([][]series.Point, 0, len(qs))
	foreign := 0
	for start := 0; start < len(qs); start += pipeline {
		part := qs[start:min(start+pipeline, len(qs))]
		cmds := make([][]string, len(part))
		for i, q := range part {
			cmds[i] = rangeCommand(l, q)
		}
		replies, err := c.do(ctx, cmds...)
		if err != nil {
			return nil, foreign, err
		}
		for i, r := range replies {
			m, err := r.ToMessage()
			if wrap(err) != nil {
				return nil, foreign, wrap(err)
			}
			pts, n, err := readPoints(l, part[i].Key.Period, m)
			if err != nil {
				return nil, foreign, err
			}
			foreign += n
			out = append(out, pts)
		}
	}
	return out, foreign, nil
}

// ints asks for integers in bounded pipelines.
func (c *conn) ints(ctx context.Context, n int, cmd func(i int) []string) ([]int, error) {
	out := make([]int, 0, n)
	for start := 0; start < n; start += pipeline {
		var cmds [][]string
		for i := start; i < min(start+pipeline, n); i++ {
			cmds = append(cmds, cmd(i))
		}
		replies, err := c.do(ctx, cmds...)
		if err != nil {
			return nil, err
		}
		for _, r := range replies {
			v, err := r.AsInt64()
			if wrap(err) != nil {
				return nil, wrap(err)
			}
			out = append(out, int(v))
		}
	}
	return out, nil
}

// counts asks for ZCARD.
func (c *conn) counts(ctx context.Context, l series.Layout, keys []series.Key) ([]int, error) {
	return c.ints(ctx, len(keys), func(i int) []string {
		return []string{"ZCARD", string(l.AppendKey(nil, keys[i]))}
	})
}

// changes reads a journal.
func (c *conn) changes(ctx context.Context, name string, from int64, limit int) ([]Change, error) {
	m, err := c.one(ctx, changesCommand(name, from, limit)...)
	if err != nil {
		return nil, err
	}
	return readChanges(m)
}

func changesCommand(name string, from int64, limit int) []string {
	cmd := []string{"ZRANGEBYSCORE", name, strconv.FormatInt(from, 10), "+inf", "WITHSCORES"}
	if limit > 0 {
		cmd = append(cmd, "LIMIT", "0", strconv.Itoa(limit))
	}
	return cmd
}

func readChanges(m rueidis.RedisMessage) ([]Change, error) {
	var out []Change
	err := eachScored(m, func(member string, score float64) {
		out = append(out, Change{Key: member, Score: int64(score)})
	})
	return out, err
}

// eachScored calls fn with the members and scores of a reply to WITHSCORES.
func eachScored(m rueidis.RedisMessage, fn func(member string, score float64)) error {
	all, err := m.ToArray()
	if err != nil {
		return wrap(err)
	}
	for i := 0; i+1 < len(all); i += 2 {
		member, err := all[i].ToString()
		if err != nil {
			return wrap(err)
		}
		score, err := all[i+1].AsFloat64()
		if err != nil {
			return wrap(err)
		}
		fn(member, score)
	}
	return nil
}

// TailQuery asks for the end of a key: the points from From on, and how many lie in Base ≤ ts ≤ From.
type TailQuery struct {
	Key        series.Key
	Base, From int64 // ms
	Limit      int   // of points, 0 = all
}

// Tailer is a Reader that can tell cheaply whether anything but the end of a key has changed.
type Tailer interface {
	Reader
	// Tails gives per query the number of points in Base ≤ ts ≤ From, and then the points with ts ≥ From. A number
	// may count foreign members too: it is never too low.
	Tails(ctx context.Context, queries []TailQuery) (counts []int, points [][]series.Point, err error)
}

// Poller is a Reader that answers Epoch, Changes and LateChanges in one round trip. The epoch is read first. The
// changes mean nothing when it is not the one that the cursors belong to. The changes of the journal may come with the
// State of their keys, read after the journal.
type Poller interface {
	Reader
	Poll(ctx context.Context, journalFrom, lateFrom int64, limit int) (epoch string, list, late []Change, err error)
}

func (c *conn) tails(ctx context.Context, l series.Layout, qs []TailQuery) ([]int, [][]series.Point, int, error) {
	counts := make([]int, 0, len(qs))
	points := make([][]series.Point, 0, len(qs))
	foreign := 0
	for start := 0; start < len(qs); start += pipeline / 2 {
		part := qs[start:min(start+pipeline/2, len(qs))]
		cmds := make([][]string, 0, 2*len(part))
		for _, q := range part {
			lo, hi := spanTexts(q.Base, q.From)
			cmds = append(cmds, []string{"ZCOUNT", string(l.AppendKey(nil, q.Key)), lo, hi},
				rangeCommand(l, RangeQuery{Key: q.Key, Span: Span{From: q.From, To: All.To, Limit: q.Limit}}))
		}
		replies, err := c.do(ctx, cmds...)
		if err != nil {
			return nil, nil, foreign, err
		}
		for i := range part {
			n, err := replies[2*i].AsInt64()
			if wrap(err) != nil {
				return nil, nil, foreign, wrap(err)
			}
			m, err := replies[2*i+1].ToMessage()
			if wrap(err) != nil {
				return nil, nil, foreign, wrap(err)
			}
			pts, f, err := readPoints(l, part[i].Key.Period, m)
			if err != nil {
				return nil, nil, foreign, err
			}
			foreign += f
			counts, points = append(counts, int(n)), append(points, pts)
		}
	}
	return counts, points, foreign, nil
}
