package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

// redisConfig is a node of n shards over fake Redis processes.
func redisConfig(t testing.TB, n int) (Config, map[int]*fakeRedis) {
	cfg := memoryConfig(t, n)
	fakes := map[int]*fakeRedis{}
	for i := 1; i <= n; i++ {
		f := &fakeRedis{
			Local: storetest.NewNaive(storetest.NaiveConfig{Layout: series.Day, Clock: testClock}),
			reply: func(cmd []string) store.Reply { return fmt.Sprintf("%d:%s", i, strings.Join(cmd[1:], ",")) },
		}
		fakes[i] = f
		cfg.Shards[i] = newShard(t, i, f)
	}
	return cfg, fakes
}

// keysOn gives a plain key for each of the shards 1..n.
func keysOn(top *ring.Topology, n int) []string {
	keys := make([]string, n+1)
	for i, found := 0, 0; found < n; i++ {
		k := fmt.Sprintf("k%d", i)
		if at := top.ShardOf([]byte(k)); keys[at] == "" {
			keys[at] = k
			found++
		}
	}
	return keys
}

func TestServer_redisPipelineIsOneBatchAShard(t *testing.T) {
	cfg, fakes := redisConfig(t, 4)
	_, addr := startServer(t, cfg)
	keys := keysOn(cfg.Topology, 4)
	c := dial(t, addr)
	raw, want := "", ""
	for range 10 {
		for i := 1; i <= 4; i++ {
			raw += encode([]string{"GET", keys[i]})
			v := fmt.Sprintf("%d:%s", i, keys[i])
			want += fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
		}
	}
	c.send(raw)
	got := ""
	for range 40 {
		got += c.reply()
	}
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for i, f := range fakes {
		if sent, batches := f.take(); len(sent) != 10 || batches > 2 {
			t.Errorf("shard %d: %d commands in %d batches", i, len(sent), batches)
		}
	}
}

