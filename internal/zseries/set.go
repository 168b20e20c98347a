package zseries

import (
	"math"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Set is a series in a store in memory. It is valid as long as its View; a member handed to a function is valid until
// the function returns.
type Set struct {
	store.View
	first, last int64 // ms, of the period

	member []byte // scratch
}

// Reset makes s the key that is open in v, of a period from first to last (ms).
func (v *Set) Reset(view store.View, first, last int64) {
	v.View, v.first, v.last = view, first, last
}

// Card is the number of members.
func (v *Set) Card() int { return v.Len() }

// Score is the score of a member, false when it is not there.
func (v *Set) Score(member []byte) (float64, bool) {
	if _, ok := v.Rank(member); !ok {
		return 0, false
	}
	p, _ := series.ParseMember(member)
	return series.Score(p.TS), true
}

// Rank is the number of members before this one, false when it is not there. It looks through the members of one
// instant.
func (v *Set) Rank(member []byte) (int, bool) {
	p, err := series.ParseMember(member)
	if err != nil {
		return 0, false
	}
	rank := v.Before(p.TS)
	v.Seek(rank, v.Len(), false)
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		for _, r := range b.Rows {
			switch order := series.Compare(b.Point(r), p); {
			case order == 0:
				return rank, true
			case order > 0:
				return 0, false
			}
			rank++
		}
	}
	return 0, false
}

// Search counts the members before the first one for which before is false. It reads one member per step: only ranges
// of members need it, which mean little on a series.
func (v *Set) Search(before func(member []byte, score float64) bool) int {
	lo, hi := 0, v.Len()
	for lo < hi {
		mid := (lo + hi) / 2
		after := false
		v.Each(mid, mid+1, false, func(member []byte, score float64) { after = !before(member, score) })
		if after {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Each calls fn for ranks lo to hi, hi not included, highest first if desc.
func (v *Set) Each(lo, hi int, desc bool, fn func(member []byte, score float64)) {
	v.Seek(lo, hi, desc)
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		for _, r := range b.Rows {
			v.member = series.AppendMember(v.member[:0], b.Point(r))
			fn(v.member, series.Score(r.TS))
		}
	}
}

// Scores gives the ranks of a range of scores, hi not included. It turns the range into one of time, whose bounds the
// store finds without looking at the points between.
func (v *Set) Scores(r keyspace.ScoreRange) (lo, hi int) {
	lo = v.Before(v.firstMillis(r.Min, r.Below))
	hi = v.Before(v.firstMillis(r.Max, r.Reaches))
	return lo, max(lo, hi)
}

// firstMillis is the first instant of the period that is not before, and the one after the period when there is none;
// before is true up to about bound, in seconds, and false from there on.
func (v *Set) firstMillis(bound float64, before func(score float64) bool) int64 {
	first, end := v.first, v.last+1
	ts := first
	if guess := math.Floor(bound * 1000); guess >= float64(end) {
		ts = end
	} else if guess > float64(first) {
		ts = int64(guess)
	}
	for ts > first && !before(series.Score(ts-1)) {
		ts--
	}
	for ts < end && before(series.Score(ts)) {
		ts++
	}
	return ts
}

// Scan calls fn for n members from the cursor on and gives the next cursor, 0 at the end. It goes by rank. A series
// only grows: a member moves up while others are inserted before it, so it may be given twice but not missed.
func (v *Set) Scan(cursor uint64, n int, fn func(member []byte, score float64)) (next uint64) {
	if cursor >= uint64(v.Len()) {
		return 0
	}
	lo := int(cursor)
	hi := lo + min(n, v.Len()-lo)
	v.Each(lo, hi, false, fn)
	if hi == v.Len() {
		return 0
	}
	return uint64(hi)
}
