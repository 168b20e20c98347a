package fleet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
)

// kind is how a metric moves.
type kind uint8

const (
	walk    kind = iota // random walk within 0..max, up to ± step a tick
	zeroes              // a walk that is 0 nine times out of ten
	fixed               // never changes
	counter             // grows by up to step a tick
	latency             // uniform ± 40 % around max
	uptime              // grows by the tick's length
	rare                // a counter that grows about once in 200 ticks
	float               // a walk of 17-digit floats; the value is its bits
	sum                 // a counter of 17-digit floats; the value is its bits
)

// metric is one entry of the mix. Numbers are in units of 10^-digits.
type metric struct {
	name   string
	kind   kind
	digits int
	max    int64
	step   int64
	unit   int64 // values are multiples of it; 0 = 1
	rests  int64 // moves once in about so many ticks; 0 = always
}

const page = 4096

// mix is the standard mix: 3 percentages and a mostly-zero one, 3 loads, 2 page-multiple gauges, 2 constants, a slow
// percentage, 2 byte counters, a packet and a request counter, a latency, a small integer, uptime, a rare counter.
var mix = [...]metric{
	{name: "cpu.user", kind: walk, digits: 2, max: 100_00, step: 4_00},
	{name: "cpu.system", kind: walk, digits: 2, max: 100_00, step: 4_00},
	{name: "cpu.iowait", kind: walk, digits: 2, max: 100_00, step: 4_00},
	{name: "cpu.steal", kind: zeroes, digits: 2, max: 100_00, step: 4_00},
	{name: "load.1", kind: walk, digits: 2, max: 16_00, step: 20},
	{name: "load.5", kind: walk, digits: 2, max: 16_00, step: 20},
	{name: "load.15", kind: walk, digits: 2, max: 16_00, step: 20},
	{name: "memory.used", kind: walk, max: 64 << 30, step: 16 << 20, unit: page},
	{name: "memory.cached", kind: walk, max: 64 << 30, step: 4 << 20, unit: page},
	{name: "memory.total", kind: fixed, max: 64 << 30},
	{name: "cpu.count", kind: fixed, max: 16},
	{name: "disk.root.used_percent", kind: walk, digits: 1, max: 100_0, step: 1},
	{name: "net.rx_bytes", kind: counter, step: 50_000_000},
	{name: "net.tx_bytes", kind: counter, step: 50_000_000},
	{name: "net.rx_packets", kind: counter, step: 40_000},
	{name: "http.requests", kind: counter, step: 2_000},
	{name: "http.latency_ms", kind: latency, digits: 2, max: 25_00},
	{name: "processes.running", kind: walk, max: 12, step: 1},
	{name: "uptime", kind: uptime, max: 40_000_000},
	{name: "net.errors", kind: rare},
}

// PerHost is the number of metrics of every mix.
const PerHost = len(mix)

// Config says what a fleet is.
type Config struct {
	Seed           uint64
	Hosts, Metrics int
	Tick           int // seconds between two calls of Step
	Mix            Mix // "" = Standard
}

// Fleet is some hosts with their present values. Goroutines may share it if each has hosts of its own.
type Fleet struct {
	metrics []metric
	hosts   []state
	tick    int64 // seconds
	values  []int64
}

type state struct {
	rng rand.PCG
}

// New makes hosts with the first metrics of the mix, which repeats under numbered names beyond PerHost.
func New(cfg Config) *Fleet {
	f := &Fleet{tick: int64(cfg.Tick), hosts: make([]state, cfg.Hosts), values: make([]int64, cfg.Hosts*cfg.Metrics)}
	for i := range cfg.Metrics {
		m := cfg.Mix.metric(i % PerHost)
		if i >= PerHost {
			m.name = fmt.Sprintf("%s.%d", m.name, i/PerHost+1)
		}
		f.metrics = append(f.metrics, m)
	}
	for h := range f.hosts {
		f.hosts[h].rng.Seed(cfg.Seed, uint64(h))
		for i, m := range f.metrics {
			f.values[h*cfg.Metrics+i] = f.start(&f.hosts[h].rng, m)
		}
	}
	return f
}

