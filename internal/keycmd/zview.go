package keycmd

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// zview is a sorted set to read from: a plain key, a series, or a journal. It is valid until the call returns. A
// member handed to a function is valid until the function returns.
type zview interface {
	// card is the number of members.
	card() int
	// score is the score of a member.
	score(member []byte) (float64, bool)
	// search counts the members before the first one for which before is false; before must be true for a prefix.
	search(before func(member []byte, score float64) bool) int
	// each calls fn for ranks lo to hi, hi not included, highest first if desc.
	each(lo, hi int, desc bool, fn func(member []byte, score float64))
	// byScore calls fn for the members with scores in the range, at most limit (negative = all) after the first
	// offset, highest first if desc.
	byScore(q scoreQuery, fn func(member []byte, score float64))
	// scan calls fn for about n members from the cursor on and gives the next cursor, 0 at the end.
	scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64)
}

type scoreQuery struct {
	keyspace.ScoreRange
	desc          bool
	offset, limit int64 // a negative offset selects nothing, a negative limit everything
}

// window cuts ranks lo to hi to the query's offset and limit.
func (q scoreQuery) window(lo, hi int) (int, int) {
	n := int64(hi - lo)
	if q.offset < 0 || q.offset >= n {
		return lo, lo
	}
	n -= q.offset
	if q.limit >= 0 {
		n = min(n, q.limit)
	}
	if q.desc {
		hi -= int(q.offset)
		return hi - int(n), hi
	}
	lo += int(q.offset)
	return lo, lo + int(n)
}

// scoreSpan gives the ranks of a range of scores.
func scoreSpan(z zview, r keyspace.ScoreRange) (lo, hi int) {
	lo = z.search(func(_ []byte, score float64) bool { return r.Below(score) })
	hi = z.search(func(_ []byte, score float64) bool { return r.Reaches(score) })
	return lo, max(lo, hi)
}

// lexSpan gives the ranks of a range of members; as in Redis it means something only where all scores are equal.
func lexSpan(z zview, r keyspace.LexRange) (lo, hi int) {
	lo = z.search(func(member []byte, _ float64) bool { return r.Below(member) })
	hi = z.search(func(member []byte, _ float64) bool { return r.Reaches(member) })
	return lo, max(lo, hi)
}

// rank is the number of members before this one.
func rank(z zview, member []byte) (int, bool) {
	score, ok := z.score(member)
	if !ok {
		return 0, false
	}
	return z.search(func(m []byte, s float64) bool {
		return s < score || s == score && bytes.Compare(m, member) < 0
	}), true
}

// plainView is the sorted set of a plain key.
type plainView struct{ z *keyspace.ZSet }

func (v plainView) card() int { return v.z.Len() }

func (v plainView) score(member []byte) (float64, bool) { return v.z.Score(member) }

func (v plainView) search(before func(member []byte, score float64) bool) int {
	return sort.Search(v.z.Len(), func(i int) bool {
		e := v.z.At(i)
		return !before([]byte(e.Member), e.Score)
	})
}

func (v plainView) each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
	v.z.Each(lo, hi, desc, func(e keyspace.Entry) { fn([]byte(e.Member), e.Score) })
}

func (v plainView) byScore(q scoreQuery, fn func(member []byte, score float64)) {
	lo, hi := q.window(scoreSpan(v, q.ScoreRange))
	v.each(lo, hi, q.desc, fn)
}

func (v plainView) scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64) {
	return v.z.Scan(cursor, n, func(e keyspace.Entry) { fn([]byte(e.Member), e.Score) })
}

// seriesView is a series in an in-memory store.
type seriesView struct {
	c  *Call
	st store.Local
	k  series.Key
	n  int // its card

	points []series.Point // scratch
	member []byte         // scratch
}

func (v *seriesView) card() int { return v.n }

