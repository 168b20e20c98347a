package dunlin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func openClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	if cfg.Clock == nil {
		cfg.Clock = func() time.Time { return noon }
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	c, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// flock is a topology of nodes a, b, c… at the urls, with all shards each.
func flock(shards int, urls ...string) *Topology {
	topo := ring.Single("a", urls[0], shards)
	for i, u := range urls[1:] {
		n := topo.Nodes[0]
		n.Name, n.URL = string(rune('b'+i)), u
		topo.Nodes = append(topo.Nodes, n)
	}
	return topo
}

func stored(args []string) string { return ":1\r\n" }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClient_writesAndReads(t *testing.T) {
	u := redistest.Start(t, "--requirepass", "geheim").URL
	topo := flock(8, u)
	topo.Nodes[0].Password = "geheim"
	topo.Nodes[0].Hold = []int{1, 2, 3, 4, 5, 6, 7}
	topo.Rings[0].Shards = 8
	topo.Nodes = append(topo.Nodes, ring.Node{Name: "z", URL: "redis://127.0.0.1:1", Hold: []int{8}})
	c := openClient(t, Config{Topology: topo})
	ctx := context.Background()
	host := ""
	for i := 0; host == ""; i++ {
		if h := fmt.Sprintf("web%d:9100", i); topo.ShardOf(series.AppendSeries([]byte("2026-11-22:"), h, "m")) == 3 {
			host = h
		}
	}
	var points []Point
	for i := range 250 { // two days
		at := noon.Add(time.Duration(i-200) * 10 * time.Minute).Add(time.Duration(i%3) * 10 * time.Millisecond)
		points = append(points, Point{host, `m{a="x y"}`, at, fmt.Sprint(i)})
	}
	for range 2 { // again is harmless
		results, err := c.Write(ctx, points)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r != (Result{Node: "a"}) {
				t.Fatalf("point %d: %+v", i, r)
			}
		}
	}
	got, err := c.Range(ctx, Query{host, `m{a="x y"}`, points[10].Time, points[240].Time})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(points[10:241], got); d != "" {
		t.Fatal(d)
	}
	p, ok, err := c.Newest(ctx, host, `m{a="x y"}`)
	if err != nil || !ok || p != points[249] {
		t.Fatal(p, ok, err)
	}
	if _, ok, err = c.Newest(ctx, host, "nothing"); ok || err != nil {
		t.Fatal(ok, err)
	}
	if ps, err := c.Range(ctx, Query{host, "nothing", noon, noon}); len(ps) != 0 || err != nil {
		t.Fatal(ps, err)
	}
	replies, err := c.Ask(ctx, "a", 0, []string{"DBSIZE"}, []string{"GET", "x"}, []string{"ZADD", "x"})
	if err != nil {
		t.Fatal(err)
	}
	if n := replies[0].Value.(int64); n != 2 || replies[1].Value != nil || replies[1].Err != nil || replies[2].Err == nil {
		t.Fatal(replies)
	}
}

func TestClient_Write_blamesOnlyTheBadPoint(t *testing.T) {
	f := newFake(t, func(args []string) string {
		if want := "DN.MADDT 1795348800 h:m 12 1795348800 h:m 13 1795348801 h:m 14"; strings.Join(args, " ") != want {
			t.Errorf("got %s, want %s", args, want)
		}
		return "*2\r\n:2\r\n*2\r\n:1\r\n$11\r\nERR unlucky\r\n"
	})
	c := openClient(t, Config{URL: f.url()})
	results, err := c.Write(context.Background(), []Point{
		{"h", "m", noon, "12"},
		{"h", "m", noon, "13"},
		{"", "m", noon, "1"},
		{"h", "m", noon, "a\nb"},
		{"h", "m", noon.Add(time.Second), "14"},
		{"h", "m", time.Unix(-1, 0), "1"},
	})
	if !errors.Is(err, ErrRefused) || errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	want := []Status{Stored, Refused, Refused, Refused, Stored, Refused}
	for i, r := range results {
		if r.Status != want[i] || (r.Err == nil) != (r.Status == Stored) {
			t.Errorf("point %d: %+v, want %s", i, r, want[i])
		}
	}
	if !errors.Is(results[2].Err, series.ErrNoHost) || !errors.Is(results[3].Err, series.ErrValue) {
		t.Error(results[2].Err, results[3].Err)
	}
	if !strings.Contains(results[1].Err.Error(), "unlucky") {
		t.Error(results[1].Err)
	}
}

