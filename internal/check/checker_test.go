package check

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		case args[0] == "INFO":
			r.Value = "# Persistence\r\nbad_files_names:\r\n"
			if keys["hurt"] > 0 {
				r.Value = "# Persistence\r\nbad_files:2\r\nbad_files_names:log/1.bad,log/2.bad\r\n"
			}
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

// twoNodes is the topology of nodes a and b, both with all shards.
func twoNodes(shards int) *ring.Topology {
	topo := ring.Single("a", "redis://h:1", shards)
	topo.Nodes = append(topo.Nodes, topo.Nodes[0])
	topo.Nodes[1].Name = "b"
	return topo
}

func TestChecker_aSilentNodeCostsOneQuestion(t *testing.T) {
	topo := twoNodes(8)
	var asked atomic.Int64
	c := &Checker{Node: silent{fakeFlock{"a": {"x": 3}}, "b", &asked}, Topology: topo}
	r, err := c.Run(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Unreachable["b"]; !ok || len(r.Unreachable) != 1 || asked.Load() != 1 {
		t.Errorf("unreachable %v, asked %d times; want b only, once", r.Unreachable, asked.Load())
	}
}

// TestChecker compares whole reports as JSON: programs read it.
func TestChecker(t *testing.T) {
	f := func(flock fakeFlock, want string) {
		t.Helper()
		c := &Checker{Node: flock, Topology: twoNodes(1)}
		r, err := c.Run(t.Context(), time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%v: want -, got +\n%s", flock, diff)
		}
	}
	const cell = `"cells":[{"period":"2026-11-22","shard":1,"verdict":`
	f(fakeFlock{"a": {"x": 3}, "b": {"x": 3}}, `{"equal":true,`+cell+`"equal","nodes":{`+
		`"a":{"keys":1,"points":3,"digest":"3"},"b":{"keys":1,"points":3,"digest":"3"}}}]}`)
	f(fakeFlock{"a": {}, "b": {}}, `{"equal":true,`+cell+`"equal","nodes":{`+
		`"a":{"keys":0,"points":0,"digest":"0"},"b":{"keys":0,"points":0,"digest":"0"}}}]}`)
	f(fakeFlock{"a": {"x": 3, "y": 1}, "b": {"x": 2, "y": 1}}, `{"equal":false,`+cell+`"different","nodes":{`+
		`"a":{"keys":2,"points":4,"digest":"4"},"b":{"keys":2,"points":3,"digest":"3"}},`+
		`"keys":[{"key":"x","points":{"a":3,"b":2}}]}]}`)
	f(fakeFlock{"a": {"x": 3}, "b": {}}, `{"equal":false,`+cell+`"different","nodes":{`+
		`"a":{"keys":1,"points":3,"digest":"3"},"b":{"keys":0,"points":0,"digest":"0"}},`+
		`"keys":[{"key":"x","points":{"a":3,"b":0}}]}]}`)
	f(fakeFlock{"a": {"x": 4}, "b": {"hurt": 1}}, `{"equal":false,`+cell+`"different","nodes":{`+
		`"a":{"keys":1,"points":4,"digest":"4"},"b":{"keys":1,"points":1,"digest":"4"}},`+
		`"keys":[{"key":"hurt","points":{"a":0,"b":1}},{"key":"x","points":{"a":4,"b":0}}]}],`+
		`"damaged_files":{"b":["log/1.bad","log/2.bad"]}}`)
	f(fakeFlock{"a": {"x": 3}}, `{"equal":false,`+cell+`"unreachable","nodes":{`+
		`"a":{"keys":1,"points":3,"digest":"3"}}}],"unreachable":{"b":"unavailable"}}`)
}

// TestChecker_manyKeys: of many different keys the first are named and the rest is counted.
func TestChecker_manyKeys(t *testing.T) {
	keys := map[string]int64{}
	for i := range maxShown + 7 {
		keys[fmt.Sprintf("%02d", i)] = 1
	}
	c := &Checker{Node: fakeFlock{"a": keys, "b": {}}, Topology: twoNodes(1)}
	r, err := c.Run(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if cell := r.Cells[0]; len(cell.Keys) != maxShown || cell.Keys[0].Key != "00" || cell.More != 7 {
		t.Errorf("%d keys named from %v on, %d more", len(cell.Keys), cell.Keys[0], cell.More)
	}
}
