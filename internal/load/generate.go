package load

import (
	"math"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// mostLate is how many ticks late a point may be sent.
const mostLate = 6

// point is one that is to be sent. value lies in memory of the generator and lives until the next unit.
type point struct {
	host, metric int32
	at           int64 // seconds
	value        []byte
	repeat       bool // sent before
}

// held is a point that is sent later than its tick.
type held struct {
	due          int32 // tick
	host, metric int32
	at           int64
	length       uint8
	repeat       bool
	value        [40]byte
}

// queue of held points that are all late by the same number of ticks: they come out in the order they went in.
type queue struct {
	items []held
	head  int
}

func (q *queue) push(h held) {
	if q.head > 1024 && 2*q.head > len(q.items) {
		q.items = append(q.items[:0], q.items[q.head:]...)
		q.head = 0
	}
	q.items = append(q.items, h)
}

// front gives the oldest, or nil.
func (q *queue) front() *held {
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		return nil
	}
	return &q.items[q.head]
}

// generator makes the points of some hosts, tick by tick. The same seed makes the same points, however many
// generators divide the hosts.
type generator struct {
	shape       *Shape
	fleet       *fleet.Fleet
	first, last int  // hosts; last is not included
	host, tick  int  // next
	until       int  // ticks
	drain       bool // after the last tick, what is held back is sent
	sameSecond  bool // all points of a host's tick have one timestamp
	late, dup   uint64

	queues [mostLate + 1]queue // late by i+1 ticks; the last: repeated a tick later
	points []point
	text   []byte
}

func newGenerator(shape *Shape, f *fleet.Fleet, form Form) *generator {
	return &generator{
		shape: shape, fleet: f, sameSecond: form == MADD, late: threshold(shape.Late), dup: threshold(shape.Dup),
	}
}

// second is the time of a tick.
func (g *generator) second(tick int) int64 { return g.shape.Start.Unix() + int64(tick)*g.interval() }

func (g *generator) interval() int64 { return int64(g.shape.Interval / time.Second) }

// threshold is the share as a bound for 32 random bits.
func threshold(share float64) uint64 { return uint64(math.Round(share * (1 << 32))) }

// unit gives the points that one host sends at one tick: its own, then those held back that are due. Without any it
// is done. It allocates nothing once its buffers have grown.
func (g *generator) unit() []point {
	g.points, g.text = g.points[:0], g.text[:0]
	for len(g.points) == 0 {
		if g.tick >= g.until {
			if g.drain {
				g.leftovers()
			}
			break
		}
		g.own()
		if g.late+g.dup > 0 {
			for i := range g.queues {
				for h := g.queues[i].front(); h != nil && int(h.due) == g.tick && int(h.host) == g.host; {
					g.take(&g.queues[i])
					h = g.queues[i].front()
				}
			}
		}
		if g.host++; g.host == g.last {
			g.host = g.first
			g.tick++
		}
	}
	return g.points
}

// own moves the host on and adds its points of this tick, but for those it holds back.
func (g *generator) own() {
	g.ownNow()
	if g.late+g.dup == 0 {
		return
	}
	kept := g.points[:0]
	for i := range g.points {
		if g.send(&g.points[i]) {
			kept = append(kept, g.points[i])
		}
	}
	g.points = kept
}

// ownNow moves the host on and adds all its points of this tick.
func (g *generator) ownNow() {
	g.fleet.Step(g.host)
	tick := g.second(g.tick)
	at := tick
	for m := range g.shape.Metrics {
		late := g.fleet.Late(g.host)
		if !g.sameSecond || m == 0 {
			at = tick
			if late && tick%86400 < 86399 {
				at++
			}
		}
		begin := len(g.text)
		g.text = g.fleet.AppendValue(g.text, g.host, m)
		g.points = append(g.points, point{host: int32(g.host), metric: int32(m), at: at, value: g.text[begin:]})
	}
}

// send decides whether a point is sent now; it notes what is sent later.
func (g *generator) send(p *point) bool {
	h := held{host: p.host, metric: p.metric, at: p.at, length: uint8(len(p.value))}
	if copy(h.value[:], p.value) < len(p.value) {
		return true
	}
	dice := MixBits(g.shape.Seed ^ MixBits(uint64(p.host)<<32|uint64(p.metric)) ^ MixBits(uint64(g.tick)+1<<60))
	switch low := dice & math.MaxUint32; {
	case low < g.late:
		by := int(dice>>32%mostLate) + 1
		h.due = int32(g.tick + by)
		g.queues[by-1].push(h)
		return false
	case low < g.late+g.dup:
		h.due, h.repeat = int32(g.tick+1), true
		g.queues[mostLate].push(h)
	}
	return true
}

// take adds the front of a queue to the unit.
func (g *generator) take(q *queue) {
	h := q.front()
	q.head++
	begin := len(g.text)
	g.text = append(g.text, h.value[:h.length]...)
	g.points = append(g.points, point{
		host: h.host, metric: h.metric, at: h.at, value: g.text[begin:], repeat: h.repeat,
	})
}

// leftovers adds what one host still holds back, up to a tick's worth.
func (g *generator) leftovers() {
	for i := range g.queues {
		q := &g.queues[i]
		for h := q.front(); h != nil && len(g.points) < g.shape.Metrics; h = q.front() {
			if len(g.points) > 0 && h.host != g.points[0].host {
				return
			}
			g.take(q)
		}
	}
}

// MixBits is the finalizer of splitmix64: every bit of x moves half the bits of the result.
func MixBits(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
