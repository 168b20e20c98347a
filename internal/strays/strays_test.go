package strays

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// keyOf gives a series key of today that the ring places on a shard.
func keyOf(topo *ring.Topology, shard int, metric string) string {
	day := series.Day.PeriodString(series.Day.PeriodOf(time.Now().UnixMilli()))
	for i := 0; ; i++ {
		if key := fmt.Sprintf("%s:stray%d:%s", day, i, metric); topo.ShardOf([]byte(key)) == shard {
			return key
		}
	}
}

// newSweeper makes one of shard 1, in memory.
func newSweeper(t *testing.T, topo *ring.Topology, to Forwarder) *Sweeper {
	t.Helper()
	st := engine.New(engine.Config{Layout: series.Day, Cluster: "c", Epoch: "e", Clock: time.Now})
	sh, err := shard.New(t.Context(), shard.Config{
		Origin: replog.Origin{Node: "a", Shard: 1}, Store: st, Layout: series.Day, Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Topology: topo, Shard: sh, Held: map[int]*shard.Shard{1: sh}, Forward: to, Log: slog.New(slog.DiscardHandler),
	})
}

// refuser is a forwarder whose owner is away at first, and refuses a point afterwards.
type refuser struct {
	away bool
	sent [][]string
}

func (r *refuser) Do(_ context.Context, shard, _ int, cmds [][]string) []store.Reply {
	if r.away {
		return []store.Reply{store.ErrUnavailable}
	}
	r.sent = append(r.sent, append([]string{fmt.Sprint(shard)}, cmds[0]...))
	return []store.Reply{errors.New("ERR 1 of 2 refused: too old; the rest is stored")}
}

// TestSweeper_triesAgain: an owner that is away gets the points later, once, and then only what is new.
func TestSweeper_triesAgain(t *testing.T) {
	topo := ring.Single("a", "redis://127.0.0.1:1", 2)
	topo.Nodes[0].Hold = []int{1}
	to := &refuser{away: true}
	s := newSweeper(t, topo, to)
	key := keyOf(topo, 2, "cpu")
	k, _ := topo.Layout.ParseKey([]byte(key))
	first, _ := topo.Layout.Span(k.Period)
	add := func(ms ...int64) {
		t.Helper()
		g := store.Group{Key: k}
		for _, at := range ms {
			g.Points = append(g.Points, series.Point{TS: first + at, Value: []byte("1")})
		}
		if _, err := s.cfg.Shard.Add(t.Context(), []store.Group{g}); err != nil {
			t.Fatal(err)
		}
	}
	add(1000, 2000)
	if err := s.poll(t.Context()); !errors.Is(err, store.ErrUnavailable) || s.Keys() != 1 {
		t.Errorf("owner away: %v, %d keys", err, s.Keys())
	}
	to.away = false
	text := func(at int64) string { return fmt.Sprint((first + at) / 1000) }
	zadd := func(at ...int64) []string {
		cmd := []string{"2", "ZADD", key}
		for _, ms := range at {
			cmd = append(cmd, text(ms), text(ms)+":1")
		}
		return cmd
	}
	f := func(want ...[]string) {
		t.Helper()
		if err := s.poll(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, to.sent); diff != "" {
			t.Error(diff)
		}
		to.sent = nil
	}
	f(zadd(1000, 2000))
	f()
	add(3000)
	f(zadd(2000, 3000)) // from the newest that was sent on
	add(500 * 1000)
	f(zadd(3000, 500*1000))
	add(1500)
	if err := s.poll(t.Context()); err != nil || len(to.sent) != 1 || len(to.sent[0]) != 3+2*5 {
		t.Errorf("a late point sends all again: %v, %q", err, to.sent)
	}
}

// TestSweeper_newKeys: a key that is where it belongs is looked at once. What strays is followed.
func TestSweeper_newKeys(t *testing.T) {
	topo := ring.Single("a", "redis://127.0.0.1:1", 2)
	topo.Nodes[0].Hold = []int{1}
	to := &refuser{}
	s := newSweeper(t, topo, to)
	at := time.Now().Add(-time.Minute).UnixMilli()
	f := func(key string, reads bool, sends int) {
		t.Helper()
		k, err := topo.Layout.ParseKey([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		at++
		g := store.Group{Key: k, Points: []series.Point{{TS: at, Frac: series.FracFor(at), Value: []byte("1")}}}
		if _, err := s.cfg.Shard.Add(t.Context(), []store.Group{g}); err != nil {
			t.Fatal(err)
		}
		before := s.local.fresh.From
		to.sent = nil
		if err := s.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.local.fresh.From > before; got != reads || len(to.sent) != sends {
			t.Errorf("%s: read %t, want %t; sent %d, want %d", key, got, reads, len(to.sent), sends)
		}
	}
	f(keyOf(topo, 1, "cpu"), true, 0)
	f(keyOf(topo, 1, "cpu"), false, 0)
	f(keyOf(topo, 1, "io"), true, 0)
	f(keyOf(topo, 2, "cpu"), true, 1)
	f(keyOf(topo, 1, "cpu"), true, 0) // while one strays all changes are read
	f(keyOf(topo, 2, "cpu"), true, 1)
}

// TestRun ends with its context.
func TestRun(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, []*Sweeper{newSweeper(t, ring.Single("a", "redis://127.0.0.1:1", 2), nil)}) }()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
