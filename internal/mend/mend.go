package mend

import (
	"bytes"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Store is a store in memory that can rewrite a key.
type Store interface {
	store.Local
	// Walk calls fn for each series with points in a period, from an id on, until it gives false.
	Walk(p series.Period, from uint32, fn func(id uint32, name []byte) bool)
	// Claim gives the digest that was kept of the points of a key, and the seed of its series.
	Claim(k series.Key) (d store.Digest, seriesSeed uint64)
	// Rewrite makes points all that a key has; d is their digest. It reports false when there is no room.
	Rewrite(k series.Key, points []series.Point, d store.Digest) bool
}

// Verify reads all of about n points of a period, from a place on, and gives the keys whose points are not those that
// their digests stand for, and the place to go on from, 0 at the end.
func Verify(st Store, p series.Period, from uint32, n int) (damaged []series.Key, next uint32) {
	names, next := some(st, p, from, func(name []byte) bool {
		if n <= 0 {
			return false
		}
		n -= st.Card(key(p, name)) + 1
		return true
	})
	for _, name := range names {
		if k := key(p, name); !Whole(st, k) {
			damaged = append(damaged, k)
		}
	}
	return damaged, next
}

// Whole says that the points of a key are those that its digest stands for.
func Whole(st Store, k series.Key) bool {
	claim, seed := st.Claim(k)
	return held(st, k, seed) == claim
}

// some gives the names of series of a period, from a place on, as long as take says so; the next place is 0 at the end.
func some(st Store, p series.Period, from uint32, take func(name []byte) bool) (names [][]byte, next uint32) {
	st.Walk(p, from, func(id uint32, name []byte) bool {
		if !take(name) {
			next = id
			return false
		}
		names = append(names, bytes.Clone(name))
		return true
	})
	return names, next
}

func key(p series.Period, name []byte) series.Key {
	k, err := series.ParseSeries(name)
	if err != nil {
		panic("BUG: mend: a series that does not parse: " + err.Error())
	}
	k.Period = p
	return k
}

// held gives the digest of the points that a key really has.
func held(st Store, k series.Key, seed uint64) (d store.Digest) {
	var sum store.Summer
	each(st, k, func(pt series.Point) { sum.Add(&d, seed, pt) })
	return d
}

// each reads the points of a key. Their bytes are good until fn returns.
func each(st Store, k series.Key, fn func(pt series.Point)) {
	v := st.Open(k)
	if v == nil {
		return
	}
	v.Seek(0, v.Len(), false)
	for b := v.Next(); len(b.Rows) > 0; b = v.Next() {
		for _, r := range b.Rows {
			fn(b.Point(r))
		}
	}
}

// Replace puts points, in order and without duplicates, in the place of all that a key has, and says whether it did: it
// does if they are those that the key's digest stands for. Which of some unsure ones it had the digest says too.
func Replace(st Store, k series.Key, points, unsure []series.Point) bool {
	unsure = slices.SortedFunc(slices.Values(unsure), series.Compare)
	isUnsure := func(pt series.Point) bool {
		_, found := slices.BinarySearchFunc(unsure, pt, series.Compare)
		return found
	}
	claim, seed := st.Claim(k)
	var sum store.Summer
	c := choice{want: claim}
	base := store.Digest{} // of those that are sure
	for _, pt := range points {
		if !isUnsure(pt) {
			sum.Add(&base, seed, pt)
			continue
		}
		var d store.Digest
		sum.Add(&d, seed, pt)
		c.of = append(c.of, d)
	}
	if claim.Points == 0 || !c.find(0, base) {
		return false
	}
	had := make([]series.Point, 0, claim.Points)
	n := 0 // of those that are unsure
	for _, pt := range points {
		picked := true
		if isUnsure(pt) {
			_, picked = slices.BinarySearch(c.picked, n)
			n++
		}
		if picked {
			had = append(had, pt)
		}
	}
	return st.Rewrite(k, had, claim)
}

// mostTries bounds how many ways to choose are tried: some milliseconds.
const mostTries = 100_000

// choice finds out which digests of some make a sum.
type choice struct {
	want   store.Digest
	of     []store.Digest
	picked []int // of them, ascending
	tries  int
}

// find tries the digests from one on, beside a sum.
func (c *choice) find(from int, sum store.Digest) bool {
	missing := c.want.Points - sum.Points
	if missing == 0 {
		return sum == c.want
	}
	for i := from; missing > 0 && missing <= int64(len(c.of)-i) && c.tries < mostTries; i++ {
		c.tries++
		with := sum
		with.Add(c.of[i])
		c.picked = append(c.picked, i)
		if c.find(i+1, with) {
			return true
		}
		c.picked = c.picked[:len(c.picked)-1]
	}
	return false
}

// Piece is some series of a period.
type Piece struct {
	Period series.Period
	From   uint32 // the place to begin at
	Series int    // at most
}

// names gives the names of a piece, and the place to go on from, 0 at the end.
func (p Piece) names(st Store) (names [][]byte, next uint32) {
	n := p.Series
	return some(st, p.Period, p.From, func([]byte) bool { n--; return n >= 0 })
}

// Dead says which points of a series are to go, nil where all stay.
type Dead func(name []byte) func(ts int64) bool

// Remove takes the dead points of a piece out. It gives how many went, and the place to go on from, 0 at the end.
func Remove(st Store, p Piece, dead Dead) (removed int, next uint32) {
	names, next := p.names(st)
	for _, name := range names {
		if gone := dead(name); gone != nil {
			removed += remove(st, key(p.Period, name), gone)
		}
	}
	return removed, next
}

// Count counts what Remove would take out, and in how many keys.
func Count(st Store, p Piece, dead Dead) (keys, points int, next uint32) {
	names, next := p.names(st)
	for _, name := range names {
		if gone := dead(name); gone != nil {
			before := points
			each(st, key(p.Period, name), func(pt series.Point) {
				if gone(pt.TS) {
					points++
				}
			})
			if points > before {
				keys++
			}
		}
	}
	return keys, points, next
}

// remove takes points out of one key.
func remove(st Store, k series.Key, gone func(ts int64) bool) (removed int) {
	var keep []series.Point
	var d store.Digest
	var sum store.Summer
	claim, seed := st.Claim(k)
	each(st, k, func(pt series.Point) {
		if gone(pt.TS) {
			removed++
			return
		}
		pt.Value = slices.Clone(pt.Value)
		keep = append(keep, pt)
		sum.Add(&d, seed, pt)
	})
	if removed == 0 || d == claim || !st.Rewrite(k, keep, d) {
		return 0
	}
	return removed
}
