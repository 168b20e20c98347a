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
	"github.com/dunlin-db/dunlin/internal/store"
)

// zview is a sorted set to read from: a plain key, a series, or a journal. It is valid until the call returns. A
// member handed to a function is valid until the function returns.
type zview interface {
	// Card is the number of members.
	Card() int
	// Score is the score of a member.
	Score(member []byte) (float64, bool)
	// Search counts the members before the first one for which before is false; before must be true for a prefix.
	Search(before func(member []byte, score float64) bool) int
	// Scores gives the ranks of a range of scores, hi not included.
	Scores(r keyspace.ScoreRange) (lo, hi int)
	// Rank is the number of members before this one, false when it is not there.
	Rank(member []byte) (int, bool)
	// Each calls fn for ranks lo to hi, hi not included, highest first if desc.
	Each(lo, hi int, desc bool, fn func(member []byte, score float64))
	// Scan calls fn for about n members from the cursor on and gives the next cursor, 0 at the end.
	Scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64)
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

// searchScores is scores by search.
func searchScores(z zview, r keyspace.ScoreRange) (lo, hi int) {
	lo = z.Search(func(_ []byte, score float64) bool { return r.Below(score) })
	hi = z.Search(func(_ []byte, score float64) bool { return r.Reaches(score) })
	return lo, max(lo, hi)
}

// lexSpan gives the ranks of a range of members; as in Redis it means something only where all scores are equal.
func lexSpan(z zview, r keyspace.LexRange) (lo, hi int) {
	lo = z.Search(func(member []byte, _ float64) bool { return r.Below(member) })
	hi = z.Search(func(member []byte, _ float64) bool { return r.Reaches(member) })
	return lo, max(lo, hi)
}

// searchRank is rank by search.
func searchRank(z zview, member []byte) (int, bool) {
	score, ok := z.Score(member)
	if !ok {
		return 0, false
	}
	return z.Search(func(m []byte, s float64) bool {
		return s < score || s == score && bytes.Compare(m, member) < 0
	}), true
}

// plainView is the sorted set of a plain key.
type plainView struct{ z *keyspace.ZSet }

func (v plainView) Card() int { return v.z.Len() }

func (v plainView) Score(member []byte) (float64, bool) { return v.z.Score(member) }

func (v plainView) Search(before func(member []byte, score float64) bool) int {
	return sort.Search(v.z.Len(), func(i int) bool {
		e := v.z.At(i)
		return !before([]byte(e.Member), e.Score)
	})
}

func (v plainView) Scores(r keyspace.ScoreRange) (lo, hi int) { return searchScores(v, r) }

func (v plainView) Rank(member []byte) (int, bool) { return searchRank(v, member) }

func (v plainView) Each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
	v.z.Each(lo, hi, desc, func(e keyspace.Entry) { fn([]byte(e.Member), e.Score) })
}

func (v plainView) Scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64) {
	return v.z.Scan(cursor, n, func(e keyspace.Entry) { fn([]byte(e.Member), e.Score) })
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

func (v *journalView) Card() int { return len(v.entries()) }

func (v *journalView) Score(member []byte) (float64, bool) {
	for _, e := range v.entries() {
		if e.Key == string(member) {
			return float64(e.Score), true
		}
	}
	return 0, false
}

func (v *journalView) Search(before func(member []byte, score float64) bool) int {
	e := v.entries()
	return sort.Search(len(e), func(i int) bool { return !before([]byte(e[i].Key), float64(e[i].Score)) })
}

func (v *journalView) Scores(r keyspace.ScoreRange) (lo, hi int) { return searchScores(v, r) }

func (v *journalView) Rank(member []byte) (int, bool) { return searchRank(v, member) }

func (v *journalView) Each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
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
	lo, hi := q.window(v.Scores(q.ScoreRange))
	v.Each(lo, hi, q.desc, fn)
}

// scan gives everything at once: scores rise all the time, so no cursor would stay in place.
func (v *journalView) Scan(_ uint64, _ int, fn func(member []byte, score float64)) (next uint64) {
	v.Each(0, v.Card(), false, fn)
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
