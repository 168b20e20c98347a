package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

const testDay = int64(1795305600000) // 2026-11-22T00:00:00Z in ms

func newStore() *Store {
	return New(Config{Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: time.Now})
}

// gauge makes the values of one series: the kinds that hosts write, in the text that agents write.
type gauge struct {
	kind int
	rng  *rand.Rand
	f    float64
	n    int64
	buf  []byte
}

const kinds = 10

func newGauge(i int) *gauge {
	return &gauge{kind: i % kinds, rng: rand.New(rand.NewPCG(uint64(i), 7)), f: 50, n: 1_000_000}
}

func (g *gauge) next() []byte {
	walk := func(step, top float64) float64 {
		g.f = min(max(g.f+step*g.rng.NormFloat64(), 0), top)
		return g.f
	}
	g.buf = g.buf[:0]
	decimals := func(f float64, n int) []byte {
		g.buf = strconv.AppendFloat(g.buf, f, 'f', n, 64)
		return g.buf
	}
	switch g.kind {
	case 0:
		g.n = 16384
	case 1: // a state that flips
		if g.rng.IntN(100) == 0 {
			g.n ^= 1
		}
	case 2: // a walk in integers
		return decimals(walk(1, 100), 0)
	case 3: // temperature
		return decimals(walk(0.1, 90), 1)
	case 4: // load
		return decimals(walk(0.02, 60), 2)
	case 5: // CPU in percent
		return decimals(max(0, 50+5*g.rng.NormFloat64()), 2)
	case 6: // a counter that mostly rests
		if g.rng.IntN(10) == 0 {
			g.n += int64(g.rng.IntN(5))
		}
	case 7: // a steady counter
		g.n += int64(50 + 10*g.rng.NormFloat64())
	case 8: // octets
		g.n += int64(1.2e7 + 2e6*g.rng.NormFloat64())
	case 9: // memory in pages
		g.n = max(g.n&^4095+4096*int64(100*g.rng.NormFloat64()), 0)
	}
	g.buf = strconv.AppendInt(g.buf, g.n, 10)
	return g.buf
}

// fleet is a number of series that are written together, tick by tick, as one group each.
type fleet struct {
	gauges []*gauge
	groups []store.Group
	points []series.Point
}

func newFleet(from, n int) *fleet {
	f := &fleet{points: make([]series.Point, n)}
	for i := from; i < from+n; i++ {
		f.gauges = append(f.gauges, newGauge(i))
		k := storetest.Key(fmt.Sprintf("2026-11-22:web%04d.sfo:metric.%d", i/kinds, i%kinds))
		f.groups = append(f.groups, store.Group{Key: k})
	}
	return f
}

func (f *fleet) tick(tsMillis int64) []store.Group {
	for i, g := range f.gauges {
		f.points[i] = series.Point{TS: tsMillis, Value: g.next()}
		f.groups[i].Points = f.points[i : i+1]
	}
	return f.groups
}