// Hosts is the number of hosts.
func (f *Fleet) Hosts() int { return len(f.hosts) }

// Metrics is the number of metrics of each host.
func (f *Fleet) Metrics() int { return len(f.metrics) }

// Name is the name of metric i.
func (f *Fleet) Name(i int) string { return f.metrics[i].name }

// Step moves all metrics of a host on by one tick.
func (f *Fleet) Step(host int) {
	rng := &f.hosts[host].rng
	values := f.values[host*len(f.metrics):]
	for i := range f.metrics {
		values[i] = f.next(rng, &f.metrics[i], values[i])
	}
}

// AppendValue appends the present value of a metric.
func (f *Fleet) AppendValue(dst []byte, host, metric int) []byte {
	m, v := &f.metrics[metric], f.values[host*len(f.metrics)+metric]
	if m.kind == float || m.kind == sum {
		return strconv.AppendFloat(dst, math.Float64frombits(uint64(v)), 'f', -1, 64)
	}
	return appendDecimal(dst, v, m.digits)
}

// Late says, by the host's own dice, that a point carries a timestamp one second after the tick: 3 in 100 do.
func (f *Fleet) Late(host int) bool { return below(&f.hosts[host].rng, 100) < 3 }

func (f *Fleet) start(rng *rand.PCG, m metric) int64 {
	switch m.kind {
	case fixed, latency:
		return m.max
	case walk:
		unit := max(m.unit, 1)
		return below(rng, m.max/unit+1) * unit
	case uptime:
		return below(rng, m.max)
	case counter:
		return below(rng, 1000*m.step)
	case float, sum:
		return int64(math.Float64bits(unit(rng) * float64(m.max)))
	}
	return 0
}

func (f *Fleet) next(rng *rand.PCG, m *metric, v int64) int64 {
	if m.rests > 0 && below(rng, m.rests) > 0 {
		return v
	}
	switch m.kind {
	case walk:
		unit := max(m.unit, 1)
		v += (below(rng, 2*m.step/unit+1) - m.step/unit) * unit
		return min(max(v, 0), m.max/unit*unit)
	case zeroes:
		if below(rng, 10) > 0 {
			return 0
		}
		return below(rng, m.step+1)
	case counter:
		return v + below(rng, m.step+1)
	case latency:
		return m.max*6/10 + below(rng, m.max*8/10+1)
	case uptime:
		return v + f.tick
	case rare:
		if below(rng, 200) == 0 {
			return v + 1
		}
	case float:
		x := math.Float64frombits(uint64(v)) + (2*unit(rng)-1)*float64(m.step)
		return int64(math.Float64bits(min(max(x, 0), float64(m.max))))
	case sum:
		return int64(math.Float64bits(math.Float64frombits(uint64(v)) + unit(rng)*float64(m.step)))
	}
	return v
}

// below gives 0 ≤ x < n; n is small against 2^64, so the remainder's bias does not matter here.
func below(rng *rand.PCG, n int64) int64 { return int64(rng.Uint64()>>1) % n }

// unit gives 0 ≤ x < 1 with all 53 bits of a float at random.
func unit(rng *rand.PCG) float64 { return float64(rng.Uint64()>>11) / (1 << 53) }

// appendDecimal appends v·10^-digits without zeros at the end. v is not negative.
func appendDecimal(dst []byte, v int64, digits int) []byte {
	for digits > 0 && v%10 == 0 {
		v /= 10
		digits--
	}
	if digits == 0 {
		return strconv.AppendInt(dst, v, 10)
	}
	div := int64(1)
	for range digits {
		div *= 10
	}
	dst = append(strconv.AppendInt(dst, v/div, 10), '.')
	for rest := v % div; div > 1; {
		div /= 10
		dst = append(dst, byte('0'+rest/div%10))
	}
	return dst
}
