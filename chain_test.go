package dunlin

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// cells is a flock of two cells: a and b hold shards 1 to 4, c and d hold 5 to 8.
func cells(urls ...string) *Topology {
	topo := flock(8, urls...)
	for i := range topo.Nodes {
		topo.Nodes[i].Hold = [][]int{{1, 2, 3, 4}, {5, 6, 7, 8}}[i/2]
	}
	return topo
}

// hostOn is a host whose series are on a shard.
func hostOn(topo *Topology, shard int) string {
	for i := 0; ; i++ {
		if host := fmt.Sprintf("web%d", i); topo.ShardOf([]byte("2026-11-22:"+host+":m")) == shard {
			return host
		}
	}
}

func TestChain_routesPerKey(t *testing.T) {
	var servers []*redistest.Server
	var urls []string
	for range 4 {
		s := redistest.Start(t)
		servers, urls = append(servers, s), append(urls, s.URL)
	}
	topo := cells(urls...)
	c := openClient(t, Config{Topology: topo})
	one, two := "2026-11-22:"+hostOn(topo, 1)+":m", "2026-11-22:"+hostOn(topo, 8)+":m"
	replies, err := c.Do().ZAdd(one, 1795348800, "1795348800:1").ZAdd(two, 1795348800.5, "1795348800.5:2").
		ZCard(one).ZRange(two, 0, -1).Get("nothing").Cmd("ZSCORE", two, "1795348800.5:2").Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []any{int64(1), int64(1), int64(1), []any{"1795348800.5:2"}, nil, 1795348800.5}
	for i, r := range replies {
		if !reflect.DeepEqual(r.Value, want[i]) || r.Err != nil {
			t.Errorf("reply %d: %+v, want %v", i, r, want[i])
		}
	}
	if replies[0].Node != replies[2].Node || !strings.Contains("a b", replies[0].Node) ||
		replies[1].Node != replies[3].Node || !strings.Contains("c d", replies[1].Node) {
		t.Error(replies)
	}
	written := 0
	for _, s := range servers {
		if s.Do("DBSIZE") == ":1" {
			written++
		}
	}
	if written != 2 {
		t.Errorf("%d servers were written to, want one of each cell", written)
	}
}

func TestChain_errorRepliesDoNotStopTheRest(t *testing.T) {
	c := openClient(t, Config{URL: redistest.Start(t).URL})
	replies, err := c.Do().Set("s", "x").ZCard("s").Get("s").Exec(t.Context())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "ZCARD, command 2 of 3") ||
		!strings.Contains(err.Error(), "WRONGTYPE") {
		t.Fatal(err)
	}
	if replies[0].Value != "OK" || replies[1].Err == nil || replies[2].Value != "x" {
		t.Fatal(replies)
	}
}

func TestChain_refusedBeforeAnythingIsSent(t *testing.T) {
	f := newFake(t, stored)
	topo := flock(8, f.url())
	c := openClient(t, Config{Topology: topo})
	one, two := "2026-11-22:"+hostOn(topo, 1)+":m", "2026-11-22:"+hostOn(topo, 8)+":m"
	refused := func(want string, ch *Chain) {
		t.Helper()
		replies, err := ch.Exec(t.Context())
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) || replies != nil {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	refused("put them into a group", c.Do().Set("a", "1").Cmd("ZUNION", "2", one, two))
	refused("a transaction is on one shard", c.Do().Multi().ZCard(one).ZCard(two))
	refused("MULTI: a transaction is the chain's Multi", c.Do().Cmd("MULTI"))
	refused("INFO: it has no key", c.Do().Cmd("INFO"))
	refused("SELECT: it changes the connection", c.Do().Group("g").Cmd("SELECT", "1"))
	refused("NONSENSE: it is not known", c.Do().Cmd("NONSENSE"))
	if n := len(f.commands()); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
	if replies, err := c.Do().Exec(t.Context()); replies != nil || err != nil {
		t.Error(replies, err)
	}
}

func TestChain_groups(t *testing.T) {
	f, g := newFake(t, stored), newFake(t, stored)
	topo := cells(f.url(), "redis://127.0.0.1:1", g.url(), "redis://127.0.0.1:2")
	c := openClient(t, Config{Topology: topo, Node: "a"})
	for shard, fake := range map[int]*fakeNode{2: f, 7: g} {
		host := hostOn(topo, shard)
		_, err := c.Do().Group(host).ZAdd("2026-11-22:"+host+":m", 1795348800, "1795348800:1").
			ZAdd("journal", 1795348801, "2026-11-22:"+host+":m").Cmd("PING").Exec(t.Context())
		if err != nil && !strings.Contains(err.Error(), "down") {
			t.Fatal(err)
		}
		await(t, "both commands are on the host's node", func() bool {
			_, _ = c.Do().Group(host).ZAdd("journal", 1795348801, "x").Exec(t.Context())
			got := strings.Join(fake.commands(), "; ")
			return strings.Contains(got, "ZADD 2026-11-22:"+host+":m 1795348800 1795348800:1; ZADD journal 1795348801")
		})
	}
	got := c.Do().Group("a").Set("x", "1").Group("").Set("y", "1")
	if got.steps[0].group != "a" || got.steps[1].group != "" {
		t.Error(got.steps)
	}
}

func TestChain_multi(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL})
	replies, err := c.Do().Multi().Set("a", "1").Cmd("INCR", "a").SAdd("a", "x").Get("a").Exec(t.Context())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "SADD, command 3 of 4") {
		t.Fatal(err)
	}
	if replies[0].Value != "OK" || replies[1].Value != int64(2) || replies[2].Err == nil || replies[3].Value != "2" {
		t.Fatalf("%+v", replies)
	}
	replies, err = c.Do().Multi().Set("a", "7").Cmd("GET", "a", "b", "c").Exec(t.Context())
	if !errors.Is(err, ErrRefused) || !strings.Contains(replies[1].Err.Error(), "wrong number of arguments") ||
		!strings.Contains(replies[0].Err.Error(), "EXECABORT") {
		t.Fatalf("%+v", replies)
	}
	if v := r.Do("GET", "a"); v != "$1" {
		t.Fatal(v)
	}
}

