package muster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

var noon = time.Date(2026, 11, 22, 12, 0, 31, 0, time.UTC)

// told is a flock that says what it is told to, by node.
type told map[string]string

func (f told) Ask(_ context.Context, node string, _ int, commands ...[]string) ([]dunlin.Reply, error) {
	if len(commands) != 1 || commands[0][0] != "INFO" {
		return nil, errors.New("want one INFO")
	}
	text, ok := f[node]
	if !ok {
		return []dunlin.Reply{{Err: errors.New("unavailable\x1b[2J")}}, nil
	}
	return []dunlin.Reply{{Value: strings.ReplaceAll(text, "\n", "\r\n")}}, nil
}

func look(f told, nodes ...string) *Report {
	topo := &ring.Topology{Cluster: "demo"}
	for _, n := range nodes {
		topo.Nodes = append(topo.Nodes, ring.Node{Name: n, Site: "sfo"})
	}
	m := &Muster{Topology: topo, Node: f, Clock: func() time.Time { return noon }, MostLag: 10 * time.Second}
	return m.Look(context.Background())
}

func print(t *testing.T, r *Report, each bool) string {
	t.Helper()
	var b strings.Builder
	if err := Print(&b, r, each); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const wellA = `# Dunlin
dunlin_node:a
dunlin_site:sfo
dunlin_store:engine
dunlin_durability:ok
# Peers
peer_b:state=following,up=true,lag_ms=31,bytes=2097152,points=9,commands=1
# Shards
shard_1:series=1,points=10,bytes=1048576,written=1,merged=0,up=true,loading=false,divergence=0
shard_2:series=1,points=20,bytes=1048576,written=1,merged=0,up=true,loading=false,divergence=0
# Replication
complete_b:until=2026-11-22T12:00:30.500Z,heard=2026-11-22T12:00:30.500Z,behind_ms=500
proof_of_b:proven_at=2026-11-22T12:00:05Z,same_at=2026-11-22T12:00:04Z,hours_moving=0,hours_different=0
# Links
link_1_b:state=following,up=true,lag_ms=31,hours_different=0
link_2_b:state=following,up=true,lag_ms=7,hours_different=0
# Vectors
vector_1:a/01=100,b/02=50
vector_2:a/01=200,b/02=50
`

// asB is what node b says where a says wellA.
var asB = strings.NewReplacer("dunlin_node:a", "dunlin_node:b", "peer_b", "peer_a", "complete_b", "complete_a",
	"proof_of_b", "proof_of_a", "_1_b", "_1_a", "_2_b", "_2_a", "a/01=200", "a/01=195")

func TestPrint(t *testing.T) {
	f := func(r *Report, each bool, want string) {
		t.Helper()
		if d := cmp.Diff(want[1:], print(t, r, each)); d != "" {
			t.Errorf("want -, got +\n%s", d)
		}
	}
	well := look(told{"a": wellA, "b": asB.Replace(wellA)}, "a", "b")
	f(well, false, `
flock demo at 12:00:31: 2 nodes, 0 problems

node  site  store   shards  state      lag    lacks  points  MiB  divergence
a     sfo   engine  1–2     following  31 ms      0      30  2.0           0
b     sfo   engine  1–2     following  31 ms      5      30  2.0           0

node  follows  state      lag    complete up to  proven equal  all the same  MiB moved
a     b        following  31 ms  12:00:30        12:00:05      12:00:04            2.0
b     a        following  31 ms  12:00:30        12:00:05      12:00:04            2.0
`)

	// A node that lost the other, with a shard that loads, one that differs; a node on Redis; one that is no node.
	bad := strings.NewReplacer("state=following,up=true,lag_ms=31,bytes", "state=unreachable,up=false,lag_ms=9000,bytes",
		"link_1_b:state=following,up=true,lag_ms=31", "link_1_b:state=unreachable,up=false,lag_ms=9000",
		"behind_ms=500", "behind_ms=61000", "loading=false,divergence=0\nshard_2", "loading=true,divergence=0\nshard_2",
		"lag_ms=7,hours_different=0", "lag_ms=7,hours_different=2", "loading=false,divergence=0\n#",
		"loading=false,divergence=3\n#", "hours_moving=0,hours_different=0", "hours_moving=0,hours_different=2",
		"durability:ok", "durability:degraded")
	redis := "dunlin_node:c\ndunlin_store:redis\npeer_a:state=following,up=true,lag_ms=14000,bytes=0\n" +
		"shard_1:points=-1,bytes=0,up=false\nlink_1_a:state=following,up=true,lag_ms=14000\n"
	f(look(told{"a": bad.Replace(wellA), "c": redis, "d": "redis_version:7"}, "a", "b", "c", "d"), true, `
flock demo at 12:00:31: 4 nodes, 8 problems

node  site  store   shards  state             lag     lacks  points  MiB  divergence
a     sfo   engine       1  loading           1m1s        0      10  1.0  0
a     sfo   engine       2  following         7 ms        0      20  1.0  3, 2 hours differ
b     sfo                   can not be asked
c           redis        1  down              14.0 s      -       -  0.0  -
d     sfo                   can not be asked

node  follows  state        lag      complete up to  proven equal  all the same  MiB moved
a     b        unreachable  cut off  12:00:30        12:00:05      12:00:04            2.0
c     a        following    14.0 s   -               -             -                   0.0

! a: its disk fails; INFO persistence says why
! a follows b: unreachable, complete up to 12:00:30
! a and b differ in 2 hours; they are being repaired
! a: shard 1 is loading
! "b can not be asked: unavailable\x1b[2J"
! c is 14.0 s behind a
! c: shard 1 is down
! d can not be asked: what answers there is no node of Dunlin
`)
}

// TestLook_wrongNode: a node that answers at the address of another is not taken for it.
func TestLook_wrongNode(t *testing.T) {
	r := look(told{"a": wellA, "b": wellA}, "a", "b")
	if n := r.Nodes[1]; !strings.Contains(n.Error, "is a") || n.Shards != nil || len(r.Problems) != 1 {
		t.Errorf("%+v, problems %q", n, r.Problems)
	}
	if r := look(told{"the url": wellA}, "the url"); r.Nodes[0].Name != "a" || len(r.Problems) > 0 {
		t.Errorf("one node by its url: %+v", r)
	}
}

// TestLook_topology: a node that does not know of one that it should follow is a problem, and so is a lag of which
// nothing is known.
func TestLook_topology(t *testing.T) {
	topo := ring.Single("a", "redis://127.0.0.1:1", 2)
	for _, name := range []string{"b", "c", "d"} {
		n := topo.Nodes[0]
		n.Name = name
		topo.Nodes = append(topo.Nodes, n)
	}
	topo.Nodes[3].Hold = nil // nobody need follow it
	toC := "peer_c:state=following,up=true,lag_ms=-1\n"
	f := told{
		"a": wellA + toC, "b": asB.Replace(wellA), "d": "dunlin_node:d\n",
		"c": "dunlin_node:c\npeer_a:state=following,up=true,lag_ms=1\npeer_b:state=journal,up=true,lag_ms=1\n",
	}
	f["d"] += "dunlin_shards:1,2\ndamaged_series_now:3\n"
	m := &Muster{Topology: topo, Node: f, Clock: func() time.Time { return noon }, MostLag: 10 * time.Second}
	want := []string{
		"nothing says how far a is behind c",
		"d has just started, and says nothing of its shards yet",
		"d: 3 series are damaged in memory, and no peer has mended them yet",
		"b does not follow c, with which it shares shards: its topology file may be another",
	}
	if d := cmp.Diff(want, m.Look(t.Context()).Problems); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
}

// TestWatcher: it shows one report behind the other on what is no terminal, until its context ends.
func TestWatcher(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	topo := &ring.Topology{Cluster: "demo", Nodes: []ring.Node{{Name: "a"}}}
	m := &Muster{Topology: topo, Node: told{"a": wellA}, Clock: func() time.Time { return noon }}
	out := &counter{ended: cancel, left: 3}
	w := Watcher{Muster: m, Every: time.Millisecond, Out: out}
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.text.String(), "flock demo at"); n < 3 || strings.Contains(out.text.String(), "\x1b") {
		t.Errorf("%d reports\n%q", n, out.text.String())
	}
}

// counter calls ended after some writes.
type counter struct {
	text  strings.Builder
	ended func()
	left  int
}

func (c *counter) Write(b []byte) (int, error) {
	if c.left--; c.left == 0 {
		c.ended()
	}
	return c.text.Write(b)
}

func FuzzParse(f *testing.F) {
	f.Add(wellA)
	f.Add("shard_:x=\nlink_1:\nvector_-3:a=b=c\npeer_:\ncomplete_x:until=y")
	f.Fuzz(func(t *testing.T, text string) {
		r := &Report{Nodes: []Node{parse(text)}}
		r.measure()
		r.judge(time.Second)
		var b strings.Builder
		if err := Print(&b, r, false); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.String() {
			if c < ' ' && c != '\n' {
				t.Fatalf("control character %q reaches the terminal", c)
			}
		}
	})
}
