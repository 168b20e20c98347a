package dunlin

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestClient_spool: the flock is away, memory is full, the process ends, another one takes over, the flock is back.
func TestClient_spool(t *testing.T) {
	r := redistest.Start(t)
	r.Kill()
	cfg := Config{
		URL: r.URL, Spool: filepath.Join(t.TempDir(), "spool"), Timeout: 2 * time.Second,
		Limits: Limits{Queue: 1000, Batch: 100, MaxPause: 100 * time.Millisecond},
	}
	c := openClient(t, cfg)
	if _, err := c.Write(t.Context(), sequence(0, 1)); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := c.Add(brief(t, 20*time.Second), sequence(100*i, 100)...); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "what does not fit is spooled", func() bool { s := c.Stats(); return s.Spooled >= 9000 && s.Waiting <= 1000 })
	if _, err := Open(t.Context(), cfg); !errors.Is(err, fsx.ErrLocked) {
		t.Fatalf("a second client took the same spool: %v", err)
	}
	if err := c.Flush(brief(t, 50*time.Millisecond)); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), "10000 points wait") {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Spooled != 10000 || len(s.Dropped) != 0 {
		t.Fatalf("%+v", s)
	}
	c = openClient(t, cfg)
	if s := c.Stats(); s.Spooled != 10000 {
		t.Fatalf("%+v", s)
	}
	r.Launch()
	if err := c.Add(t.Context(), sequence(10000, 100)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 60*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := r.Do("ZCARD", "2026-11-22:h:m"); n != ":10100" {
		t.Fatal(n)
	}
	if s := c.Stats(); s.Stored < 10100 || s.Spooled != 0 || s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestClient_spool_outagesAndTopologies: many short outages with a queue that is always full, and a topology that
// changes meanwhile. Every point that Add took is stored.
func TestClient_spool_outagesAndTopologies(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{
		Topology: flock(8, r.URL), Spool: t.TempDir(), Timeout: 500 * time.Millisecond,
		Limits: Limits{Queue: 500, Batch: 50, MaxPause: 50 * time.Millisecond},
	})
	n := 0
	for round := range 6 {
		r.Stop() // slow at first, then away
		for range 20 {
			if err := c.Add(brief(t, 20*time.Second), sequence(n, 20)...); err != nil {
				t.Fatal(err)
			}
			n += 20
		}
		r.Continue()
		if round%2 == 0 {
			c.changing.Lock()
			if err := c.adopt(flock(8, r.URL)); err != nil {
				t.Fatal(err)
			}
			c.changing.Unlock()
			continue
		}
		c.view.Load().nodes[0].server.Close() // as if it went away for good
		for range 60 {
			if err := c.Add(brief(t, 20*time.Second), sequence(n, 20)...); err != nil {
				t.Fatal(err)
			}
			n += 20
		}
		c.changing.Lock()
		c.members = map[string]*member{}
		if err := c.adopt(flock(8, r.URL)); err != nil {
			t.Fatal(err)
		}
		c.changing.Unlock()
	}
	if err := c.Flush(brief(t, 60*time.Second)); err != nil {
		t.Fatal(err, fmt.Sprintf("%+v", c.Stats()))
	}
	if got := r.Do("ZCARD", "2026-11-22:h:m"); got != fmt.Sprintf(":%d", n) {
		t.Fatalf("%s points of %d", got, n)
	}
	if s := c.Stats(); s.Stored < int64(n) || s.Added != int64(n) || s.Spooled != 0 || len(s.Dropped) != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestClient_spool_fullDropsTheOldestAndSaysSo(t *testing.T) {
	var mu sync.Mutex
	told := map[int64]bool{}
	c := openClient(t, Config{
		URL: "redis://127.0.0.1:1", Spool: t.TempDir(), Timeout: time.Second,
		Limits: Limits{Queue: 100, Batch: 10, Spool: 20_000},
		OnResult: func(p Point, r Result) {
			mu.Lock()
			defer mu.Unlock()
			if r.Status != Dropped || !errors.Is(r.Err, ErrUnavailable) || told[p.Time.Unix()] {
				t.Errorf("%v: %+v", p, r)
			}
			told[p.Time.Unix()] = true
		},
	})
	for i := range 200 {
		if err := c.Add(brief(t, 20*time.Second), sequence(10*i, 10)...); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "points are dropped", func() bool {
		s := c.Stats()
		return s.Dropped[dropSpoolFull]+s.Spooled+int64(s.Waiting) == 2000 && s.Waiting < 100
	})
	if s := c.Stats(); s.Dropped[dropSpoolFull] < 500 || s.Spooled < 300 {
		t.Fatalf("%+v", s)
	}
	await(t, "all that is dropped is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return int64(len(told)) == c.Stats().Dropped[dropSpoolFull]
	})
	mu.Lock()
	defer mu.Unlock()
	if first := sequence(0, 1)[0]; !told[first.Time.Unix()] {
		t.Fatalf("%v, the oldest, is not told", first)
	}
}