func (v *seriesView) score(member []byte) (float64, bool) {
	p, err := series.ParseMember(member)
	if err != nil {
		return 0, false
	}
	for _, q := range v.ranges(store.Span{From: p.TS, To: p.TS}) {
		if series.Compare(p, q) == 0 {
			return series.Score(p.TS), true
		}
	}
	return 0, false
}

func (v *seriesView) ranges(s store.Span) []series.Point {
	got, err := v.st.Ranges(v.c.Ctx, []store.RangeQuery{{Key: v.k, Span: s}})
	if err != nil || len(got) == 0 { // a store in memory has no way to fail
		return nil
	}
	return got[0]
}

func (v *seriesView) search(before func(member []byte, score float64) bool) int {
	return sort.Search(v.n, func(i int) bool {
		v.points = v.st.AppendRank(v.points[:0], v.k, i, i)
		return !v.call(v.points[0], before)
	})
}

func (v *seriesView) call(p series.Point, fn func(member []byte, score float64) bool) bool {
	v.member = series.AppendMember(v.member[:0], p)
	return fn(v.member, series.Score(p.TS))
}

func (v *seriesView) emit(points []series.Point, fn func(member []byte, score float64)) {
	for _, p := range points {
		v.member = series.AppendMember(v.member[:0], p)
		fn(v.member, series.Score(p.TS))
	}
}

func (v *seriesView) each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
	if lo >= hi {
		return
	}
	v.points = v.st.AppendRank(v.points[:0], v.k, lo, hi-1)
	if desc {
		slices.Reverse(v.points)
	}
	v.emit(v.points, fn)
}

// byScore asks the store for the span of time, so that only the chunks it covers are decoded.
func (v *seriesView) byScore(q scoreQuery, fn func(member []byte, score float64)) {
	first, last := v.c.Topology.Layout.Span(v.k.Period)
	s := store.Span{From: firstMillis(q.ScoreRange, first, last), To: lastMillis(q.ScoreRange, first, last), Desc: q.desc}
	if s.From > s.To || q.limit == 0 || q.offset < 0 || q.offset >= int64(v.n) {
		return
	}
	if q.limit > 0 {
		s.Limit = int(q.offset + min(q.limit, int64(v.n)))
	}
	points := v.ranges(s)
	if q.offset < int64(len(points)) {
		v.emit(points[q.offset:], fn)
	}
}

// firstMillis is the first instant of the period first..last that is not below the range; last+1 when there is none.
func firstMillis(r keyspace.ScoreRange, first, last int64) int64 {
	n := sort.Search(int(last-first+1), func(i int) bool { return !r.Below(series.Score(first + int64(i))) })
	return first + int64(n)
}

// lastMillis is the last instant of the period that the range reaches; first−1 when there is none.
func lastMillis(r keyspace.ScoreRange, first, last int64) int64 {
	n := sort.Search(int(last-first+1), func(i int) bool { return !r.Reaches(series.Score(first + int64(i))) })
	return first + int64(n) - 1
}

// scan goes by rank. A series only grows: a member moves up while others are inserted before it, so it may be given
// twice but not missed.
func (v *seriesView) scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64) {
	if cursor >= uint64(v.n) {
		return 0
	}
	lo := int(cursor)
	hi := lo + min(n, v.n-lo)
	v.each(lo, hi, false, fn)
	if hi == v.n {
		return 0
	}
	return uint64(hi)
}

// journalView is a journal of the call's shards: a read-only sorted set of changed keys, the score µs.
type journalView struct {
	c    *Call
	late bool
	all  []store.Change // what is read, once loaded
	// loaded says that all is filled: with everything, or during byScore with what may be in its range.
	loaded bool
}

func (v *journalView) empty() bool {
	for _, s := range v.c.Slots {
		journal, late, err := s.Tx.Store.Heads(v.c.Ctx)
		v.failed(s, err)
		if err == nil && (!v.late && journal > 0 || v.late && late > 0) {
			return false
		}
	}
	return true
}

