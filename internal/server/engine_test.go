package server

import (
	"context"
	"fmt"
	osexec "os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// engineConfig is a node of n shards on the engine.
func engineConfig(t testing.TB, n int) Config {
	top := ring.Single("n1", "redis://127.0.0.1:6390", n)
	cfg := Config{Topology: top, Self: &top.Nodes[0], Shards: map[int]*shard.Shard{}, Clock: testClock, Version: "test"}
	for i := 1; i <= n; i++ {
		cfg.Shards[i] = newShard(t, i, engine.New(engine.Config{
			Layout: series.Day, Cluster: "test", Epoch: fmt.Sprint(i), Clock: testClock,
		}))
	}
	return cfg
}

// tool runs a Redis tool against addr and gives what it prints; the test is skipped without the tool.
func tool(t *testing.T, addr, name string, args ...string) string {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	path := redistest.Program(t, name)
	out, err := osexec.CommandContext(ctx, path, append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestServer_redisCLI(t *testing.T) {
	_, addr := startServer(t, engineConfig(t, 8))
	f := func(want string, args ...string) {
		t.Helper()
		if got := tool(t, addr, "redis-cli", args...); got != want {
			t.Errorf("redis-cli %q\n got %q\nwant %q", args, got, want)
		}
	}
	f("1\n", "ZADD", "2026-11-22:web1:cpu", "1795348800", "1795348800:0.50")
	f("1795348800:0.50\n1795348800\n", "ZRANGE", "2026-11-22:web1:cpu", "0", "-1", "WITHSCORES")
	f("OK\n", "-3", "SET", "a", "b")
	f("b\n", "GET", "a")
	f("2026-11-22:web1:cpu\n", "--scan", "--pattern", "2026*")
	if got := tool(t, addr, "redis-cli", "--bigkeys"); !strings.Contains(got, "zset") {
		t.Errorf("--bigkeys: %s", got)
	}
}

func TestServer_redisBenchmark(t *testing.T) {
	_, addr := startServer(t, engineConfig(t, 8))
	out := tool(t, addr, "redis-benchmark", "-t", "ping,set,get,incr,sadd,zadd", "-P", "16", "-q", "-n", "20000")
	if n := strings.Count(out, "requests per second"); n != 7 || strings.Contains(out, "rror") {
		t.Errorf("%d of 7 tests\n%s", n, out)
	}
	t.Log(strings.ReplaceAll(out, "\r", "\n"))
}

// TestServer_concurrentWriters lets clients write everything everywhere, in pipelines, on database 0 and on shards,
// inside transactions and out.
func TestServer_concurrentWriters(t *testing.T) {
	const clients, rounds, depth = 8, 20, 25
	cfg := engineConfig(t, 4)
	_, addr := startServer(t, cfg)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c := dial(t, addr)
			for r := range rounds {
				raw := ""
				for d := range depth {
					ts := 1795348800 - (r*depth + d)
					raw += encode([]string{
						"ZADD", fmt.Sprintf("2026-11-22:h%d:m%d", d, i), fmt.Sprint(ts),
						fmt.Sprintf("%d:%d", ts, i),
					})
					raw += encode([]string{"INCR", "total"}) + encode([]string{"DBSIZE"})
				}
				raw += encode([]string{"MULTI"}) + encode([]string{"INCR", "a"}) + encode([]string{"INCR", "b"})
				raw += encode([]string{"MGET", "a", "b", "c"}) + encode([]string{"EXEC"})
				c.send(raw)
				for range depth {
					if got := c.reply(); got != ":1\r\n" {
						t.Errorf("ZADD: %q", got)
					}
					c.reply()
					c.reply()
				}
				for range 4 {
					c.reply()
				}
				exec := strings.Split(c.reply(), "\r\n")
				if len(exec) < 9 || exec[1] != exec[2] || exec[5] != exec[7] {
					t.Errorf("a transaction saw half of another: %q", exec)
				}
			}
		})
	}
	wg.Wait()
	c := dial(t, addr)
	c.want("GET total", fmt.Sprintf("$4\r\n%d\r\n", clients*rounds*depth))
	c.want("DN.DIGEST 2026-11-22", c.do("DN.DIGEST 2026-11-22"))
	if got := c.do("DN.DIGEST 2026-11-22"); !strings.HasPrefix(got, fmt.Sprintf("*3\r\n:%d\r\n:%d\r\n",
		clients*depth, clients*rounds*depth)) {
		t.Errorf("DN.DIGEST: %q", got)
	}
}

func TestServer_journalsAreMergedOnDatabase0(t *testing.T) {
	cfg := engineConfig(t, 4)
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	for i := range 20 {
		c.want(fmt.Sprintf("ZADD 2026-11-22:h%d:m 1795348800 1795348800:1", i), ":1\r\n")
	}
	c.want("ZCARD dn:journal", ":20\r\n")
	sum := 0
	for i := 1; i <= 4; i++ {
		c.want(fmt.Sprintf("SELECT %d", i), "+OK\r\n")
		n := 0
		_, _ = fmt.Sscanf(c.do("ZCARD journal"), ":%d", &n)
		sum += n
	}
	if sum != 20 {
		t.Errorf("the journals of the shards have %d entries", sum)
	}
}

func TestServer_replyAboveTheLimit(t *testing.T) {
	cfg := engineConfig(t, 2)
	cfg.Limits.Output = 100_000
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	c.want("SET a "+strings.Repeat("x", 60_000), "+OK\r\n")
	c.wantPrefix("GET a", "$60000\r\n")
	c.wantPrefix("MGET a a", "-ERR the reply of 1200")
	c.want("PING", "+PONG\r\n")
}

func TestServer_panicClosesOneClient(t *testing.T) {
	s, addr := startServer(t, engineConfig(t, 2))
	s.table["boom"] = &command{name: "boom", arity: 2, first: 1, last: 1, step: 1, run: func(*call) { panic("boom") }}
	c, other := dial(t, addr), dial(t, addr)
	other.want("SET a b", "+OK\r\n")
	c.want("BOOM a", "-ERR BUG: boom\r\n")
	if got := c.reply(); got != "closed" {
		t.Errorf("after a panic: %q", got)
	}
	other.want("GET a", "$1\r\nb\r\n")
}
