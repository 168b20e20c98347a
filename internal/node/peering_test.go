package node

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// TestNode_log: nodes on the engine follow each other's logs. One that comes back with nothing gets what the logs no
// longer have by exchanges, and a node that keeps a disk goes on where it was.
func TestNode_log(t *testing.T) {
	defer goleak.VerifyNone(t)
	topo := ring.Single("n0", "redis://"+freeAddr(t), 4)
	for i := 1; i < 3; i++ {
		n := topo.Nodes[0]
		n.Name, n.URL = fmt.Sprintf("n%d", i), "redis://"+freeAddr(t)
		topo.Nodes = append(topo.Nodes, n)
	}
	dir := t.TempDir()
	boot := func(i int) (*Node, func()) {
		cfg := Config{Topology: topo, Name: topo.Nodes[i].Name, RespAddr: topo.Nodes[i].HostPort()}
		if i == 1 {
			cfg.StoragePath = dir
		}
		return start(t, cfg)
	}
	n0, stop0 := boot(0)
	_, stop1 := boot(1)
	_, stop2 := boot(2)
	k, _ := topo.Layout.ParseKey([]byte(keyOf(topo, 1, "host")))
	first, _ := topo.Layout.Span(k.Period)
	period, written := topo.Layout.PeriodString(k.Period), 0
	write := func(i, n int) {
		t.Helper()
		var lines []string
		for range n {
			ts := first/1000 + int64(written)
			lines = append(lines, fmt.Sprintf("ZADD %s:h%d:m %d %d:%d", period, written%7, ts, ts, written))
			written++
		}
		replies, err := sendAll(topo.Nodes[i].HostPort(), lines...)
		if err != nil || strings.Contains(strings.Join(replies, ""), "-") {
			t.Fatalf("%v %v", replies, err)
		}
	}
	equal := func(what string) {
		t.Helper()
		await(t, what, func() error {
			for i := range topo.Nodes {
				got, err := send(topo.Nodes[i].HostPort(), "DN.DIGEST "+period)
				if err != nil || !strings.Contains(got, fmt.Sprintf(":%d\r\n", written)) {
					return fmt.Errorf("n%d has %q of %d points, %w", i, got, written, err)
				}
			}
			return nil
		})
	}
	brought := func(n *Node) (sum peering.Status) {
		for _, l := range n.peers.links {
			s := l.link.Status()
			sum.Points, sum.Repaired, sum.Compares = sum.Points+s.Points, sum.Repaired+s.Repaired, sum.Compares+s.Compares
		}
		return sum
	}
	write(0, 100)
	write(1, 100)
	write(2, 100)
	equal("the log of each on all")
	if s := brought(n0); s.Points != 200 || s.Repaired > 0 {
		t.Errorf("n0 is brought %s", s)
	}
	stop1()
	write(0, 50)
	n1, stop1 := boot(1)
	equal("a node that kept its disk")
	if s := brought(n1); s.Points != 50 || s.Repaired > 0 {
		t.Errorf("it had all but 50 points, and is brought %s", s)
	}
	stop2()
	write(1, 50)
	_, stop2 = boot(2)
	equal("a node that lost everything")
	stop2()
	stop1()
	stop0()
	_, stop1 = boot(1) // what it read from its disk is not in its log for peers
	defer stop1()
	n2, stop2 := boot(2)
	defer stop2()
	write(1, 50)
	topo.Nodes = topo.Nodes[1:]
	equal("what no log has")
	await(t, "the exchanges to be told", func() error {
		if s := brought(n2); s.Compares == 0 || s.Repaired < 200 || s.Repaired+s.Points < 350 {
			return fmt.Errorf("a node without anything is brought %s", s)
		}
		return nil
	})
	got, err := sendAll(topo.Nodes[0].HostPort(), "DN.PULL x", "DN.PEER x", `DN.PEER "1 \"other\" n9 0 0"`)
	want := []string{"-ERR DN.PEER comes first", "-ERR hello: not of", "-ERR the other node is of another cluster"}
	for i := range want {
		if err != nil || !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q %v, want %q", got, err, want[i])
		}
	}
}