func TestServer_redisSplitsAndJoins(t *testing.T) {
	cfg, fakes := redisConfig(t, 3)
	for i, f := range fakes {
		f.reply = func(cmd []string) store.Reply {
			switch cmd[0] {
			case "MGET":
				return []store.Reply{cmd[1]}
			case "KEYS":
				return []store.Reply{fmt.Sprintf("k%d", i)}
			case "FAIL":
				return errors.New("WRONGTYPE x")
			}
			return int64(i)
		}
	}
	_, addr := startServer(t, cfg)
	k := keysOn(cfg.Topology, 3)
	c := dial(t, addr)
	c.want("DEL "+k[3]+" "+k[1]+" "+k[2], ":6\r\n")
	c.want("MGET "+k[3]+" "+k[1], fmt.Sprintf("*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(k[3]), k[3], len(k[1]), k[1]))
	c.want("DBSIZE", ":6\r\n")
	fakes[2].reply = func([]string) store.Reply { return fmt.Errorf("dial: %w", store.ErrUnavailable) }
	c.wantPrefix("DEL "+k[1]+" "+k[2], "-UNAVAIL shard 2: ")
	c.wantPrefix("GET "+k[2], "-UNAVAIL shard 2: ")
	c.want("SELECT 1", "+OK\r\n")
	c.want("DBSIZE", ":1\r\n")
	c.want("DEL "+k[3], ":1\r\n") // a held shard takes any key
}

func TestServer_redisZaddIsAdmitted(t *testing.T) {
	cfg, fakes := redisConfig(t, 1)
	fakes[1].reply = func(cmd []string) store.Reply { return int64(len(cmd)-2) / 2 }
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	const key, ts = "2026-11-22:web1:cpu", "1795348800"
	f := func(line, reply string, sent ...string) {
		t.Helper()
		c.want(line, reply)
		if got, _ := fakes[1].take(); cmp.Diff(sent, got) != "" {
			t.Errorf("%s: sent %q, want %q", line, got, sent)
		}
	}
	f("ZADD "+key+" "+ts+" "+ts+":1", ":1\r\n", "ZADD "+key+" "+ts+" "+ts+":1")
	f("ZADD "+key+" "+ts+" "+ts+":1 5 5:1 "+ts+" "+ts+":2",
		"-ERR 1 of 3 refused: "+series.ErrNotPeriod.Error()+"; the rest is stored\r\n",
		"ZADD "+key+" "+ts+" "+ts+":1 "+ts+" "+ts+":2")
	f("ZADD "+key+" 1795348801 "+ts+":1", "-ERR 1 of 1 refused: "+series.ErrScore.Error()+"; the rest is stored\r\n")
	f("ZADD "+key+" 1795349500 1795349500:1", "-ERR 1 of 1 refused: "+shard.ErrFuture.Error()+"; the rest is stored\r\n")
	f("ZADD "+key+" x "+ts+":1", "-ERR value is not a valid float\r\n")
	f("ZADD "+key+" 1", "-ERR wrong number of arguments for 'zadd' command\r\n")
	f("ZADD "+key+" NX 1", "-ERR syntax error\r\n")
	f("ZADD 2026-11-99:web1:cpu 1 1:1", "-ERR bad series key: no such date\r\n")
	f("ZADD plain 1 x", ":1\r\n", "ZADD plain 1 x")
	if got := cfg.Shards[1].Counters(); got.Points != 3 || got.Refused != 3 {
		t.Errorf("counters %+v", got)
	}
	if got := c.do("DEL " + key); !strings.HasPrefix(got, "-ERR ") {
		t.Errorf("DEL of a series key: %q", got)
	}
}

func TestServer_redisMulti(t *testing.T) {
	cfg, fakes := redisConfig(t, 2)
	fakes[1].reply = func(cmd []string) store.Reply {
		switch cmd[0] {
		case "MULTI":
			return store.Simple("OK")
		case "EXEC":
			return []store.Reply{"v", int64(1)}
		}
		return store.Simple("QUEUED")
	}
	_, addr := startServer(t, cfg)
	k := keysOn(cfg.Topology, 2)
	c := dial(t, addr)
	c.want("MULTI", "+OK\r\n")
	c.want("GET "+k[1], "+QUEUED\r\n")
	c.want("PING", "+QUEUED\r\n")
	c.want("ZADD "+k[1]+" 1 a", "+QUEUED\r\n")
	c.want("EXEC", "*3\r\n$1\r\nv\r\n+PONG\r\n:1\r\n")
	c.want("MULTI", "+OK\r\n")
	c.want("GET "+k[1], "+QUEUED\r\n")
	c.want("GET "+k[2], "+QUEUED\r\n")
	c.wantPrefix("EXEC", "-CROSSSLOT ")
	c.want("PING", "+PONG\r\n")
}

// forwarder answers for other nodes.
type forwarder struct{}

func (forwarder) Do(_ context.Context, shard, proto int, cmds [][]string) (out []store.Reply) {
	for _, cmd := range cmds {
		out = append(out, fmt.Sprintf("forwarded to %d: %s", shard, strings.Join(cmd, " ")))
	}
	return out
}

func TestServer_forwardsOneHop(t *testing.T) {
	cfg := memoryConfig(t, 2)
	cfg.Topology.Nodes = append(cfg.Topology.Nodes, ring.Node{
		Name: "n2", URL: "redis://user:pw@10.0.0.2:6390", Hold: []int{1, 2},
	})
	cfg.Topology.Nodes[0].Hold = []int{1}
	cfg.Self = &cfg.Topology.Nodes[0]
	delete(cfg.Shards, 2)
	k := keysOn(cfg.Topology, 2)
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	c.wantPrefix("GET "+k[2], "-UNAVAIL shard 2")
	c.want("SELECT 2", "+OK\r\n")
	c.want("GET "+k[2], "-WRONGSHARD 2 10.0.0.2:6390\r\n")
	c.want("DBSIZE", "-WRONGSHARD 2 10.0.0.2:6390\r\n")
	c.want("DN.HEADS", "-WRONGSHARD 2 10.0.0.2:6390\r\n")
	cfg.Forward = forwarder{}
	_, addr = startServer(t, cfg)
	c = dial(t, addr)
	want := "forwarded to 2: GET " + k[2]
	c.want("GET "+k[2], fmt.Sprintf("$%d\r\n%s\r\n", len(want), want))
	c.want("GET "+k[1], "$-1\r\n")
}

// brokenJournal is a Redis whose journal can not be read.
type brokenJournal struct{ *fakeRedis }

func (brokenJournal) Changes(context.Context, int64, int) ([]store.Change, error) {
	return nil, store.ErrUnavailable
}

// TestServer_redisJournalsAreMerged: database 0 shows one journal of all held shards.
func TestServer_redisJournalsAreMerged(t *testing.T) {
	cfg, fakes := redisConfig(t, 2)
	write := func(shard int, key, member string) {
		t.Helper()
		p, err := series.ParseMember([]byte(member))
		if err != nil {
			t.Fatal(err)
		}
		g := []store.Group{{Key: storetest.Key(key), Points: []series.Point{p}}}
		if _, err := cfg.Shards[shard].Add(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	write(1, "2026-11-22:a:x", "1795338000:1")
	write(2, "2026-11-22:b:x", "1795338000:1")
	write(2, "2026-11-22:c:x", "1795338000:1")
	write(1, "2026-11-22:c:x", "1795338000:1") // it strays on a second shard
	write(2, "2026-11-22:b:x", "1795330000:1") // late
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	c.want("ZCARD journal", ":3\r\n")
	c.want("TYPE dn:journal", "+zset\r\n")
	c.want("ZCARD dn:late", ":1\r\n")
	c.want("ZRANGE dn:late 0 -1", "*1\r\n$28\r\n2026-11-22:b:x#2026-11-22T06\r\n")
	for _, cmd := range []string{"ZRANGE journal 0 -1", "ZRANGEBYSCORE dn:journal 0 +inf", "ZREVRANGE journal 0 9"} {
		got := c.do(cmd)
		for _, host := range []string{"a", "b", "c"} {
			if !strings.HasPrefix(got, "*3\r\n") || strings.Count(got, "2026-11-22:"+host+":x") != 1 {
				t.Errorf("%s: %q", cmd, got)
			}
		}
	}
	c.want("ZRANGEBYSCORE journal +inf +inf", "*0\r\n")
	c.want("SELECT 1", "+OK\r\n")
	c.want("ZCARD journal", "$9\r\n1:journal\r\n") // the process' own
	cfg.Shards[2] = newShard(t, 2, brokenJournal{fakes[2]})
	_, addr = startServer(t, cfg)
	dial(t, addr).wantPrefix("ZRANGE journal 0 -1", "-UNAVAIL shard 2: ")
}
