package syncer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// node is one shard of one node: its store, a Syncer per peer, a Follower where it is a Redis.
type node struct {
	t      *testing.T
	name   string
	srv    *redistest.Server // nil = in memory
	st     store.Store
	sh     *shard.Shard
	syncs  []*syncer.Syncer
	follow *syncer.Follower
}

func newShard(t *testing.T, name string, st store.Store) *shard.Shard {
	t.Helper()
	sh, err := shard.New(context.Background(), shard.Config{
		Origin: replog.Origin{Node: name, Shard: 1, Incarnation: replog.NewIncarnation()},
		Layout: series.Day, Store: st, Clock: time.Now,
	})
	if err != nil {
		t.Fatalf("shard: %v", err)
	}
	return sh
}

func redisNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{t: t, name: name, srv: redistest.Start(t)}
	r := n.dial()
	n.st, n.sh = r, newShard(t, name, r)
	n.follow = syncer.NewFollower(syncer.FollowerConfig{
		Shard: n.sh, Store: r, Poll: 20 * time.Millisecond,
		Sweep: 300 * time.Millisecond,
	})
	return n
}

func memoryNode(t *testing.T, name string) *node {
	t.Helper()
	st := storetest.NewNaive(storetest.NaiveConfig{Layout: series.Day, Cluster: "c", Epoch: name, Clock: time.Now})
	return &node{t: t, name: name, st: st, sh: newShard(t, name, st)}
}

func (n *node) dial() *store.Redis {
	r := store.DialProcess(store.ProcessConfig{URL: n.srv.URL, Layout: series.Day, Cluster: "c"})
	n.t.Cleanup(func() { r.Close() })
	return r
}

// reader is how another node reads n.
func (n *node) reader() store.Reader {
	if n.srv == nil {
		return n.sh.Reader()
	}
	p := store.DialPeer(store.PeerConfig{URL: n.srv.URL, Layout: series.Day, Cluster: "c"})
	n.t.Cleanup(func() { p.Close() })
	return p
}

// run lets every node follow every other until the test ends.
func run(t *testing.T, nodes ...*node) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 32)
	running := 0
	start := func(f func(context.Context) error) {
		running++
		go func() { done <- f(ctx) }()
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a == b {
				continue
			}
			s := syncer.New(syncer.Config{Shard: a.sh, Peer: b.reader(), PeerName: b.name, Poll: 20 * time.Millisecond})
			a.syncs = append(a.syncs, s)
			start(s.Run)
		}
		if a.follow != nil {
			start(a.follow.Run)
		}
	}
	t.Cleanup(func() {
		cancel()
		for range running {
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	})
}

func (n *node) members(key string) []string {
	n.t.Helper()
	k := storetest.Key(key)
	pts, err := n.sh.Reader().Ranges(context.Background(), []store.RangeQuery{{Key: k, Span: store.All}})
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, p := range pts[0] {
		out = append(out, string(series.AppendMember(nil, p)))
	}
	return out
}

func (n *node) write(key string, members ...string) {
	n.t.Helper()
	g := store.Group{Key: storetest.Key(key)}
	for _, m := range members {
		p, err := series.ParseMember([]byte(m))
		if err != nil {
			n.t.Fatal(err)
		}
		g.Points = append(g.Points, p)
	}
	if refused, err := n.sh.Add(context.Background(), []store.Group{g}); err != nil || len(refused) > 0 {
		n.t.Fatalf("add: %v %v", refused, err)
	}
}

// eventually waits until all nodes hold exactly the members.
func eventually(t *testing.T, key string, want []string, nodes ...*node) {
	t.Helper()
	waitFor(t, func() string {
		for _, n := range nodes {
			if d := cmp.Diff(want, n.members(key)); d != "" {
				return fmt.Sprintf("%s on %s: (-want +got)\n%s", key, n.name, d)
			}
		}
		return ""
	})
}