func TestClient_failsOver(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(8, first.URL, second.URL), Node: "a"})
	write := func(i int) Result {
		r, _ := c.Write(context.Background(), []Point{{"h", "m", noon.Add(time.Duration(i) * time.Second), "1"}})
		return r[0]
	}
	if r := write(1); r.Node != "a" || r.Err != nil {
		t.Fatal(r)
	}
	first.Kill()
	if r := write(2); r.Node != "b" || r.Err != nil {
		t.Fatal(r)
	}
}

func TestClient_nearestFirst(t *testing.T) {
	a, b, d := newFake(t, stored), newFake(t, stored), newFake(t, stored)
	topo := flock(2, a.url(), b.url(), d.url())
	topo.Nodes[0].Site, topo.Nodes[1].Site, topo.Nodes[2].Site = "nyc", "sfo", "sfo"
	f := func(cfg Config, want string) {
		t.Helper()
		cfg.Topology = topo
		var seen string
		for range 30 {
			r, err := openClient(t, cfg).Write(context.Background(), []Point{{"h", "m", noon, "1"}})
			if err != nil || !strings.Contains(want, r[0].Node) {
				t.Errorf("site %q node %q: went to %q, want %q (%v)", cfg.Site, cfg.Node, r[0].Node, want, err)
			}
			seen += r[0].Node
		}
		for _, node := range want {
			if !strings.ContainsRune(seen, node) {
				t.Errorf("site %q node %q: 30 clients and none went to %c of %q", cfg.Site, cfg.Node, node, want)
			}
		}
	}
	f(Config{}, "abc")
	f(Config{Site: "nyc"}, "a")
	f(Config{Site: "sfo"}, "bc")
	f(Config{Node: "c"}, "c")
	f(Config{Site: "nyc", Node: "c"}, "c")
}

func TestClient_errorReplyIsNotDown(t *testing.T) {
	f := newFake(t, func(args []string) string { return "-ERR no\r\n" })
	g := newFake(t, stored)
	c := openClient(t, Config{Topology: flock(1, f.url(), g.url()), Node: "a"})
	for range 3 {
		r, _ := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}})
		if r[0].Status != Refused || r[0].Node != "a" {
			t.Fatalf("%+v", r[0])
		}
	}
	if n := len(g.commands()); n != 0 {
		t.Fatalf("the other node got %d commands", n)
	}
}

func TestClient_asksTheNextHolder(t *testing.T) {
	for _, reply := range []string{"-WRONGSHARD 1 h:1\r\n", "-LOADING x\r\n", "-UNAVAIL shard 1\r\n", "-OOM x\r\n"} {
		f := newFake(t, func(args []string) string { return reply })
		g := newFake(t, stored)
		c := openClient(t, Config{Topology: flock(1, f.url(), g.url()), Node: "a"})
		for i := range 2 {
			r, err := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}})
			if err != nil || r[0].Node != "b" {
				t.Fatalf("%q: %+v", reply, r[0])
			}
			if n := len(f.commands()); n != i+1 {
				t.Fatalf("%q marked the node down", reply)
			}
		}
	}
}

func TestClient_repeatsAfterALostReply(t *testing.T) {
	var mu sync.Mutex
	lose := true
	f := newFake(t, func(args []string) string {
		mu.Lock()
		defer mu.Unlock()
		if lose {
			lose = false
			return "" // stored, but the reply is lost
		}
		return ":0\r\n" // it was there
	})
	c := openClient(t, Config{URL: f.url()})
	r, err := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}})
	if err != nil || r[0].Status != Stored {
		t.Fatal(r, err)
	}
	if n := len(f.commands()); n != 2 {
		t.Fatalf("%d commands", n)
	}
}

