package grid

import (
	"math"
	"slices"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Buckets is into how many parts the series of a shard are divided.
const Buckets = 256

// Sums are the digests of the parts of an hour.
type Sums [Buckets]store.Digest

// Bucket gives the part of a series, by its SeriesSeed.
func Bucket(seriesSeed uint64) byte { return byte(seriesSeed) }

// Grid is the digests of a shard. It has one owner.
type Grid struct {
	cluster uint64    // key of all digests
	periods []*period // lowest first
	last    *period   // that was used last
}

// New makes the Grid of an empty store; cluster is the name of the flock.
func New(cluster string) *Grid { return &Grid{cluster: store.DigestSeed(cluster)} }

// period is one period.
type period struct {
	id     series.Period
	filled uint32 // the points of series with lower ids are in it
	hours  []hour
	last   int // of hours, the one that was used last
}

// hour is one hour.
type hour struct {
	hour int64 // since 1970
	sums *Sums
}

// full is what filled is when all points are in.
const full = math.MaxUint32

// Begin says that a period gets its first point. loading: points of it may come as whole chunks.
func (g *Grid) Begin(p series.Period, loading bool) {
	if g == nil {
		return
	}
	if at := g.at(p); !loading && len(at.hours) == 0 {
		at.filled = full
	}
}

// at gives a period, which is made if need be.
func (g *Grid) at(id series.Period) *period {
	if g.last != nil && g.last.id == id {
		return g.last
	}
	i, ok := slices.BinarySearchFunc(g.periods, id, func(p *period, id series.Period) int { return int(p.id - id) })
	if !ok {
		g.periods = slices.Insert(g.periods, i, &period{id: id})
	}
	g.last = g.periods[i]
	return g.last
}

// at gives the sums of an hour, which are made if need be.
func (p *period) at(h int64) *Sums {
	if p.last < len(p.hours) && p.hours[p.last].hour == h {
		return p.hours[p.last].sums
	}
	i, ok := slices.BinarySearchFunc(p.hours, h, func(a hour, h int64) int { return int(a.hour - h) })
	if !ok {
		p.hours = slices.Insert(p.hours, i, hour{h, new(Sums)})
	}
	p.last = i
	return p.hours[i].sums
}

// Point is a point that is new.
type Point struct {
	Period series.Period
	ID     uint32 // of its series
	Seed   uint64 // the series' SeriesSeed
	TS     int64  // ms
	Digest store.Digest
}

// Add adds a point that is new.
func (g *Grid) Add(pt Point) {
	if g == nil {
		return
	}
	if p := g.at(pt.Period); pt.ID < p.filled {
		p.at(pt.TS / store.HourMillis)[Bucket(pt.Seed)].Add(pt.Digest)
	}
}

// Forget says that a period has points now that Add was not told.
func (g *Grid) Forget(id series.Period) {
	if g != nil {
		*g.at(id) = period{id: id}
	}
}

// Drop forgets the periods below a floor.
func (g *Grid) Drop(floor series.Period) {
	if g == nil {
		return
	}
	g.last = nil
	g.periods = slices.DeleteFunc(g.periods, func(p *period) bool { return p.id < floor })
}

// Size is the memory it holds, bytes.
func (g *Grid) Size() (n int64) {
	if g == nil {
		return 0
	}
	for _, p := range g.periods {
		n += int64(unsafe.Sizeof(*p)) + int64(len(p.hours))*int64(unsafe.Sizeof(Sums{}))
	}
	return n
}

// HourDigest stands for all points of an hour.
type HourDigest struct {
	Hour int64 // since 1970
	store.Digest
}

// Hours gives the hours that have points, the latest first. ok is false while there is something to Fill.
func (g *Grid) Hours() (hours []HourDigest, ok bool) {
	for _, p := range slices.Backward(g.periods) {
		if p.filled != full {
			return nil, false
		}
		for _, h := range slices.Backward(p.hours) {
			sum := HourDigest{Hour: h.hour}
			for _, d := range h.sums {
				sum.Add(d)
			}
			hours = append(hours, sum)
		}
	}
	return hours, true
}

// Hour gives the parts of an hour of a period. ok is false while there is something to Fill.
func (g *Grid) Hour(id series.Period, h int64) (sums Sums, ok bool) {
	for _, p := range g.periods {
		if p.id != id {
			continue
		}
		for _, a := range p.hours {
			if a.hour == h {
				sums = *a.sums
			}
		}
		return sums, p.filled == full
	}
	return sums, true
}
