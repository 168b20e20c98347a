package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// fakeFlock answers DN.* from maps: node → key → points.
type fakeFlock map[string]map[string]int64

func (f fakeFlock) Ask(_ context.Context, node string, _ int, commands ...[]string) ([]dunlin.Reply, error) {
	var out []dunlin.Reply
	for _, args := range commands {
		r := dunlin.Reply{Node: node}
		keys, up := f[node]
		switch {
		case !up:
			r.Err = dunlin.ErrUnavailable
		case args[0] == "PING":
			r.Value = "PONG"
		case args[0] == "DN.PERIODS":
			r.Value = []any{"2026-11-22"}
		case len(args) == 3:
			var flat []any
			for k, n := range keys {
				flat = append(flat, k, n, fmt.Sprint(n))
			}
			r.Value = flat
		default:
			points, sum := int64(0), 0
			for k, n := range keys {
				points += n
				sum += int(n) * len(k)
			}
			r.Value = []any{int64(len(keys)), points, fmt.Sprint(sum)}
		}
		out = append(out, r)
	}
	return out, nil
}

// silent is a flock of which one node accepts questions and answers none.
type silent struct {
	fakeFlock
	node  string
	asked *atomic.Int64
}

func (s silent) Ask(ctx context.Context, node string, db int, commands ...[]string) ([]dunlin.Reply, error) {
	if node != s.node {
		return s.fakeFlock.Ask(ctx, node, db, commands...)
	}
	s.asked.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestChecker_aSilentNodeCostsOneQuestion(t *testing.T) {
	topo := ring.Single("a", "redis://h:1", 8)
	topo.Nodes = append(topo.Nodes, topo.Nodes[0])
	topo.Nodes[1].Name = "b"
	var asked atomic.Int64
	c := &checker{ask: silent{fakeFlock{"a": {"x": 3}}, "b", &asked}, topo: topo}
	r, err := c.run(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Unreachable["b"]; !ok || len(r.Unreachable) != 1 || asked.Load() != 1 {
		t.Errorf("unreachable %v, asked %d times; want b only, once", r.Unreachable, asked.Load())
	}
}

func TestChecker(t *testing.T) {
	topo := ring.Single("a", "redis://h:1", 1)
	topo.Nodes = append(topo.Nodes, topo.Nodes[0])
	topo.Nodes[1].Name = "b"
	f := func(flock fakeFlock, equal bool, want ...string) {
		t.Helper()
		c := &checker{ask: flock, topo: topo}
		r, err := c.run(context.Background(), time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.print(&b, topo); err != nil {
			t.Fatal(err)
		}
		if r.Equal != equal {
			t.Errorf("equal = %v\n%s", r.Equal, b.String())
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("no %q in\n%s", w, b.String())
			}
		}
	}
	f(fakeFlock{"a": {"x": 3}, "b": {"x": 3}}, true, "equal on all 2 nodes")
	f(fakeFlock{"a": {}, "b": {}}, true)
	f(fakeFlock{"a": {"x": 3, "y": 1}, "b": {"x": 2, "y": 1}}, false, "different", "a has 3; b lacks 1 of 3 points")
	f(fakeFlock{"a": {"x": 3}, "b": {}}, false, "b lacks 3 of 3 points")
	f(fakeFlock{"a": {"x": 3}}, false, "unreachable", "b can not be asked")
}
