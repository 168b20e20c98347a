package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// ask sends a node one command and gives the whole first line of the reply, and what follows a '$' line.
func (f *logFlock) ask(i int, line string) string {
	f.t.Helper()
	got, err := sendAll(f.topo.Nodes[i].HostPort(), line)
	if err != nil {
		f.t.Fatal(err)
	}
	return got[0]
}

// card waits until a series has so many points on some nodes.
func (f *logFlock) card(what, key string, want int, nodes ...int) {
	f.t.Helper()
	await(f.t, what, func() error {
		for _, i := range nodes {
			if got := f.ask(i, "ZCARD "+key); got != fmt.Sprintf(":%d", want) {
				return fmt.Errorf("n%d: %s has %s points, want %d", i, key, got, want)
			}
		}
		return nil
	})
}

// TestNode_forget: what is forgotten on one node goes on all, stays away whoever brings it, from whichever side and
// after any start, and what comes later is taken. A drop reaches all nodes too, also one that was away.
func TestNode_forget(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newLogFlock(t)
	f.step = 20 * time.Millisecond
	f.proof = Proof{Every: 50 * time.Millisecond}
	_, stop0 := f.boot(0)
	defer func() { stop0() }()
	_, stop1 := f.boot(1) // it keeps a disk
	defer func() { stop1() }()
	_, stop2 := f.boot(2)
	period, _, _ := strings.Cut(f.key, ":")
	yesterday := time.Now().UTC().AddDate(0, 0, -1)
	old := yesterday.Format(time.DateOnly) + ":h1:m"
	f.write(0, 700)
	if got := f.ask(0, fmt.Sprintf("ZADD %s %d %d:1", old, yesterday.Unix(), yesterday.Unix())); got != ":1" {
		t.Fatal(got)
	}
	f.equal("the log of n0", 0, 1, 2)
	f.card("the log of n0", old, 1, 0, 1, 2)
	stop2()
	key := period + ":h1:m"
	if got := f.ask(0, "DN.FORGET h1 PREVIEW"); !strings.HasPrefix(got, "2 keys, 101 points, ") {
		t.Errorf("the preview is %q", got)
	}
	if got := f.ask(0, "DN.FORGET h1"); got != ":101" {
		t.Fatalf("%q", got)
	}
	f.card("h1 is forgotten", key, 0, 0, 1)
	f.card("h1 is forgotten, yesterday too", old, 0, 0, 1)
	f.card("h2 is not", period+":h2:m", 100, 0, 1)
	first, _ := f.topo.Layout.Span(f.topo.Layout.PeriodOf(time.Now().UnixMilli()))
	if got := f.ask(1, fmt.Sprintf("ZADD %s %d %d:5", key, first/1000, first/1000)); !strings.Contains(got, "forgotten") {
		t.Errorf("n1 answers a point that is forgotten with %q", got)
	}
	_, stop2 = f.boot(2) // it has nothing, and the logs no longer have all
	defer func() { stop2() }()
	f.written = 600
	f.equal("a node that was away", 0, 1, 2)
	f.card("a node that was away", key, 0, 2)
	stop1()
	_, stop1 = f.boot(1)
	f.equal("a node that read its disk", 0, 1, 2)
	f.card("a node that read its disk", key, 0, 1)
	later := time.Now().Add(2 * time.Second)
	ts := fmt.Sprintf("%d", later.Unix())
	if got := f.ask(2, fmt.Sprintf("ZADD %s:h1:m %s %s:7", later.UTC().Format(time.DateOnly), ts, ts)); got != ":1" {
		t.Errorf("a point that comes later: %q", got)
	}
	f.card("what comes later", later.UTC().Format(time.DateOnly)+":h1:m", 1, 0, 1, 2)
	f.dropped(yesterday)
	await(t, "all to be complete", func() error {
		addr := f.topo.Nodes[1].HostPort()
		got := infoField(t, addr, "replication", "complete_n0")
		if behind := infoField(t, addr, "peers", "behind_ms"); !strings.HasPrefix(got, "until=20") || len(behind) > 4 {
			return fmt.Errorf("complete_n0:%s, behind_ms:%s", got, behind)
		}
		return nil
	})
	await(t, "the proof", func() error {
		if got := infoField(t, f.topo.Nodes[1].HostPort(), "replication", "proof_of_n0"); strings.Contains(got, "never") ||
			!strings.Contains(got, "shards_open=0") {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	if got := infoField(t, f.topo.Nodes[1].HostPort(), "replication", "divergence_total"); got != "0" {
		t.Errorf("divergence_total is %s", got)
	}
}

// dropped drops a day on one node and sees it go on all.
func (f *logFlock) dropped(day time.Time) {
	f.t.Helper()
	p := day.Format(time.DateOnly)
	key := p + ":h2:m"
	if got := f.ask(0, fmt.Sprintf("ZADD %s %d %d:1", key, day.Unix(), day.Unix())); got != ":1" {
		f.t.Fatal(got)
	}
	f.card("a point of yesterday", key, 1, 0, 1, 2)
	today := day.AddDate(0, 0, 1).Format(time.DateOnly)
	if got := f.ask(1, "DN.DROP "+today); !strings.Contains(got, "before the current") {
		f.t.Errorf("today can be dropped: %q", got)
	}
	if got := f.ask(1, "DN.DROP "+p); got != ":1" {
		f.t.Errorf("dropped: %q", got)
	}
	f.card("yesterday is dropped", key, 0, 0, 1, 2)
	want := "floor=" + today
	await(f.t, "the floor of all", func() error {
		for i := range 3 {
			if got := f.ask(i, "DN.FLOOR"); !strings.HasPrefix(got, want) {
				return fmt.Errorf("n%d: %s, want %s", i, got, want)
			}
		}
		return nil
	})
}

// TestNode_forgetMixed: a node on Redis keeps what others forget, as the preview says, and brings it back to nobody.
func TestNode_forgetMixed(t *testing.T) {
	f := newLogFlock(t)
	f.topo.Nodes = f.topo.Nodes[:2]
	for range 4 {
		f.topo.Nodes[1].Redis = append(f.topo.Nodes[1].Redis, redistest.Start(t).URL)
	}
	_, stop0 := f.boot(0)
	defer stop0()
	_, stop1 := f.boot(1)
	defer stop1()
	period, _, _ := strings.Cut(f.key, ":")
	key := period + ":h1:m"
	first, _ := f.topo.Layout.Span(f.topo.Layout.PeriodOf(time.Now().UnixMilli()))
	write := func(i int, key string) {
		t.Helper()
		if got := f.ask(i, fmt.Sprintf("ZADD %s %d %d:1", key, first/1000, first/1000)); got != ":1" {
			t.Fatalf("n%d: %s", i, got)
		}
	}
	write(0, key)
	f.card("what an engine has", key, 1, 0, 1)
	if got := f.ask(0, "DN.FORGET h1 PREVIEW"); !strings.HasPrefix(got, "1 keys, 1 points, ") ||
		!strings.HasSuffix(got, "; nodes on Redis forget nothing and keep their points: n1") {
		t.Errorf("the preview is %q", got)
	}
	if got := f.ask(1, "DN.FORGET h1 PREVIEW"); !strings.Contains(got, "tell a node on the engine") {
		t.Errorf("a node on Redis: %q", got)
	}
	if got := f.ask(0, "DN.FORGET h1"); got != ":1" {
		t.Fatal(got)
	}
	write(1, key+"2") // into the same hour
	write(1, period+":other:m")
	f.card("what is new on Redis", period+":other:m", 1, 0, 1)
	f.card("what is forgotten", key, 0, 0)
	f.card("what is forgotten too", key+"2", 0, 0)
	f.card("what is forgotten", key, 1, 1)
}
