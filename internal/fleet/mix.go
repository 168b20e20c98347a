package fleet

import (
	"fmt"
	"slices"
	"strings"
)

// Mix is how the metrics of a fleet move. All mixes have the same names.
type Mix string

// The mixes. Figures of different mixes say nothing about each other.
const (
	Standard Mix = "standard" // what agents send: decimals, counters, a few constants
	Floats   Mix = "floats"   // every metric a float of full precision, 15 to 17 digits
	Idle     Mix = "idle"     // hosts that do nothing: a metric moves once in about 100 ticks, only uptime always
	Integers Mix = "integers" // the standard mix in whole numbers
)

// Mixes are all of them.
var Mixes = []Mix{Standard, Floats, Idle, Integers}

// ParseMix reads a mix's name.
func ParseMix(name string) (Mix, error) {
	if !slices.Contains(Mixes, Mix(name)) {
		var names []string
		for _, m := range Mixes {
			names = append(names, string(m))
		}
		return "", fmt.Errorf("mix %q: want one of %s", name, strings.Join(names, ", "))
	}
	return Mix(name), nil
}

// idleRests is how rarely a metric of an idle host moves, in ticks.
const idleRests = 100

// metric gives the i-th metric of a mix, made from the standard one.
func (x Mix) metric(i int) metric {
	m := mix[i]
	scale := int64(1)
	for range m.digits {
		scale *= 10
	}
	switch x {
	case Floats:
		return m.float(scale)
	case Idle:
		if m.kind != uptime {
			m.rests = idleRests
		}
	case Integers:
		m.digits, m.max = 0, m.max/scale
		if m.step > 0 {
			m.step = max(m.step/scale, 1)
		}
	}
	return m
}

// float is the metric as a float that moves as far: gauges walk, what grows is a sum.
func (m metric) float(scale int64) metric {
	out := metric{name: m.name, kind: float, max: max(m.max/scale, 1), step: max(m.step/scale, 1)}
	switch m.kind {
	case counter, uptime, rare:
		out.kind, out.max = sum, 1000*out.step
	}
	return out
}
