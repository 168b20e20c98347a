package shard

import "github.com/dunlin-db/dunlin/internal/series"

// verifier is a store that can find damage in its memory, and mend it.
type verifier interface {
	Verify(p series.Period, from uint32, points int, damaged func(k series.Key)) (next uint32)
	Replace(k series.Key, points []series.Point) bool
}

// verifyAtOnce is how many points are read under one lock, about: a millisecond.
const verifyAtOnce = 10_000

// Verify reads some points of a period, from a place on, and gives the keys whose memory is damaged, and the place to
// go on from, 0 at the end. A store that can not tell has no damage.
func (s *Shard) Verify(p series.Period, from uint32) (damaged []series.Key, next uint32) {
	v, ok := s.cfg.Store.(verifier)
	if !ok {
		return nil, 0
	}
	t := s.Begin()
	defer t.End()
	next = v.Verify(p, from, verifyAtOnce, func(k series.Key) { damaged = append(damaged, k) })
	return damaged, next
}

// Replace puts points, in order and without duplicates, in the place of those of a damaged key, if they are the ones
// that it had; false: they are not.
func (s *Shard) Replace(k series.Key, points []series.Point) bool {
	t := s.Begin()
	defer t.End()
	return s.cfg.Store.(verifier).Replace(k, points)
}
