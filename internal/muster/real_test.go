package muster

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// boot runs a node of the topology and gives what ends it.
func boot(t *testing.T, topo *ring.Topology, i int) (stop func()) {
	t.Helper()
	n, err := node.New(node.Config{
		Topology: topo, Name: topo.Nodes[i].Name, RespAddr: topo.Nodes[i].HostPort(),
		Proof: node.Proof{Every: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// mixed is two nodes on the engine and one on Redis.
func mixed(t *testing.T) *ring.Topology {
	free := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return "redis://" + ln.Addr().String()
	}
	topo := ring.Single("n0", free(), 2)
	for i := 1; i < 3; i++ {
		n := topo.Nodes[0]
		n.Name, n.URL = fmt.Sprint("n", i), free()
		topo.Nodes = append(topo.Nodes, n)
	}
	topo.Nodes[2].Redis = []string{redistest.Start(t).URL, redistest.Start(t).URL}
	return topo
}

// TestLook_realNodes: a flock of real nodes is well once all is everywhere and proven; one that ends is a row that says
// so and a problem of the others; when it is back all is well again.
func TestLook_realNodes(t *testing.T) {
	topo := mixed(t)
	boot(t, topo, 0)
	stop := boot(t, topo, 1)
	boot(t, topo, 2)
	client, err := dunlin.Open(t.Context(), dunlin.Config{Topology: topo, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	m := &Muster{Topology: topo, Node: client, Clock: time.Now, MostLag: 10 * time.Second}
	const points = 100
	until := time.Now().Add(time.Hour) // as long as the whole test program may take, less what it takes to say why
	if end, ok := t.Deadline(); ok {
		until = end.Add(-10 * time.Second)
	}
	await := func(what string, ok func(r *Report) bool) (last *Report) {
		t.Helper()
		for ; time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			if last = m.Look(t.Context()); ok(last) {
				return last
			}
		}
		t.Fatalf("%s: never, but\n%s", what, print(t, last, true))
		return nil
	}
	well := func(r *Report) bool {
		for _, n := range r.Nodes[:2] {
			held, lacks := int64(0), int64(0)
			for _, s := range n.Shards {
				held, lacks = held+s.Points, lacks+s.Lacks
			}
			if held != points || lacks != 0 {
				return false
			}
		}
		a, b := r.Nodes[0].link("n1"), r.Nodes[1].link("n0")
		return len(r.Problems) == 0 && !a.Complete.IsZero() && !a.Proven.IsZero() && !a.Same.IsZero() && !b.Proven.IsZero()
	}
	day := time.Now().UTC().Format(time.DateOnly)
	midnight, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < points; { // it may still be starting
		key, ts := fmt.Sprintf("%s:h%d:m", day, i), fmt.Sprint(midnight.Unix())
		replies, err := client.Ask(t.Context(), "n0", 0, []string{"ZADD", key, ts, ts + ":1"})
		switch {
		case err == nil && replies[0].Err == nil:
			i++
		case err != nil || time.Now().After(until):
			t.Fatal(err, replies)
		}
	}
	r := await("all is well", well)
	if out := print(t, r, false); !strings.Contains(out, "n2    local  redis   1–2") || strings.Contains(out, "!") {
		t.Errorf("want the node on Redis in one row, and no problem\n%s", out)
	}
	stop()
	r = await("the end of a node is seen", func(r *Report) bool {
		return r.Nodes[1].Error != "" && r.Nodes[0].link("n1").State == "unreachable" && len(r.Problems) >= 3
	})
	out := print(t, r, false)
	if !strings.Contains(out, "can not be asked\n") || !strings.Contains(out, "! n0 follows n1: unreachable") {
		t.Errorf("want the node that ended, and who misses it\n%s", out)
	}
	boot(t, topo, 1)
	await("all is well again", well)
}
