package dunlin

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
	"github.com/dunlin-db/dunlin/internal/upstream"
)

// The Perl client of 2012, AnyEvent::Redis::Federated 0.08, was measured to have twelve bugs. Here is a test for each,
// against real servers.

// 1. An error reply marks the healthy server down, and its callback never runs; the same if a callback dies.
func TestBug01_anErrorReplyMarksTheServerDown(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL, OnResult: func(Point, Result) { time.Sleep(50 * time.Millisecond) }})
	replies, err := c.Do().Set("s", "x").ZAdd("s", 1, "1:1").Exec(t.Context())
	if !errors.Is(err, ErrRefused) || replies[1].Err == nil {
		t.Fatal(replies, err)
	}
	r.Do("SET", "2026-11-22:h:m", "not a sorted set") // a slow callback will hear of it
	if err := c.Add(t.Context(), sequence(0, 3)...); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if replies, err := c.Do().Get("s").Exec(t.Context()); err != nil || replies[0].Value != "x" {
			t.Fatal(replies, err)
		}
	}
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Refused != 3 {
		t.Fatalf("%+v", s)
	}
	if n := c.servers()["127.0.0.1"]; n.Failures != 0 || n.Dials != 1 {
		t.Fatalf("%+v", n)
	}
}

// servers gives the counts of the client's servers by node, of the one server of a URL under its address' host.
func (c *Client) servers() map[string]upstream.Stats {
	out := map[string]upstream.Stats{}
	for _, m := range c.view.Load().nodes {
		name := m.info.Name
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		out[name] = m.server.Stats()
	}
	return out
}

// 2. Connection refused: the command's callback is never called, and ten queued calls block for the whole timeout.
func TestBug02_aRefusedConnectionAnswersNobody(t *testing.T) {
	c := openClient(t, Config{URL: "redis://127.0.0.1:1", Timeout: time.Minute})
	began := time.Now()
	chain := c.Do()
	for i := range 10 {
		chain.Get(fmt.Sprint(i))
	}
	replies, err := chain.Exec(t.Context())
	if !errors.Is(err, ErrUnavailable) || len(replies) != 10 {
		t.Fatal(replies, err)
	}
	for _, r := range replies {
		if !errors.Is(r.Err, ErrUnavailable) {
			t.Fatal(r)
		}
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("took %s", d)
	}
}

// 3. A silent server is never marked down: every call costs the full timeout, for ever.
func TestBug03_aSilentServerCostsEveryCallTheTimeout(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL, Timeout: 300 * time.Millisecond})
	await(t, "the server answers", func() bool { _, err := c.Do().Get("x").Exec(t.Context()); return err == nil })
	r.Stop()
	defer r.Continue()
	began := time.Now()
	for range 200 {
		if _, err := c.Do().Get("x").Exec(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d > 15*time.Second { // 200 timeouts are a minute
		t.Errorf("200 calls took %s", d)
	}
}

// 4. Against a server that accepts and closes, connection attempts double every two seconds.
func TestBug04_retryStormAgainstAServerThatHangsUp(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var accepted atomic.Int64
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_ = c.Close()
		}
	}()
	c := openClient(t, Config{URL: "redis://" + ln.Addr().String(), Timeout: 5 * time.Second})
	began := time.Now()
	for time.Since(began) < 700*time.Millisecond {
		if err := c.Add(t.Context(), sequence(0, 10)...); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do().Get("x").Exec(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	// The first call tries twice. Probes follow after 50, 100, 200, 400 … ms, each less a quarter at most.
	most, pause := int64(2), 50*time.Millisecond*3/4
	for at := pause; at < time.Since(began); at += pause {
		most++
		pause *= 2
	}
	if n := accepted.Load(); n < 2 || n > most {
		t.Errorf("%d connections in %s, want 2 to %d", n, time.Since(began), most)
	}
}

// 5. With an idle timeout, 20 commands on a new object opened 20 connections and lost 19 commands.
func TestBug05_aBurstOnANewClientOpensAConnectionEach(t *testing.T) {
	r := redistest.Start(t)
	r.Do("CONFIG", "RESETSTAT")
	c := openClient(t, Config{URL: r.URL})
	errs := make(chan error)
	for i := range 20 {
		go func() { _, err := c.Do().Set(fmt.Sprint(i), "x").Exec(t.Context()); errs <- err }()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := c.servers()["127.0.0.1"]; n.Dials != 1 {
		t.Errorf("%+v", n)
	}
	if got := r.Do("DBSIZE"); got != ":20" {
		t.Errorf("%s keys of 20", got)
	}
}

// 6. A connection error while nobody polls dies in the caller's process.
func TestBug06_anErrorWhileNobodyWaitsIsFatal(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL})
	if _, err := c.Do().Set("x", "1").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Kill() // the connection breaks, and nobody asks
	r.Launch()
	if replies, err := c.Do().Get("x").Exec(t.Context()); err != nil || replies[0].Value != nil {
		t.Fatal(replies, err)
	}
}

