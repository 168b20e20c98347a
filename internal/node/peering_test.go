package node

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/peering"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/storage"
)

// logFlock is three nodes on the engine. The second keeps a disk.
type logFlock struct {
	t       *testing.T
	topo    *ring.Topology
	dir     string
	key     string // a key of today
	written int
	step    time.Duration // between two points
	proof   Proof
	disks   bool // all nodes keep one
}

func newLogFlock(t *testing.T) *logFlock {
	topo := ring.Single("n0", "redis://"+freeAddr(t), 4)
	for i := 1; i < 3; i++ {
		n := topo.Nodes[0]
		n.Name, n.URL = fmt.Sprintf("n%d", i), "redis://"+freeAddr(t)
		topo.Nodes = append(topo.Nodes, n)
	}
	return &logFlock{t: t, topo: topo, dir: t.TempDir(), key: keyOf(topo, 1, "host"), step: time.Second}
}

func (f *logFlock) boot(i int) (*Node, func()) {
	cfg := Config{Topology: f.topo, Name: f.topo.Nodes[i].Name, RespAddr: f.topo.Nodes[i].HostPort(), Proof: f.proof}
	if i == 1 || f.disks {
		cfg.StoragePath = filepath.Join(f.dir, cfg.Name)
		cfg.Disk.Keep = storage.Keep{Age: time.Hour, Bytes: 1 << 20}
	}
	return start(f.t, cfg)
}

// write writes n points to a node.
func (f *logFlock) write(i, n int) {
	f.t.Helper()
	period, _, _ := strings.Cut(f.key, ":")
	k, _ := f.topo.Layout.ParseKey([]byte(f.key))
	first, _ := f.topo.Layout.Span(k.Period)
	var lines []string
	for range n {
		at := time.UnixMilli(first).Add(time.Duration(f.written) * f.step)
		ts := string(series.AppendTime(nil, at.UnixMilli(), series.FracFor(at.UnixMilli())))
		lines = append(lines, fmt.Sprintf("ZADD %s:h%d:m %s %s:%d", period, f.written%7, ts, ts, f.written*7919%10007))
		f.written++
	}
	replies, err := sendAll(f.topo.Nodes[i].HostPort(), lines...)
	if err != nil || strings.Contains(strings.Join(replies, ""), "-") {
		f.t.Fatalf("%v %v", replies, err)
	}
}

// equal waits until some nodes have all that was written.
func (f *logFlock) equal(what string, nodes ...int) {
	f.t.Helper()
	period, _, _ := strings.Cut(f.key, ":")
	await(f.t, what, func() error {
		for _, i := range nodes {
			got, err := send(f.topo.Nodes[i].HostPort(), "DN.DIGEST "+period)
			if err != nil || !strings.Contains(got, fmt.Sprintf(":%d\r\n", f.written)) {
				return fmt.Errorf("n%d has %q of %d points, %w", i, got, f.written, err)
			}
		}
		return nil
	})
}

// brought adds up what a node's links have brought.
func brought(n *Node) (sum peering.Status) {
	for _, l := range n.peers.links {
		s := l.link.Status()
		sum.Points, sum.Repaired, sum.Compares = sum.Points+s.Points, sum.Repaired+s.Repaired, sum.Compares+s.Compares
	}
	return sum
}

// TestNode_log: nodes on the engine follow each other's logs. One that comes back with nothing gets what the logs no
// longer have by exchanges, and a node that keeps a disk goes on where it was.
func TestNode_log(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newLogFlock(t)
	n0, stop0 := f.boot(0)
	_, stop1 := f.boot(1)
	_, stop2 := f.boot(2)
	f.write(0, 100)
	f.write(1, 100)
	f.write(2, 100)
	f.equal("the log of each on all", 0, 1, 2)
	if s := brought(n0); s.Points != 200 || s.Repaired > 0 {
		t.Errorf("n0 is brought %s", s)
	}
	stop1()
	f.write(0, 50)
	n1, stop1 := f.boot(1)
	f.equal("a node that kept its disk", 0, 1, 2)
	if s := brought(n1); s.Points != 50 || s.Repaired > 0 {
		t.Errorf("it had all but 50 points, and is brought %s", s)
	}
	stop2()
	f.write(1, 50)
	_, stop2 = f.boot(2)
	f.equal("a node that lost everything", 0, 1, 2)
	stop2()
	stop1()
	stop0()
	_, stop1 = f.boot(1) // what it read from its disk is not in its log for peers
	defer stop1()
	n2, stop2 := f.boot(2)
	defer stop2()
	f.write(1, 50)
	f.equal("what no log has", 1, 2)
	await(t, "the exchanges to be told", func() error {
		if s := brought(n2); s.Compares == 0 || s.Repaired < 200 || s.Repaired+s.Points < 350 {
			return fmt.Errorf("a node without anything is brought %s", s)
		}
		return nil
	})
	got, err := sendAll(f.topo.Nodes[1].HostPort(), "DN.PULL x", "DN.PEER x", `DN.PEER "1 \"other\" n9 0 0"`)
	want := []string{"-ERR DN.PEER comes first", "-ERR hello: not of", "-ERR the other node is of another cluster"}
	for i := range want {
		if err != nil || !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q %v, want %q", got, err, want[i])
		}
	}
}

// TestNode_log_fromDisk: a node that starts again has nothing of its log in memory, and tells what a peer lacks of its
// earlier life from the disk: nobody compares anything.
func TestNode_log_fromDisk(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newLogFlock(t)
	f.disks = true
	_, stop0 := f.boot(0)
	_, stop1 := f.boot(1)
	f.write(0, 100)
	f.equal("the log of each on both", 0, 1)
	stop1()
	f.write(0, 500)
	stop0()
	n0, stop0 := f.boot(0)
	defer stop0()
	n1, stop1 := f.boot(1)
	defer stop1()
	f.write(0, 10)
	f.equal("what the earlier life of the other wrote", 0, 1)
	if s := brought(n1); s.Points != 510 || s.Repaired != 0 || s.Compares != 0 {
		t.Errorf("it lacked 510 points, and is brought %s", s)
	}
	if s := n0.peers.archive.Stats(); s.Begun == 0 || s.Records == 0 || s.Bytes == 0 {
		t.Errorf("nothing was read from the disk: %+v", s)
	}
}
