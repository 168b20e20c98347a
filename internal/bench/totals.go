package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// totals gathers what the connections of one round report.
type totals struct {
	mu       sync.Mutex // protects what follows
	points   int64      // sent and answered, the repeated not among them
	repeated int64
	added    int64 // as the server counts
	errors   int64
	first    string // error reply
	late     time.Duration
	batches  *hdrhistogram.Histogram
}

func newTotals() *totals { return &totals{batches: newHistogram()} }

// newHistogram is for microseconds up to a minute, to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

// record notes a latency; what is longer than a minute counts as a minute.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), 60_000_000)) // within bounds, so it can not fail
}

func (t *totals) done(s *sent, r *reply, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.points += int64(s.Points)
	t.repeated += int64(s.Repeated)
	t.added += r.number
	t.errors += int64(r.refused)
	if t.first == "" {
		t.first = r.refusal
	}
	if t.batches != nil {
		record(t.batches, took)
	}
}

func (t *totals) behind(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = max(t.late, d)
}

// sent is the number of points so far, the repeated among them.
func (t *totals) sent() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.points + t.repeated
}

// round gives what was measured; cpu is the server's, in seconds.
func (t *totals) round(seconds, cpu float64) Round {
	r := Round{
		Points: t.points, Repeated: t.repeated, Added: t.added, Errors: t.errors, FirstError: t.first,
		Seconds: seconds, CPUSeconds: cpu, BehindMillis: float64(t.late.Microseconds()) / 1000,
		Batch: quantiles(t.batches),
	}
	if n := float64(t.points + t.repeated); n > 0 {
		r.PointsPerSecond, r.CPUPerMillion = n/seconds, cpu/n*1e6
	}
	return r
}

// Quantiles are latencies in microseconds.
type Quantiles struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	Max float64 `json:"max_us"`
}

func quantiles(h *hdrhistogram.Histogram) Quantiles {
	return Quantiles{
		P50: float64(h.ValueAtQuantile(50)), P99: float64(h.ValueAtQuantile(99)), Max: float64(h.Max()),
	}
}