// TestChain_notTwice: a counter whose reply is lost is not counted again, neither there nor elsewhere.
func TestChain_notTwice(t *testing.T) {
	var mu sync.Mutex
	f := newFake(t, func([]string) string { return "" }) // executed, and the reply lost
	g := newFake(t, func([]string) string { mu.Lock(); defer mu.Unlock(); return ":1\r\n" })
	c := openClient(t, Config{Topology: flock(1, f.url(), g.url()), Node: "a"})
	if _, err := c.Do().Cmd("INCR", "n").Exec(t.Context()); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), "it may have happened all the same") {
		t.Fatal(err)
	}
	if len(f.commands()) != 1 || len(g.commands()) != 0 {
		t.Fatal(f.commands(), g.commands())
	}
	// a is down now: b gets the next one.
	if r, err := c.Do().Cmd("INCR", "n").Exec(t.Context()); err != nil || r[0].Node != "b" {
		t.Fatal(r, err)
	}
}

func TestChain_failsOverWhole(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(8, first.URL, second.URL), Node: "a", Timeout: 2 * time.Second})
	first.Kill()
	replies, err := c.Do().Group("g").Set("x", "1").Set("y", "2").Get("x").Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range replies {
		if r.Node != "b" {
			t.Fatalf("%+v", replies)
		}
	}
}

func TestCompare(t *testing.T) {
	f := func(want string, replies ...Reply) {
		t.Helper()
		got := ""
		for _, r := range Compare(replies) {
			got += r.Node
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("")
	f("", Reply{Node: "a", Value: "x"})
	f("", Reply{Node: "a", Value: []any{"x", int64(1)}}, Reply{Node: "b", Value: []any{"x", int64(1)}})
	f("ab", Reply{Node: "a", Value: "x"}, Reply{Node: "b", Value: "y"})
	f("c", Reply{Node: "a", Value: "x"}, Reply{Node: "b", Value: "x"}, Reply{Node: "c", Value: "y"})
	f("c", Reply{Node: "a", Value: "x"}, Reply{Node: "b", Value: "x"}, Reply{Node: "c", Err: ErrUnavailable})
	f("", Reply{Node: "a", Shard: 1, Value: "x"}, Reply{Node: "a", Shard: 2, Value: "y"})
	f("bd", Reply{Node: "b", Shard: 1, Value: "x"}, Reply{Node: "a", Shard: 2, Value: "y"},
		Reply{Node: "d", Shard: 1, Value: "z"}, Reply{Node: "c", Shard: 2, Value: "y"})
	f("a", Reply{Node: "a", Err: ErrUnavailable})
}

func TestClient_allHolders(t *testing.T) {
	f, g := newFake(t, stored), newFake(t, stored)
	topo := cells(f.url(), "redis://127.0.0.1:1", g.url(), "redis://127.0.0.1:2")
	c := openClient(t, Config{Topology: topo})
	host := hostOn(topo, 3)
	got := map[string]Reply{}
	for _, r := range c.Holders(t.Context(), "2026-11-22:"+host+":m", "ZCARD", "2026-11-22:"+host+":m") {
		got[r.Node] = r
	}
	if len(got) != 2 || got["a"].Value != int64(1) || got["a"].Shard != 3 || !errors.Is(got["b"].Err, ErrUnavailable) {
		t.Fatal(got)
	}
	shards := map[string]string{}
	for _, r := range c.AllShards(t.Context(), "DBSIZE") {
		shards[r.Node] += fmt.Sprint(r.Shard)
	}
	if want := map[string]string{"a": "1234", "b": "1234", "c": "5678", "d": "5678"}; !reflect.DeepEqual(shards, want) {
		t.Fatal(shards)
	}
}