func waitFor(t *testing.T, missing func() string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

var (
	today = time.Now().UTC().Truncate(24 * time.Hour)
	k1    = today.Format("2006-01-02") + ":h1:cpu"
	k2    = today.Format("2006-01-02") + ":h2:cpu"
	old   = today.AddDate(0, 0, -1)
	kOld  = old.Format("2006-01-02") + ":h1:cpu"
)

// at gives a member at a second of yesterday, which is never in the future.
func at(second int, value string) string {
	return fmt.Sprintf("%d:%s", old.Unix()+int64(second), value)
}

func score(member string) string { s, _, _ := strings.Cut(member, ":"); return s }

func TestSyncer_mixedStores(t *testing.T) {
	a, b, c := redisNode(t, "a"), redisNode(t, "b"), memoryNode(t, "c")
	a.write(kOld, at(1, "1"), at(2, "2"))
	c.write(kOld, at(2, "2.0"), at(3, "3"))
	run(t, a, b, c)
	want := []string{at(1, "1"), at(2, "2"), at(2, "2.0"), at(3, "3")}
	eventually(t, kOld, want, a, b, c)
	b.write(kOld, at(2, "1")) // another value at the same time
	want = []string{at(1, "1"), at(2, "1"), at(2, "2"), at(2, "2.0"), at(3, "3")}
	eventually(t, kOld, want, a, b, c)
	b.write(kOld, at(9000, "9"))
	want = append(want, at(9000, "9"))
	eventually(t, kOld, want, a, b, c)
	a.write(kOld, at(4, "late"))
	want = []string{at(1, "1"), at(2, "1"), at(2, "2"), at(2, "2.0"), at(3, "3"), at(4, "late"), at(9000, "9")}
	eventually(t, kOld, want, a, b, c)
}

func TestFollower_seedStyleAndBareWriters(t *testing.T) {
	a, b := redisNode(t, "a"), redisNode(t, "b")
	run(t, a, b)
	m := at(10, "1")
	a.srv.Do("ZADD", kOld, score(m), m)
	a.srv.Do("ZADD", "journal", fmt.Sprint(time.Now().Unix()), kOld)
	eventually(t, kOld, []string{m}, a, b)
	bare := at(7200, "2")
	b.srv.Do("ZADD", kOld, score(bare), bare)
	eventually(t, kOld, []string{m, bare}, a, b)
	late := at(20, "late")
	b.srv.Do("ZADD", kOld, score(late), late)
	eventually(t, kOld, []string{m, late, bare}, a, b)
	near := at(7190, "near")
	a.srv.Do("ZADD", kOld, score(near), near)
	eventually(t, kOld, []string{m, late, near, bare}, a, b)
	waitFor(t, func() string {
		x, y := a.follow.Status(), b.follow.Status()
		if x.Unjournaled+y.Unjournaled < 2 || x.Unjournaled+y.Unjournaled+x.Journalled+y.Journalled != 4 {
			return fmt.Sprintf("want 4 points found, 2 of them by the sweep: %+v %+v", x, y)
		}
		return ""
	})
}

func TestSyncer_lostMemoryAndFlush(t *testing.T) {
	a, b := redisNode(t, "a"), redisNode(t, "b")
	run(t, a, b)
	a.write(kOld, at(1, "1"), at(9000, "2"))
	b.write(kOld, at(5, "3"))
	want := []string{at(1, "1"), at(5, "3"), at(9000, "2")}
	eventually(t, kOld, want, a, b)
	b.srv.Kill()
	a.write(kOld, at(9100, "4"))
	want = append(want, at(9100, "4"))
	b.srv.Launch()
	eventually(t, kOld, want, a, b)
	a.srv.Do("FLUSHALL")
	eventually(t, kOld, want, a, b)
	b.write(kOld, at(9101, "5"))
	want = append(want, at(9101, "5"))
	eventually(t, kOld, want, a, b)
}

func TestSyncer_frozenPeer(t *testing.T) {
	a, b := redisNode(t, "a"), memoryNode(t, "b")
	run(t, a, b)
	b.write(kOld, at(1, "1"))
	eventually(t, kOld, []string{at(1, "1")}, a, b)
	a.srv.Stop()
	b.write(kOld, at(2, "2"))
	a.srv.Continue()
	eventually(t, kOld, []string{at(1, "1"), at(2, "2")}, a, b)
}

func TestSyncer_droppedStaysDropped(t *testing.T) {
	a, b := redisNode(t, "a"), memoryNode(t, "b")
	run(t, a, b)
	now := fmt.Sprintf("%d:1", today.Unix())
	a.write(kOld, at(1, "1"))
	a.write(k1, now)
	eventually(t, kOld, []string{at(1, "1")}, a, b)
	eventually(t, k1, []string{now}, a, b)
	if n, err := a.sh.Drop(context.Background(), series.Day.PeriodOf(today.UnixMilli())); n != 1 || err != nil {
		t.Fatalf("dropped %d keys, %v", n, err)
	}
	b.write(kOld, at(2, "2"))
	b.write(k2, now)
	eventually(t, k2, []string{now}, a, b)
	a.srv.Do("FLUSHALL")
	eventually(t, k2, []string{now}, a, b)
	eventually(t, k1, []string{now}, a, b)
	if got := a.members(kOld); len(got) > 0 {
		t.Errorf("the dropped day is back: %v", got)
	}
}

func TestSyncer_silence(t *testing.T) {
	a, b := redisNode(t, "a"), redisNode(t, "b")
	for i := range 50 {
		a.write(fmt.Sprintf("%s:h%d:m", old.Format("2006-01-02"), i), at(i, "1"), at(7200+i, "2"))
	}
	a.follow, b.follow = nil, nil // they poll too, in other commands
	run(t, a, b)
	eventually(t, old.Format("2006-01-02")+":h49:m", []string{at(49, "1"), at(7249, "2")}, a, b)
	quiet := func(n *node) bool {
		s := n.syncs[0].Status()
		return s.State == syncer.Following && s.LagMillis >= 0 && s.LagMillis < 1000
	}
	waitFor(t, func() string {
		if !quiet(a) || !quiet(b) {
			return fmt.Sprintf("%+v %+v", a.syncs[0].Status(), b.syncs[0].Status())
		}
		return ""
	})
	points, commands := b.syncs[0].Status().Points, b.syncs[0].Status().Commands
	var after syncer.Status
	waitFor(t, func() string { // ten polls later
		if after = b.syncs[0].Status(); after.Commands < commands+40 {
			return "no polls"
		}
		return ""
	})
	if after.Points != points {
		t.Errorf("%d points were sent after everything was equal", after.Points-points)
	}
	// A poll is INFO, GET dn:epoch and one range of each journal: nothing else may have been asked.
	stats := map[string]bool{}
	for _, c := range strings.Fields("info get zrangebyscore") {
		stats[c] = true
	}
	if d := cmp.Diff(map[string]bool{}, a.commandsOf(stats)); d != "" {
		t.Errorf("other commands than polls: %s", d)
	}
}

// commandsOf resets the command statistics, waits for some commands, and names those that are not expected.
func (n *node) commandsOf(expected map[string]bool) map[string]bool {
	n.t.Helper()
	n.srv.Do("CONFIG", "RESETSTAT")
	before := n.srv.Commands()
	waitFor(n.t, func() string {
		if n.srv.Commands() < before+60 {
			return "no commands"
		}
		return ""
	})
	out := map[string]bool{}
	for _, name := range n.srv.CommandNames() {
		if !expected[name] && name != "config|resetstat" && name != "quit" {
			out[name] = true
		}
	}
	return out
}
