package bench

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// startNode runs a node in memory until the test ends.
func startNode(t *testing.T) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	url = "redis://" + addr
	n, err := node.New(node.Config{
		Topology: ring.Single("local", url, 8), Name: "local", RespAddr: addr, Version: "test",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("node: %v", err)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := measure(t.Context(), &Server{URL: url}); err == nil {
			return url
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestRun_onDunlin: a node gets and keeps every point in each of its forms, and forgets them with the day.
func TestRun_onDunlin(t *testing.T) {
	for _, form := range []load.Form{load.ZADD, load.MADD} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel() // a drop is mostly waiting
			s := Server{URL: startNode(t), Form: form}
			l := testLoad()
			l.Fill, l.Rounds, l.Ticks, l.Late, l.Dup = 70, 3, 10, 0.1, 0.01
			l.Reads, l.Drop = 20*time.Millisecond, true
			r, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}})
			if err != nil {
				t.Fatal(err)
			}
			checkReport(t, r, l)
			if d := r.Servers[0].Drop; d == nil || d.How != "DN.DROP "+d.Period {
				t.Errorf("%+v", d)
			}
			c, err := dial(t.Context(), &s, 4096)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			var left reply
			if _, err := c.Write(load.AppendCommand(nil, "DBSIZE")); err != nil {
				t.Fatal(err)
			}
			if err := left.read(c.in); err != nil || left.number != 1 { // the probe's
				t.Errorf("after the drop: %+v, %v", left, err)
			}
		})
	}
}

// TestRun_onDunlin_everyPoint: what the forms for many points send is there, once.
func TestRun_onDunlin_everyPoint(t *testing.T) {
	for _, form := range []load.Form{load.MADD, load.MADDT} {
		s := Server{URL: startNode(t), Form: form}
		l := testLoad()
		l.Fill, l.Ticks, l.Late, l.Dup = 5, 30, 0.1, 0.01
		if _, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}}); err != nil {
			t.Fatal(err)
		}
		if got, want := points(t, &s, l), int64(7*20*35); got != want {
			t.Errorf("%s: %d points, want %d", form, got, want)
		}
	}
}

// points is how many points a server holds of a load.
func points(t *testing.T, s *Server, l Load) int64 {
	t.Helper()
	if _, err := l.window(); err != nil {
		t.Fatal(err)
	}
	set := load.New(load.Config{Shape: l.Shape, Form: load.ZADD, Commands: 1})
	c, err := dial(t.Context(), s, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var all reply
	for i := range l.series() {
		key := set.Key(i/l.Metrics, i%l.Metrics, l.Start.Unix())
		if _, err := c.Write(load.AppendCommand(nil, "ZCARD", key)); err != nil {
			t.Fatal(err)
		}
		if err := all.read(c.in); err != nil {
			t.Fatal(err)
		}
	}
	return all.number
}

func TestRun_realtime(t *testing.T) {
	s := Server{URL: startNode(t), Form: load.MADD}
	l := testLoad()
	l.Ticks, l.Interval, l.Realtime = 2, time.Second, true
	began := time.Now()
	l.Now = began
	r, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}})
	if err != nil {
		t.Fatal(err)
	}
	// The last host of the second tick sends no earlier than 6/7 of a second after it, and the tick began before now.
	if took := time.Since(began); took < 800*time.Millisecond || r.Servers[0].Rounds[0].Points != 2*7*20 {
		t.Errorf("%v: %+v", took, r.Servers[0].Rounds)
	}
}