func TestClient_deadlineBackoffAndProbe(t *testing.T) {
	var mu sync.Mutex
	silent := true
	hang := make(chan struct{})
	f := newFake(t, func([]string) string {
		mu.Lock()
		wait := silent
		mu.Unlock()
		if wait {
			<-hang
		}
		return ":1\r\n"
	})
	t.Cleanup(func() { close(hang) })
	f.silentPing = func() bool { mu.Lock(); defer mu.Unlock(); return silent }
	c := openClient(t, Config{URL: f.url(), Timeout: 50 * time.Millisecond})
	write := func() error {
		r, err := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}})
		if err != nil && (r[0].Status != Unavailable || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRefused)) {
			t.Fatal(r, err)
		}
		return err
	}
	if err := write(); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Fatal(err)
	}
	sent := len(f.commands())
	for range 100 {
		if err := write(); err == nil || !strings.Contains(err.Error(), "every node that holds shard 1 is down") {
			t.Fatal(err)
		}
	}
	if n := len(f.commands()); n != sent {
		t.Fatalf("a server that is down got %d commands", n-sent)
	}
	mu.Lock()
	silent = false
	mu.Unlock()
	await(t, "the server is up again", func() bool { return write() == nil })
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s it is still not so that %s", what)
		}
	}
}

func TestClient_givingUpIsNotDown(t *testing.T) {
	hang := make(chan struct{})
	f := newFake(t, func([]string) string { <-hang; return "" })
	t.Cleanup(func() { close(hang) })
	c := openClient(t, Config{URL: f.url()})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Write(ctx, []Point{{"h", "m", noon, "1"}}); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	if !c.view.Load().nodes[0].server.Up() {
		t.Fatal("the node is marked down because the caller gave up")
	}
}

func TestClient_wrongPassword(t *testing.T) {
	u := redistest.Start(t, "--requirepass", "geheim").URL
	c := openClient(t, Config{URL: u, Password: "falsch"})
	_, err := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Fatal(err)
	}
	if strings.Contains(err.Error(), "falsch") {
		t.Fatal("the password is in the error")
	}
}

func TestClient_All(t *testing.T) {
	f := newFake(t, func([]string) string { return "+PONG2\r\n" })
	c := openClient(t, Config{Topology: flock(1, f.url(), "redis://127.0.0.1:1"), Node: "a"})
	got := c.All(context.Background(), "DN.PERIODS")
	if len(got) != 2 || got[0].Node != "a" || got[0].Value != "PONG2" || got[0].Err != nil {
		t.Fatal(got)
	}
	if got[1].Node != "b" || !errors.Is(got[1].Err, ErrUnavailable) {
		t.Fatal(got[1])
	}
}

func TestClient_urlOfAShard(t *testing.T) {
	u := redistest.Start(t).URL
	c := openClient(t, Config{URL: u + "/3"})
	if _, err := c.Write(context.Background(), []Point{{"h", "m", noon, "1"}}); err != nil {
		t.Fatal(err)
	}
	r, err := openClient(t, Config{URL: u}).Ask(context.Background(), c.Topology().Nodes[0].Name, 3, []string{"DBSIZE"})
	if err != nil || r[0].Value != int64(1) {
		t.Fatal(r, err)
	}
}

func TestPoints_picksOnePerTimestamp(t *testing.T) {
	f := func(want string, members ...string) {
		t.Helper()
		got := points("h", "m", members)
		if len(got) != 1 || got[0].Value != want {
			t.Errorf("%q: got %+v, want %s", members, got, want)
		}
	}
	f("2", "1:1", "1:2")
	f("10", "1:10", "1:9")
	f("-1", "1:-1", "1:NaN")
	f("NaN", "1:NaN", "1:stale")
	f("1.50", "1.0:1.5", "1:1.50")
	f("a", "1:a", "1:nan", "junk")
}

func TestClient_concurrentUseWhileANodeDies(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(8, first.URL, second.URL)})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 50 {
				if g == 0 && i == 20 {
					first.Kill()
				}
				at := noon.Add(time.Duration(i) * time.Second)
				host := fmt.Sprintf("h%d", g)
				r, err := c.Write(context.Background(), []Point{{host, "m", at, "1"}, {host + "x", "m", at, "1"}})
				if err != nil {
					t.Errorf("%+v: %v", r, err)
				}
				if _, err := c.Range(context.Background(), Query{host, "m", noon, at}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
}