// 7. A key group overwrites the caller's variable: the second use is routed by key.
func TestBug07_aGroupOverwritesTheCallersVariable(t *testing.T) {
	a, b := redistest.Start(t), redistest.Start(t)
	topo := flock(2, a.URL, b.URL)
	topo.Nodes[0].Hold, topo.Nodes[1].Hold = []int{1}, []int{2}
	c := openClient(t, Config{Topology: topo})
	group, other := hostOn(topo, 1), hostOn(topo, 2)
	command := []string{"SET", other, "1"} // by its key it would go to b
	for range 2 {
		replies, err := c.Do().Group(group).Cmd(command...).Exec(t.Context())
		if err != nil || replies[0].Node != "a" {
			t.Fatal(replies, err)
		}
	}
	if command[1] != other || b.Do("DBSIZE") != ":0" {
		t.Error(command)
	}
}

// 8. A command to all servers does nothing on a node that has one address.
func TestBug08_allOnANodeWithOneAddressDoesNothing(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL})
	for name, replies := range map[string][]Reply{
		"All":       c.All(t.Context(), "INCR", "n"),
		"AllShards": c.AllShards(t.Context(), "INCR", "n"),
		"Holders":   c.Holders(t.Context(), "n", "INCR", "n"),
	} {
		if len(replies) != 1 || replies[0].Err != nil {
			t.Errorf("%s: %v", name, replies)
		}
	}
	if replies, err := c.Do().Get("n").Exec(t.Context()); err != nil || replies[0].Value != "3" {
		t.Error(replies, err)
	}
}

// 9. Failover loses the command in flight, and two when two addresses are dead: it does not look for one that is up.
func TestBug09_failoverLosesWhatIsInFlight(t *testing.T) {
	dead1, dead2, live := redistest.Start(t), redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(4, dead1.URL, dead2.URL, live.URL), Node: "a", Timeout: 5 * time.Second})
	for i := range 2 {
		if _, err := c.Write(t.Context(), sequence(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	dead1.Kill()
	dead2.Kill()
	results, err := c.Write(t.Context(), sequence(2, 5))
	if err != nil || results[4].Node != "c" {
		t.Fatal(results, err)
	}
	if err := c.Add(t.Context(), sequence(7, 5)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(brief(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := live.Do("ZCARD", "2026-11-22:h:m"); got != ":10" {
		t.Error(got)
	}
}

// 10. Removing the last node dies, an added node has no address, the list of nodes is stale.
func TestBug10_addAndRemoveNodes(t *testing.T) {
	a, b := redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{Topology: flock(4, a.URL), Timeout: 5 * time.Second})
	if err := c.RemoveNode("a"); !errors.Is(err, ErrConfig) {
		t.Fatal(err)
	}
	if err := c.AddNode("b", b.URL, "there"); err != nil {
		t.Fatal(err)
	}
	if replies := c.All(t.Context(), "SET", "x", "1"); len(replies) != 2 || len(Compare(replies)) != 0 {
		t.Fatal(replies)
	}
	if err := c.RemoveNode("a"); err != nil {
		t.Fatal(err)
	}
	results, err := c.Write(t.Context(), sequence(0, 1))
	if err != nil || results[0].Node != "b" || len(c.Topology().Nodes) != 1 {
		t.Fatal(results, err)
	}
}

// 11. Undefined means both "no such key" and "call dropped"; a late reply marks the server down for having answered.
func TestBug11_missingAndUnavailableAreTheSame(t *testing.T) {
	r := redistest.Start(t)
	c := openClient(t, Config{URL: r.URL, Timeout: 300 * time.Millisecond})
	missing := func() bool {
		replies, err := c.Do().Get("nothing").Exec(t.Context())
		return err == nil && replies[0].Value == nil && replies[0].Err == nil
	}
	await(t, "the key is missing", missing)
	if p, ok, err := c.Newest(t.Context(), "h", "m"); ok || err != nil {
		t.Fatal(p, ok, err)
	}
	r.Stop()
	replies, err := c.Do().Get("nothing").Exec(t.Context())
	if !errors.Is(err, ErrUnavailable) || !errors.Is(replies[0].Err, ErrUnavailable) {
		t.Fatal(replies, err)
	}
	if _, _, err := c.Newest(t.Context(), "h", "m"); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	r.Continue() // the reply comes late
	await(t, "the server is up after its late reply", missing)
}

// 12. Chained commands are routed one by one: after a failover in between, data and journal land on different servers.
func TestBug12_aChainIsTornByAFailover(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	c := openClient(t, Config{
		Topology: flock(8, first.URL, second.URL), Node: "a", Timeout: time.Second, Deadline: 10 * time.Second,
	})
	for round := range 20 {
		if round%4 == 1 {
			first.Kill()
		}
		if round%4 == 3 {
			first.Launch()
		}
		data, journal := fmt.Sprintf("data:%d", round), fmt.Sprintf("journal:%d", round)
		replies, err := c.Do().Group("web17").ZAdd(data, 1, "1:1").ZAdd(journal, 1, data).Exec(t.Context())
		if err != nil || replies[0].Node != replies[1].Node {
			t.Fatal(replies, err)
		}
		replies, err = c.Do().Group("web17").Multi().ZAdd(data, 2, "2:1").ZAdd(journal, 2, data).Exec(t.Context())
		if err != nil || replies[0].Node != replies[1].Node {
			t.Fatal(replies, err)
		}
	}
	for round := range 20 { // on second, which never died, there are both or none
		data := second.Do("ZCARD", fmt.Sprintf("data:%d", round))
		journal := second.Do("ZCARD", fmt.Sprintf("journal:%d", round))
		if (data == ":0") != (journal == ":0") {
			t.Errorf("round %d: data %s, journal %s", round, data, journal)
		}
	}
}