func (v *journalView) failed(s *Slot, err error) {
	if err != nil {
		v.c.Err = fmt.Errorf("UNAVAIL shard %d: %w", s.Shard.ID(), err)
	}
}

// changes merges the entries with score ≥ from of all shards, at most limit (0 = all), in the order of a sorted set.
// A key that strays on a second shard is there once, with its later score.
func (v *journalView) changes(from int64, limit int) []store.Change {
	var out []store.Change
	for _, s := range v.c.Slots {
		get := s.Tx.Store.Changes
		if v.late {
			get = s.Tx.Store.LateChanges
		}
		got, err := get(v.c.Ctx, from, limit)
		v.failed(s, err)
		out = append(out, got...)
	}
	if len(v.c.Slots) > 1 {
		slices.SortFunc(out, func(a, b store.Change) int {
			return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(b.Score, a.Score))
		})
		out = slices.CompactFunc(out, func(a, b store.Change) bool { return a.Key == b.Key })
	}
	slices.SortFunc(out, func(a, b store.Change) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), strings.Compare(a.Key, b.Key))
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

func (v *journalView) entries() []store.Change {
	if !v.loaded {
		v.all, v.loaded = v.changes(0, 0), true
	}
	return v.all
}

func (v *journalView) card() int { return len(v.entries()) }

func (v *journalView) score(member []byte) (float64, bool) {
	for _, e := range v.entries() {
		if e.Key == string(member) {
			return float64(e.Score), true
		}
	}
	return 0, false
}

func (v *journalView) search(before func(member []byte, score float64) bool) int {
	e := v.entries()
	return sort.Search(len(e), func(i int) bool { return !before([]byte(e[i].Key), float64(e[i].Score)) })
}

func (v *journalView) each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
	if lo >= hi {
		return
	}
	part := v.entries()[lo:hi]
	for i := range part {
		e := part[i]
		if desc {
			e = part[len(part)-1-i]
		}
		fn([]byte(e.Key), float64(e.Score))
	}
}

// byScore is the poll of every syncer: it reads only from the lower bound on.
func (v *journalView) byScore(q scoreQuery, fn func(member []byte, score float64)) {
	if !v.loaded && !q.desc && q.Max > 1<<62 && q.Min < 1<<62 && q.offset >= 0 && q.offset < 1<<30 {
		from := int64(max(q.Min, 0)) // rounded down: the window below is cut exactly
		if q.Below(float64(from)) {
			from++
		}
		limit := 0
		if q.limit > 0 {
			limit = int(q.offset + min(q.limit, 1<<30))
		}
		v.all, v.loaded = v.changes(from, limit), true
		defer func() { v.loaded = false }()
	}
	lo, hi := q.window(scoreSpan(v, q.ScoreRange))
	v.each(lo, hi, q.desc, fn)
}

// scan gives everything at once: scores rise all the time, so no cursor would stay in place.
func (v *journalView) scan(_ uint64, _ int, fn func(member []byte, score float64)) (next uint64) {
	v.each(0, v.card(), false, fn)
	return 0
}

// rows collects the members of a reply whose number is known only at its end.
type rows struct {
	w      resp.Writer
	n      int
	scores bool // WITHSCORES
	nested bool // RESP3: a pair each
}

func (c *Call) rows(scores bool) *rows {
	return &rows{w: resp.Writer{Proto: c.W.Proto}, scores: scores, nested: scores && c.W.Proto == 3}
}

func (r *rows) add(member []byte, score float64) {
	if r.nested {
		r.w.Array(2)
	}
	r.w.Bulk(member)
	r.n++
	if !r.scores {
		return
	}
	r.w.Double(score)
	if !r.nested {
		r.n++
	}
}

func (r *rows) reply(w *resp.Writer) {
	w.Array(r.n)
	w.Raw(r.w.Buf)
}
