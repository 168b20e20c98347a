package dunlin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// sequence gives n points of one series, a second apart, numbered from first.
func sequence(first, n int) []Point {
	points := make([]Point, n)
	for i := range points {
		points[i] = Point{"h", "m", noon.Add(time.Duration(first+i) * time.Second), fmt.Sprint(first + i)}
	}
	return points
}

func brief(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestClient_Add_gathersAndFlushes(t *testing.T) {
	f := newFake(t, stored)
	c := openClient(t, Config{URL: f.url(), Limits: Limits{Linger: time.Hour, Batch: 10}})
	if err := c.Add(t.Context(), sequence(0, 25)...); err != nil {
		t.Fatal(err)
	}
	await(t, "full batches are sent at once", func() bool { return len(f.commands()) == 2 })
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	sizes := ""
	for _, command := range f.commands() {
		sizes += fmt.Sprint(len(strings.Fields(command))/3, " ")
	}
	if sizes != "10 10 5 " {
		t.Fatalf("batches of %s", sizes)
	}
	if s := c.Stats(); s.Added != 25 || s.Stored != 25 || s.Waiting != 0 || len(s.Dropped) != 0 {
		t.Fatalf("%+v", s)
	}
	d := openClient(t, Config{URL: f.url(), Limits: Limits{Linger: time.Millisecond}})
	if err := d.Add(t.Context(), sequence(0, 1)...); err != nil {
		t.Fatal(err)
	}
	await(t, "a point is sent after a while", func() bool { return d.Stats().Stored == 1 })
}

func TestClient_Add_reportsRefusedPoints(t *testing.T) {
	f := newFake(t, func([]string) string { return "*2\r\n:1\r\n*2\r\n:0\r\n$16\r\nERR too far away\r\n" })
	var mu sync.Mutex
	var got []string
	c := openClient(t, Config{URL: f.url(), OnResult: func(p Point, r Result) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(p.Host, " ", p.Metric, " ", p.Time.Unix(), " ", p.Value, " ", r.Status, " ", r.Err))
	}})
	err := c.Add(t.Context(), Point{"a:1", "m", noon, "7"}, Point{"", "m", noon, "7"}, Point{"b", "m", noon, "8"})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "1 of 3 points not taken") {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := "a:1 m 1795348800 7 refused refused: node " + f.ln.Addr().String() + ": ERR too far away"
	if len(got) != 1 || got[0] != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if s := c.Stats(); s.Added != 2 || s.Stored != 1 || s.Refused != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestClient_Add_waitsForANodeAndSendsTheNewestFirst(t *testing.T) {
	r := redistest.Start(t)
	r.Kill()
	limits := Limits{Batch: 10, MaxPause: 100 * time.Millisecond}
	c := openClient(t, Config{URL: r.URL, Timeout: time.Second, Limits: limits})
	if err := c.Add(t.Context(), sequence(0, 100)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 300*time.Millisecond)); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), "100 points wait") {
		t.Fatal(err)
	}
	r.Launch()
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	points, err := c.Range(t.Context(), Query{"h", "m", noon, noon.Add(time.Hour)})
	if err != nil || len(points) != 100 {
		t.Fatal(len(points), err)
	}
}

func TestClient_Add_newestFirst(t *testing.T) {
	var mu sync.Mutex
	full := true
	f := newFake(t, func([]string) string {
		mu.Lock()
		defer mu.Unlock()
		if full {
			return "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
		}
		return ":1\r\n"
	})
	c := openClient(t, Config{URL: f.url(), Limits: Limits{Batch: 1}})
	if err := c.Add(t.Context(), sequence(0, 40)...); err != nil {
		t.Fatal(err)
	}
	await(t, "the node is asked", func() bool { return len(f.commands()) >= 4 })
	mu.Lock()
	full = false
	seen := len(f.commands())
	mu.Unlock()
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	stored := f.commands()[seen:]
	// The four on their way when the node refused come back at any time.
	first, last := stored[4], stored[len(stored)-5]
	if !newer(first, last) {
		t.Fatalf("%s was sent before %s", first, last)
	}
	if s := c.Stats(); s.Stored != 40 {
		t.Fatalf("%+v", s)
	}
}

// newer compares the timestamps of two DN.MADD of one point.
func newer(a, b string) bool { return strings.Fields(a)[1] > strings.Fields(b)[1] }

func TestClient_Add_fullQueueDropsTheOldestAndSaysSo(t *testing.T) {
	var mu sync.Mutex
	dropped := map[string]int{}
	c := openClient(t, Config{
		URL: "redis://127.0.0.1:1", Limits: Limits{Queue: 100, Batch: 10},
		OnResult: func(p Point, r Result) {
			mu.Lock()
			defer mu.Unlock()
			dropped[r.Status.String()+" "+r.Err.Error()]++
			if p.Value >= "950" && len(p.Value) == 3 && strings.Contains(r.Err.Error(), dropQueueFull) {
				t.Errorf("%s was dropped, one of the newest", p.Value)
			}
		},
	})
	if _, err := c.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := c.Add(brief(t, 20*time.Second), sequence(10*i, 10)...); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the queue is within its limit", func() bool { return c.Stats().Waiting < 100 })
	s := c.Stats()
	if s.Added != 1000 || s.Dropped[dropQueueFull]+int64(s.Waiting) != 1000 || s.Waiting < 50 {
		t.Fatalf("%+v", s)
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(s.Waiting, " points")) {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := dropped["dropped unavailable: queue full"]; int64(n) != s.Dropped[dropQueueFull] {
		t.Errorf("%d reported: %v", n, dropped)
	}
	if n := dropped["dropped unavailable: client closed"]; n != s.Waiting {
		t.Errorf("%d reported: %v", n, dropped)
	}
	if err := c.Add(t.Context(), sequence(0, 1)...); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestClient_Add_waitsWhileTheQueueIsFullAndANodeIsSlow(t *testing.T) {
	gate := make(chan struct{})
	f := newFake(t, func([]string) string { <-gate; return ":1\r\n" })
	c := openClient(t, Config{URL: f.url(), Timeout: time.Minute, Limits: Limits{Queue: 100, Batch: 10}})
	ctx := brief(t, 200*time.Millisecond)
	err := c.Add(ctx, sequence(0, 1000)...)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "of 1000 points not taken") {
		t.Fatal(err)
	}
	close(gate)
	if err := c.Add(brief(t, 20*time.Second), sequence(1000, 1000)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Stored != s.Added || len(s.Dropped) != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestClient_Close_deliversWhatWaits(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL, Timeout: 5 * time.Second, Limits: Limits{Linger: time.Hour}})
	if err := c.Add(t.Context(), sequence(0, 50)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := r.Do("ZCARD", "2026-11-22:h:m"); n != ":50" {
		t.Fatal(n)
	}
}
