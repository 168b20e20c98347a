package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/load"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		if got := median(values); got != want {
			t.Errorf("median of %v: %v, want %v", values, got, want)
		}
	}
	f(0)
	f(3, 3)
	f(2, 1, 3)
	f(2, 3, 1, 2)
	f(2.5, 4, 1, 2, 3)
	f(5, 9, 5, 1, 5, 5)
}

func TestRatio(t *testing.T) {
	f := func(a, b float64, less bool, want float64) {
		t.Helper()
		if got := ratio(a, b, less); got != want {
			t.Errorf("ratio(%v, %v, %v) = %v, want %v", a, b, less, got, want)
		}
	}
	f(300, 100, false, 3)
	f(100, 300, true, 3)
	f(300, 100, true, 1.0/3)
	f(0, 100, true, 0)
	f(100, 0, false, 0)
	f(-5, 100, true, 0)
}

func TestQuantiles(t *testing.T) {
	h := newHistogram()
	for i := 1; i <= 1000; i++ {
		record(h, time.Duration(i)*time.Microsecond)
	}
	if got := quantiles(h); got.P50 != 500 || got.P99 != 990 || got.Max != 1000 {
		t.Errorf("%+v", got)
	}
	record(h, time.Hour)
	if got := quantiles(h).Max; got < 60e6 || got > 60.1e6 {
		t.Errorf("an hour counts as %v µs, want a minute", got)
	}
	if got := quantiles(newHistogram()); got != (Quantiles{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// sampleReport is a report of two servers, without any measuring.
func sampleReport() *Report {
	server := func(name string, factor float64) *ServerReport {
		s := &ServerReport{
			URL: "redis://" + name, Server: name, Form: load.ZADD, PID: 7, CPUs: "0", Fill: Fill{Points: 1000, Seconds: 1},
			Memory: memory(sample{used: 100, rss: 1000}, sample{used: int64(2100 * factor), rss: int64(5000 * factor)}, 1000),
		}
		for i := range 3 {
			x := factor * float64(i+1)
			r := Round{
				Points: 100000, Seconds: x, PointsPerSecond: 100000 / x, CPUSeconds: x, CPUPerMillion: 10 * x, GeneratorBusy: 0.5,
				Batch: Quantiles{P50: 100 * x, P99: 200 * x, Max: 300 * x},
			}
			for _, kind := range readKinds {
				r.Reads = append(r.Reads, Read{
					Name: kind.name, Queries: 100, Members: 360, CPUMicro: 10 * x,
					Latency: Quantiles{P50: 10 * x, P99: 20 * x, Max: 30 * x},
				})
			}
			s.Rounds = append(s.Rounds, r)
		}
		s.Drop = &Drop{
			Period: "2026-11-21", How: "DN.DROP 2026-11-21", Seconds: 0.002 * factor, Settled: 0.5 * factor,
			CPUSeconds: 0.01 * factor,
			Quiet:      Quantiles{50, 80, 90}, Probe: Quantiles{60 * factor, 100 * factor, 2000 * factor},
			UsedBefore: 2100, UsedAfter: 100, RSSBefore: 5 << 20, RSSAfter: int64(factor * (1 << 20)),
		}
		return s
	}
	l := testLoad()
	l.Start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	l.Fill, l.Rounds, l.Reads, l.Drop, l.Late = 50, 3, time.Second, true, 0.1
	r := &Report{
		Version: "1.2.3", Started: l.Start.Add(36 * time.Hour), Command: []string{"bench"}, Load: l, Pinned: "1", Cores: 1,
		Machine: Machine{CPU: "a CPU", Cores: 2, Memory: 24 << 30, Kernel: "Linux 6", Go: "go1"},
		Servers: []*ServerReport{server("dunlin 1.2.3", 1), server("redis 7.0.15", 4)},
	}
	b := &run{report: r, load: l}
	for _, s := range r.Servers {
		t := &target{server: Server{URL: s.URL, Form: s.Form}, report: s}
		t.filled.Store(1000)
		t.added.Store(301000)
		b.targets = append(b.targets, t)
	}
	b.finish()
	return r
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s, -update writes it:\n%s", path, d)
	}
}

// TestReport_golden: programs read the JSON, people the table.
func TestReport_golden(t *testing.T) {
	r := sampleReport()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.json", append(text, '\n'))
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.txt", b.Bytes())
	if r.Ratios["points_per_second"] != 4 || r.Ratios["server_cpu_seconds_per_million_points"] != 4 {
		t.Error(r.Ratios)
	}
}

func TestReport_Print_interrupted(t *testing.T) {
	r := sampleReport()
	r.Incomplete, r.Servers[1].Rounds = true, nil
	r.Servers[1].Median = medianRound(nil)
	var b bytes.Buffer
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "not complete") {
		t.Error(err, b.String())
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"+OK\r\n", "-ERR no\r\n", ":-12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*-1\r\n",
		"*2\r\n:1\r\n*2\r\n:0\r\n$5\r\nERR x\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "$99999999999\r\n", "*3\r\n$1\r\na\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(data), 4096)
		var r reply
		if err := r.read(in); err == nil && in.Buffered() >= len(data) && len(data) > 0 {
			t.Error("read a reply of no bytes")
		}
	})
}
