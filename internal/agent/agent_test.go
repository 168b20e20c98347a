package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a client that keeps everything.
type memory struct {
	mu     sync.Mutex
	points []dunlin.Point
	stats  dunlin.Stats
}

func (m *memory) Add(_ context.Context, points ...dunlin.Point) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.points = append(m.points, points...)
	return nil
}

func (m *memory) Stats() dunlin.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

func (m *memory) get() []dunlin.Point {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]dunlin.Point(nil), m.points...)
}

func TestAgent_measuresThisMachine(t *testing.T) {
	m := &memory{}
	a, err := New(Config{Client: m, Host: "me", Every: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	seen := map[string]string{}
	deadline := time.Now().Add(10 * time.Second)
	for seen["cpu.user"] == "" && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
		for _, p := range m.get() {
			seen[p.Metric] = p.Value
			if p.Host != "me" {
				t.Fatal(p)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{
		"cpu.user", "cpu.idle", "load.1", "memory.used", "memory.total", "swap.used", "disk.root.used_percent",
		"net.rx_bytes", "processes.total", "uptime", "tcp.established", "tcp.listen",
	} {
		if _, err := strconv.ParseFloat(seen[metric], 64); err != nil {
			t.Errorf("%s = %q", metric, seen[metric])
		}
	}
	for metric, value := range seen {
		if _, err := series.ParseSeries(series.AppendSeries(nil, "me", metric)); err != nil {
			t.Errorf("%s: %v", metric, err)
		}
		if len(value) > 24 {
			t.Errorf("%s = %s", metric, value)
		}
	}
}

func TestSender_saysOnceWhatHappens(t *testing.T) {
	var out strings.Builder
	m := &memory{}
	s := newSender(m, slog.New(slog.NewTextHandler(&out, nil)))
	f := func(stats dunlin.Stats, want string) {
		t.Helper()
		out.Reset()
		m.stats = stats
		s.send(t.Context(), make([]dunlin.Point, 10))
		if got := out.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", stats, got, want)
		}
	}
	f(dunlin.Stats{}, "")
	f(dunlin.Stats{Waiting: 10}, "") // the last tick may be on its way
	f(dunlin.Stats{Waiting: 20}, "no node takes them")
	f(dunlin.Stats{Waiting: 30}, "")
	f(dunlin.Stats{Waiting: 30, Dropped: map[string]int64{"queue full": 5}}, "points are lost")
	f(dunlin.Stats{Waiting: 30, Dropped: map[string]int64{"queue full": 5}, Refused: 1}, "points are refused")
	f(dunlin.Stats{Waiting: 5, Dropped: map[string]int64{"queue full": 5}, Refused: 1}, "")
	f(dunlin.Stats{Dropped: map[string]int64{"queue full": 5}, Refused: 1}, "taken again")
}

// TestAgent_anHourWithoutNodes: no node answers for an hour of ticks, the agent is restarted in the middle, then a
// server comes. Every measurement arrives.
func TestAgent_anHourWithoutNodes(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	spool := t.TempDir()
	start := time.Now().UTC().Truncate(24 * time.Hour).Add(6 * time.Hour)
	ticks, taken := 0, int64(0)
	clock := func() time.Time {
		ticks++
		return start.Add(time.Duration(ticks) * 10 * time.Second)
	}
	for _, until := range []int{180, 360} {
		c, err := dunlin.Open(t.Context(), dunlin.Config{
			URL: server.URL, Spool: spool, Limits: dunlin.Limits{Queue: 2000, MaxPause: 100 * time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := New(Config{Client: c, Host: "me", Every: time.Millisecond, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		for points := a.Collect(t.Context()); ticks < until; { // one measurement will do for all ticks
			now := clock()
			for i := range points {
				points[i].Time = now
			}
			a.sender.send(t.Context(), points)
		}
		taken += c.Stats().Added
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	server.Launch()
	c, err := dunlin.Open(t.Context(), dunlin.Config{URL: server.URL, Spool: spool, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Add(ctx, dunlin.Point{Host: "me", Metric: "end", Time: start, Value: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	keys := c.All(ctx, "KEYS", "*")[0].Value.([]any)
	found := int64(0)
	for _, key := range keys {
		replies, err := c.Do().ZCard(key.(string)).Exec(ctx)
		if err != nil {
			t.Fatal(err)
		}
		found += replies[0].Value.(int64)
	}
	if found != taken+1 || taken < 360*30 {
		t.Errorf("%d points arrived of %d", found, taken+1)
	}
}

// TestAgent_ownCost holds a measurement to 0.5 % of a core at one every 10 s.
func TestAgent_ownCost(t *testing.T) {
	a, err := New(Config{Client: &memory{}, Host: "me"})
	if err != nil {
		t.Fatal(err)
	}
	const times = 20
	a.sender.send(t.Context(), a.Collect(t.Context()))
	before := processCPU(t)
	for range times {
		a.sender.send(t.Context(), a.Collect(t.Context()))
	}
	each := (processCPU(t) - before) / times
	t.Logf("a measurement costs %s of CPU: %.3f %% of a core at one every 10 s", each, each.Seconds()*10)
	if each > 50*time.Millisecond {
		t.Errorf("%s is more than 0.5 %% of a core at one every 10 s", each)
	}
}

func processCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestCollectTCPAndPressure(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"net/tcp":     "  sl  local_address\n   0: 0100007F:1 0:0 0A 0:0\n   1: 0100007F:1 0:0 01 0:0\n",
		"net/tcp6":    "  sl  local_address\n   0: 00000000000000000000000000000001:1 0:0 01 0\n   1: x y ZZ\n x y z FF\nx\n",
		"pressure/io": "some avg10=1.50 avg60=0.05 avg300=0.01 total=1\nfull avg10=0.25 avg60=0 avg300=0 total=0\nx\n",
	} {
		path := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	out := func(metric, value string) { got[metric] = value }
	collectTCP(dir, out)
	collectPressure(dir, out)
	for metric, want := range map[string]string{
		"tcp.established": "2", "tcp.listen": "1", "tcp.time_wait": "0",
		"pressure.io.some": "1.5", "pressure.io.full": "0.25",
	} {
		if got[metric] != want {
			t.Errorf("%s = %q, want %s", metric, got[metric], want)
		}
	}
	if len(got) != len(tcpStates)-1+2 {
		t.Error(got)
	}
}

func TestSimulated(t *testing.T) {
	m := &memory{}
	s := NewSimulated(SimConfig{Client: m, Hosts: 25, Every: 20 * time.Millisecond, Seed: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	hosts := map[string]int{}
	deadline := time.Now().Add(10 * time.Second)
	for len(hosts) < 25 && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
		for _, p := range m.get() {
			hosts[p.Host]++
		}
	}
	cancel()
	<-done
	if len(hosts) != 25 || hosts["sim-001"] < 20 || hosts["sim-025"] < 20 {
		t.Fatal(hosts)
	}
}
