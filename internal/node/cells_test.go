package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// TestNode_cells: three nodes that hold some of three shards each. Pipelines over all shards keep their order, whoever
// holds what; SELECT i does not forward; a shard without a holder costs its own commands only.
func TestNode_cells(t *testing.T) {
	addrs := []string{freeAddr(t), freeAddr(t), freeAddr(t)}
	holds := [][]int{{1}, {2, 3}, {3}}
	topo := ring.Single("n0", "redis://"+addrs[0], 3)
	topo.Nodes = nil
	for i, hold := range holds {
		name := fmt.Sprintf("n%d", i)
		topo.Nodes = append(topo.Nodes, ring.Node{Name: name, Site: "s", URL: "redis://" + addrs[i], Hold: hold})
	}
	stops := make([]func(), len(addrs))
	for i := range addrs {
		_, stops[i] = start(t, Config{Topology: topo, Name: topo.Nodes[i].Name, RespAddr: addrs[i]})
	}
	defer stops[0]()
	keys := []string{"", keyOf(topo, 1, "cell"), keyOf(topo, 2, "cell"), keyOf(topo, 3, "cell")}
	k, _ := topo.Layout.ParseKey([]byte(keys[1]))
	first, _ := topo.Layout.Span(k.Period)
	var lines, want []string
	for i := range 60 {
		id, ts := i%3+1, first/1000+int64(i)
		add := fmt.Sprintf("ZADD %s %d %d:%d", keys[id], ts, ts, i)
		lines = append(lines, add, fmt.Sprintf("PING p%d", i), fmt.Sprintf("ZCARD %s", keys[id]), "NONSENSE")
		want = append(want, ":1", fmt.Sprintf("p%d", i), fmt.Sprintf(":%d", i/3+1),
			"-ERR unknown command 'NONSENSE', with args beginning with:")
	}
	if got, err := sendAll(addrs[0], lines...); err != nil || !slices.Equal(want, got) {
		t.Errorf("the pipeline answers %q, %v\nwant %q", got, err, want)
	}
	got, err := sendAll(addrs[0], "SELECT 2", "ZCARD "+keys[2], "SELECT 1", "ZCARD "+keys[1], "SELECT 0", "ZCARD "+keys[2])
	want = []string{"+OK", "-WRONGSHARD 2 " + addrs[1], "+OK", ":20", "+OK", ":20"}
	if err != nil || !slices.Equal(want, got) {
		t.Errorf("SELECT: %q, %v\nwant %q", got, err, want)
	}
	await(t, "the other holder of shard 3 to have it", func() error {
		got, err := sendAll(addrs[2], "ZCARD "+keys[3])
		if err == nil && got[0] != ":20" {
			err = fmt.Errorf("%s", got)
		}
		return err
	})
	stops[1]()
	f := func(shards ...bool) { // which of the shards answer
		t.Helper()
		got, err := sendAll(addrs[0], "ZCARD "+keys[1], "ZCARD "+keys[2], "PING x", "ZCARD "+keys[3], "ZCARD "+keys[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range []int{1, 2, 0, 3, 1} {
			prefix := fmt.Sprintf("-UNAVAIL shard %d", id)
			switch {
			case id == 0:
				prefix = "x"
			case shards[id-1]:
				prefix = ":20"
			}
			if !strings.HasPrefix(got[i], prefix) {
				t.Errorf("reply %d: %q, want %q", i, got[i], prefix)
			}
		}
	}
	f(true, false, true)
	stops[2]()
	f(true, false, false)
}
