package edict

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/dunlin-db/dunlin/internal/series"
)

// Tomb says that points are forgotten: those of a host, or of one series, with From ≤ ts ≤ To, in one period.
type Tomb struct {
	Period   series.Period
	Host     bool   // Name is a host, as it stands in keys: all its series
	Name     string // else host:metric
	From, To int64  // ms
}

// MostTombs is how many a Set has.
const MostTombs = 10_000

// ErrTooMany: there are as many tombstones as there may be.
var ErrTooMany = errors.New("the flock has 10,000 tombstones, which is the most: " +
	"forget hosts, not single series, or wait until their periods are dropped")

// Set is what was dropped and forgotten. A nil Set is empty.
type Set struct {
	dropped series.Period // everything below it was dropped by hand; 0 = nothing
	tombs   []Tomb        // in order
	hash    uint64
	places  map[place][]Tomb // of tombs
	periods map[series.Period]int
}

// place is where a Tomb is looked for.
type place struct {
	period series.Period
	host   bool
	name   string
}

func (t Tomb) place() place { return place{t.Period, t.Host, t.Name} }

func compare(a, b Tomb) int {
	host := func(t Tomb) int {
		if t.Host {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(host(a), host(b)), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To))
}

// build makes a Set. A tomb that lies within another of its place is left out.
func build(dropped series.Period, tombs []Tomb) *Set {
	slices.SortFunc(tombs, compare)
	s := &Set{dropped: dropped, places: map[place][]Tomb{}, periods: map[series.Period]int{}}
	for _, t := range tombs {
		at := s.places[t.place()]
		if n := len(at); n > 0 && at[n-1].To >= t.To { // it begins no earlier
			continue
		}
		s.places[t.place()] = append(at, t)
		s.tombs = append(s.tombs, t)
		s.periods[t.Period]++
	}
	if len(s.tombs) > 0 || dropped > 0 {
		s.hash = xxhash.Sum64(s.Append(nil))
	}
	return s
}

// Dropped is the period below which everything was dropped by hand, 0 = none.
func (s *Set) Dropped() series.Period {
	if s == nil {
		return 0
	}
	return s.dropped
}

// Tombs gives all tombs, in order. They are the Set's.
func (s *Set) Tombs() []Tomb {
	if s == nil {
		return nil
	}
	return s.tombs
}

// Hash is another number for another Set, 0 for an empty one.
func (s *Set) Hash() uint64 {
	if s == nil {
		return 0
	}
	return s.hash
}

// With gives the Set that has what another says too. The error is ErrTooMany.
func (s *Set) With(o *Set) (*Set, error) {
	n := build(max(s.Dropped(), o.Dropped()), slices.Concat(s.Tombs(), o.Tombs()))
	if len(n.tombs) > MostTombs {
		return nil, ErrTooMany
	}
	return n, nil
}

// Of makes a Set of one edict: a drop, or tombs.
func Of(dropped series.Period, tombs ...Tomb) *Set { return build(dropped, slices.Clone(tombs)) }

// Below gives the Set without the tombs of periods below a floor.
func (s *Set) Below(floor series.Period) *Set {
	if len(s.Tombs()) == 0 || s.tombs[0].Period >= floor {
		return s
	}
	return build(s.dropped, slices.DeleteFunc(slices.Clone(s.tombs), func(t Tomb) bool { return t.Period < floor }))
}

// Any says whether anything of a period is forgotten.
func (s *Set) Any(p series.Period) bool { return s != nil && s.periods[p] > 0 }

// Periods gives those of which something is forgotten.
func (s *Set) Periods() []series.Period {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.periods))
}

// Of gives the tombs that a series of a period has, none mostly.
func (s *Set) Of(p series.Period, name []byte) []Tomb {
	if !s.Any(p) {
		return nil
	}
	host, _, _ := bytes.Cut(name, []byte(":"))
	byName, byHost := s.places[place{p, false, string(name)}], s.places[place{p, true, string(host)}]
	if len(byHost) == 0 {
		return byName
	}
	return append(slices.Clip(byName), byHost...)
}

// Dead says whether a point is forgotten.
func (s *Set) Dead(p series.Period, name []byte, ts int64) bool {
	return s.Any(p) && Within(s.Of(p, name), ts)
}

// Within says whether a time lies within one of some tombs.
func Within(tombs []Tomb, ts int64) bool {
	for _, t := range tombs {
		if t.From <= ts && ts <= t.To {
			return true
		}
	}
	return false
}
