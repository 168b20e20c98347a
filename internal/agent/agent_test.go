package agent

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/series"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a flock that can be down.
type memory struct {
	mu     sync.Mutex
	down   bool
	points []dunlin.Point
}

func (m *memory) Write(_ context.Context, points []dunlin.Point) ([]dunlin.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]dunlin.Result, len(points))
	for i, p := range points {
		switch {
		case m.down:
			results[i] = dunlin.Result{Status: dunlin.Unavailable, Err: dunlin.ErrUnavailable}
		case p.Value == "bad":
			results[i] = dunlin.Result{Status: dunlin.Refused, Err: dunlin.ErrRefused}
		default:
			m.points = append(m.points, p)
		}
	}
	if m.down {
		return results, errors.New("down")
	}
	return results, nil
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
		"net.rx_bytes", "processes.total", "uptime",
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

func TestDelivery_queuesAndDropsTheOldest(t *testing.T) {
	m := &memory{down: true}
	d := NewDelivery(m, 3, nil)
	point := func(v string) dunlin.Point { return dunlin.Point{Host: "h", Metric: "m", Value: v} }
	for _, v := range []string{"1", "2", "3", "4", "5"} {
		d.Send(context.Background(), []dunlin.Point{point(v)})
	}
	if s := d.Stats(); s != (Stats{Dropped: 2, Queued: 3}) {
		t.Fatalf("%+v", s)
	}
	m.mu.Lock()
	m.down = false
	m.mu.Unlock()
	d.Send(context.Background(), []dunlin.Point{point("6"), point("bad")})
	if s := d.Stats(); s != (Stats{Stored: 4, Refused: 1, Dropped: 2}) {
		t.Fatalf("%+v", s)
	}
	got := ""
	for _, p := range m.get() {
		got += p.Value
	}
	if got != "3456" {
		t.Fatal(got)
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
