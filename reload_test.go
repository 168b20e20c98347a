package dunlin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestClient_topologyChangesUnderLoad adds, removes and reloads nodes while points, writes and chains go on. Nothing
// that was taken is lost: every point is on one of the servers.
func TestClient_topologyChangesUnderLoad(t *testing.T) {
	a, b, d := redistest.Start(t), redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(8, a.URL), Timeout: 2 * time.Second, Deadline: 20 * time.Second})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var added, written atomic.Int64
	wg.Go(func() {
		for ; ; added.Add(10) {
			select {
			case <-stop:
				return
			default:
			}
			points := sequence(int(added.Load()), 10)
			for i := range points {
				points[i].Host, points[i].Metric = fmt.Sprint("host", i), "added"
			}
			if err := c.Add(t.Context(), points...); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for ; ; written.Add(1) {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := c.Write(t.Context(), sequence(int(written.Load()), 1)); err != nil {
				t.Error(err)
			}
			if _, err := c.Do().Set("x", "1").ZCard("y").Exec(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for round := 0; round < 30 || added.Load() < 1000 || written.Load() < 10; round++ {
		steps := []error{
			c.AddNode("b", b.URL, "there"), c.RemoveNode("a"), c.AddNode("c", d.URL, "there", 1, 2, 3),
			c.AddNode("a", a.URL, "here"), c.RemoveNode("c"), c.RemoveNode("b"),
		}
		if err := errors.Join(steps...); err != nil {
			t.Fatal(round, err)
		}
	}
	close(stop)
	wg.Wait()
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := int64(distinct(t, a, b, d)); n != added.Load()+written.Load() {
		t.Fatalf("%d points found of %d + %d", n, added.Load(), written.Load())
	}
}

// distinct counts the points that lie on any of the servers.
func distinct(t *testing.T, servers ...*redistest.Server) int {
	t.Helper()
	members := map[string]bool{}
	for _, s := range servers {
		one := openClient(t, Config{URL: s.URL, Timeout: 10 * time.Second})
		keys := one.All(t.Context(), "KEYS", "20*")[0]
		if keys.Err != nil {
			t.Fatal(keys.Err)
		}
		for _, key := range keys.Value.([]any) {
			replies, err := one.Do().ZRange(key.(string), 0, -1).Exec(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range replies[0].Value.([]any) {
				members[key.(string)+" "+m.(string)] = true
			}
		}
	}
	return len(members)
}

func TestClient_changesThatAreRefused(t *testing.T) {
	c := openClient(t, Config{Topology: flock(4, "redis://127.0.0.1:1")})
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	refused("there is a node a already", c.AddNode("a", "redis://h:1", "x"))
	refused("bad url", c.AddNode("b", "h:1", "x"))
	refused("there is no shard 5", c.AddNode("b", "redis://h:1", "x", 5))
	refused("there is no node b", c.RemoveNode("b"))
	refused("node a alone holds shard 1", c.RemoveNode("a"))
	refused("was not opened with a file", c.Reload())
	refused("no topology", openClient(t, Config{}).RemoveNode("a"))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveNode("a"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestClient_Reload(t *testing.T) {
	a, b := redistest.Start(t), redistest.Start(t)
	file := filepath.Join(t.TempDir(), "topology.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "cluster: x\nrings: [{from: 2026-11-22, shards: 4}]\nnodes:\n"
	write(head + "  a: {url: '" + a.URL + "'}\n")
	c := openClient(t, Config{File: file})
	where := func() string {
		r, err := c.Write(t.Context(), sequence(0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return r[0].Node
	}
	if n := where(); n != "a" {
		t.Fatal(n)
	}
	write(head + "  b: {url: '" + b.URL + "'}\n")
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if n := where(); n != "b" {
		t.Fatal(n)
	}
	for _, bad := range []string{"nonsense", "period: hour\n" + head + "  a: {url: '" + a.URL + "'}\n"} {
		write(bad)
		if err := c.Reload(); err == nil {
			t.Fatalf("%q was taken", bad)
		}
		if n := where(); n != "b" {
			t.Fatal(n)
		}
	}
}
