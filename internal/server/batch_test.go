package server

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// drawCommand makes a command as writers send them, good and bad, on few keys so that they meet.
func drawCommand(r *rand.Rand) []string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	host := fmt.Sprintf("web%d", r.IntN(4))
	metric := pick("cpu", "load", "mem", `up{job="x"}`, "bad{", "a\tb", "")
	key := pick("2026-11-22", "2026-11-22", "2026-11-21", "2026-11-23", "2026-11-31") + ":" + host + ":" + metric
	point := func() []string {
		ts := pick("1795348800", "1795348810", "1795348800.5", "1795348809", "1795262400", "1795349500", "01795348800")
		score := ts
		switch r.IntN(12) {
		case 0:
			score += ".0"
		case 1:
			score = pick("1", "x", "", "nan", "NX")
		}
		return []string{score, ts + ":" + pick("1", "1.50", "nan", "-0", "1e5", "", "a\x01", strings.Repeat("9", 129))}
	}
	switch r.IntN(20) {
	case 0:
		return []string{"ZADD", "plain", "1", "m"}
	case 1:
		return []string{"ZADD", "journal", "1795348800", key}
	case 2:
		return []string{"ZCARD", key}
	case 3:
		return append([]string{"ZADD", key, pick("NX", "CH", "XX")}, point()...)
	case 4:
		return append(append([]string{"zadd", key}, point()...), point()...)
	case 5:
		return []string{"ZRANGE", key, "0", "-1", "WITHSCORES"}
	}
	return append([]string{"ZADD", key}, point()...)
}

// TestServer_batch_sameAsOneByOne sends the same commands in large writes, where points are gathered, and each as a
// transaction of its own, where they are not.
func TestServer_batch_sameAsOneByOne(t *testing.T) {
	for _, hash := range []ring.Hash{ring.HashHost, ring.HashSeries} {
		for _, db := range []string{"0", "2"} {
			t.Run(string(hash)+db, func(t *testing.T) {
				cfg, plain := engineConfig(t, 4), engineConfig(t, 4)
				cfg.Topology.Rings[0].Hash, plain.Topology.Rings[0].Hash = hash, hash
				_, addr := startServer(t, cfg)
				_, other := startServer(t, plain)
				a, b := dial(t, addr), dial(t, other)
				a.do("SELECT " + db)
				b.do("SELECT " + db)
				r := rand.New(rand.NewPCG(7, 7))
				for range 60 {
					var all [][]string
					var raw strings.Builder
					for range 1 + r.IntN(200) {
						cmds := [][]string{drawCommand(r)}
						if key := cmds[0][1]; r.IntN(4) == 0 { // as the writers of 2012 do
							cmds = append(cmds, []string{"ZADD", "journal", "1795348800", key})
						}
						for _, cmd := range cmds {
							all = append(all, cmd)
							raw.WriteString(encode(cmd))
						}
					}
					a.send(raw.String())
					for _, cmd := range all {
						got, want := a.reply(), oneByOne(b, cmd)
						if got != want {
							t.Fatalf("%q\n got %q\nwant %q", cmd, got, want)
						}
					}
				}
				same(t, a, b)
			})
		}
	}
}

func oneByOne(c *testClient, cmd []string) string {
	c.send(encode([]string{"MULTI"}) + encode(cmd) + encode([]string{"EXEC"}))
	c.reply()
	c.reply()
	return strings.TrimPrefix(c.reply(), "*1\r\n")
}

// same compares what two servers hold.
func same(t *testing.T, a, b *testClient) {
	t.Helper()
	for _, p := range []string{"2026-11-21", "2026-11-22", "2026-11-23"} {
		got, want := a.do("DN.DIGEST "+p+" KEYS"), b.do("DN.DIGEST "+p+" KEYS")
		if got != want || p == "2026-11-22" && len(want) < 100 {
			t.Errorf("digests of %s\n got %q\nwant %q", p, got, want)
		}
	}
	for shard := 1; shard <= 4; shard++ { // on database 0 the order depends on the clocks of several shards
		a.do(fmt.Sprint("SELECT ", shard))
		b.do(fmt.Sprint("SELECT ", shard))
		if got, want := a.do("ZRANGE dn:journal 0 -1"), b.do("ZRANGE dn:journal 0 -1"); got != want {
			t.Errorf("journals of shard %d\n got %q\nwant %q", shard, got, want)
		}
	}
}

// TestServer_madd compares DN.MADD and DN.MADDT with the ZADDs they stand for.
func TestServer_madd(t *testing.T) {
	_, addr := startServer(t, engineConfig(t, 4))
	c := dial(t, addr)
	c.want("DN.MADD 1795348800 web1:cpu 1.50 web2:cpu nan web1:load 3", ":3\r\n")
	c.want("DN.MADD 1795348800 web1:cpu 1.50 web1:cpu 1.5", ":2\r\n") // the first was there: stored all the same
	c.want("ZRANGE 2026-11-22:web1:cpu 0 -1", "*2\r\n$14\r\n1795348800:1.5\r\n$15\r\n1795348800:1.50\r\n")
	c.want("DN.MADDT 1795348801.25 web1:cpu 7 1795262400 web3:cpu 8", ":2\r\n")
	c.want("ZRANGE 2026-11-22:web1:cpu -1 -1 WITHSCORES", "*2\r\n$15\r\n1795348801.25:7\r\n$13\r\n1795348801.25\r\n")
	c.want("ZRANGE 2026-11-21:web3:cpu 0 -1", "*1\r\n$12\r\n1795262400:8\r\n")

	refused := func(i int, why string) string {
		return fmt.Sprintf("*2\r\n:%d\r\n$%d\r\n%s\r\n", i, len(why), why)
	}
	noHost := "ERR no host: want period:host:metric"
	c.want(`DN.MADD 1795348801 web1:a 1 nohost 2 web1:b "" web1:c{ 4 web1:d 5`, "*4\r\n:2\r\n"+refused(1, noHost)+
		refused(2, "ERR the value must be 1 to 128 bytes of text without control characters")+
		refused(3, "ERR "+`metric: labels must be canonical, name{a="b",c="d"} sorted by name`))
	c.want("DN.MADD 1795350000 web1:a 1", "*2\r\n:0\r\n"+
		refused(0, "ERR its timestamp is more than 10 minutes ahead of this node's clock"))
	c.want("DN.MADDT x web1:a 1 1795348802 web1:a 2", "*2\r\n:1\r\n"+
		refused(0, "ERR timestamp: want decimal seconds with at most 3 fraction digits"))
	c.want("DN.MADD x web1:a 1", "-ERR timestamp: want decimal seconds with at most 3 fraction digits\r\n")
	c.want(`DN.MADD "" web1:a 1`, "-ERR timestamp: want decimal seconds with at most 3 fraction digits\r\n")
	c.want(`DN.MADDT "" web1:a 1`, "*2\r\n:0\r\n"+
		refused(0, "ERR timestamp: want decimal seconds with at most 3 fraction digits"))
	c.want("DN.MADD 1795348802 web1:a", "-ERR wrong number of arguments for 'dn.madd' command\r\n")
	c.want("DN.MADD 1795348802 web1:a 1 web1:b", "-ERR wrong number of arguments for 'dn.madd' command\r\n")
	c.want("DN.MADDT 1795348802 web1:a 1 2", "-ERR wrong number of arguments for 'dn.maddt' command\r\n")
	c.want("ZCARD 2026-11-22:web1:a", ":2\r\n")
	c.want("MULTI", "+OK\r\n")
	c.want("DN.MADD 1795348802 web1:a 1", "-ERR Command not allowed inside a transaction\r\n")
	c.want("DISCARD", "+OK\r\n")
}

// TestServer_madd_manyInOneWrite fills several batches in a single write and reads between them.
func TestServer_madd_manyInOneWrite(t *testing.T) {
	_, addr := startServer(t, engineConfig(t, 4))
	c := dial(t, addr)
	const ticks, hosts, metrics = 30, 20, 30
	var raw strings.Builder
	for i := range ticks {
		for h := range hosts {
			cmd := []string{"DN.MADD", fmt.Sprint(1795340000 + 10*i)}
			for m := range metrics {
				cmd = append(cmd, fmt.Sprintf("h%d:m%d", h, m), fmt.Sprint(i*m))
			}
			raw.WriteString(encode(cmd))
		}
		raw.WriteString(encode([]string{"ZCARD", "2026-11-22:h7:m7"}))
	}
	go c.send(raw.String())
	for i := range ticks {
		for range hosts {
			if got := c.reply(); got != fmt.Sprintf(":%d\r\n", metrics) {
				t.Fatal(got)
			}
		}
		if got := c.reply(); got != fmt.Sprintf(":%d\r\n", i+1) {
			t.Fatalf("tick %d: %s", i, got)
		}
	}
}

// TestServer_madd_onRedis: a node whose shards are Redis processes, and one that holds only some of the shards.
func TestServer_madd_onRedis(t *testing.T) {
	cfg := memoryConfig(t, 1)
	top := ring.Single("n1", "redis://127.0.0.1:6390", 2)
	cfg.Topology = top
	redis := &fakeRedis{Local: memory(t), reply: func(cmd []string) store.Reply {
		if strings.Contains(cmd[1], "web5") {
			return errorReply("UNAVAIL shard 2: it is away")
		}
		return int64(1)
	}}
	cfg.Shards[2] = newShard(t, 2, redis)
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	args := []string{"DN.MADD", "1795348800"}
	refused, sent := "", []string{}
	for i := range 8 {
		name := fmt.Sprintf("web%d:cpu", i)
		key := "2026-11-22:" + name
		args = append(args, name, "1")
		if top.ShardOf([]byte(key)) == 2 {
			sent = append(sent, "ZADD "+key+" 1795348800 1795348800:1")
		}
	}
	if len(sent) == 0 || len(sent) == 8 || top.ShardOf([]byte("2026-11-22:web5:cpu")) != 2 {
		t.Fatalf("choose other hosts: %q", sent)
	}
	refused = "*2\r\n:7\r\n*2\r\n:5\r\n$27\r\nUNAVAIL shard 2: it is away\r\n"
	if got := c.args(args...); got != refused {
		t.Errorf("got %q\nwant %q", got, refused)
	}
	if got, _ := redis.take(); strings.Join(got, "\n") != strings.Join(sent, "\n") {
		t.Errorf("sent %q\nwant %q", got, sent)
	}
	c.want("DN.MADD 1795350000 web5:cpu 1",
		"*2\r\n:0\r\n*2\r\n:0\r\n$68\r\nERR its timestamp is more than 10 minutes ahead of this node's clock\r\n")
}

func memory(t testing.TB) store.Local {
	t.Helper()
	sh := naiveShard(t, 9)
	tx := sh.Begin()
	defer tx.End()
	return tx.Store.(store.Local)
}

// pipelined draws commands on series that mean the same to a Redis: points of every shape, late, twice and at equal
// times, with reads in between.
type pipelined struct {
	r   *rand.Rand
	now int64 // s, noon of the period
}

func (g *pipelined) key() string {
	return fmt.Sprintf("2026-11-22:web%d:%s", g.r.IntN(5), []string{"cpu", "load", "mem"}[g.r.IntN(3)])
}

func (g *pipelined) point() []string {
	ts := strconv.FormatInt(g.now-int64(g.r.IntN(40))*10, 10)
	if g.r.IntN(6) == 0 {
		ts += "." + strconv.Itoa(1+g.r.IntN(9))
	}
	if g.r.IntN(3) > 0 {
		g.now++
	}
	score := ts
	if g.r.IntN(10) == 0 && !strings.Contains(ts, ".") {
		score += ".0"
	}
	value := strconv.Itoa(g.r.IntN(3))
	switch g.r.IntN(8) {
	case 0:
		value = []string{"nan", "-0", "1e-05", "9.74:8.55:5.02", "44.833999999999996", "0.10", "1.0"}[g.r.IntN(7)]
	case 1, 2:
		value = fmt.Sprintf("%.2f", g.r.Float64()*100)
	}
	return []string{score, ts + ":" + value}
}

func (g *pipelined) command() []string {
	bound := func() string { return strconv.FormatInt(g.now-int64(g.r.IntN(500)), 10) }
	switch key := g.key(); g.r.IntN(24) {
	case 0:
		return []string{"ZCARD", key}
	case 1:
		lo, hi := bound(), bound()
		return []string{"ZRANGEBYSCORE", key, min(lo, hi), max(lo, hi), "WITHSCORES", "LIMIT", "1", "20"}
	case 2:
		return []string{"ZRANGE", key, "-5", "-1", "WITHSCORES"}
	case 3:
		return []string{"ZREVRANGE", key, "0", "0"}
	case 4:
		return []string{"ZCOUNT", key, "(" + bound(), "+inf"}
	case 5:
		return append([]string{"ZADD", key, "NX", "CH"}, g.point()...)
	case 6, 7:
		return append(append([]string{"zadd", key}, g.point()...), g.point()...)
	default:
		return append([]string{"ZADD", key}, g.point()...)
	}
}

// TestServer_batch_sameAsRedis sends the same pipelines here and to a redis-server. DUNLIN_DIFF_OPS says how many
// commands, DUNLIN_DIFF_SEED which, 0 fresh ones.
func TestServer_batch_sameAsRedis(t *testing.T) {
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			return otherwise
		}
		return n
	}
	seed := number("DUNLIN_DIFF_SEED", 1)
	if seed == 0 {
		seed = int(time.Now().UnixNano() % 1e9)
	}
	t.Logf("seed %d", seed)
	_, addr := startServer(t, engineConfig(t, 4))
	ours, redis := dial(t, addr), dial(t, redistest.Start(t).Addr)
	g := &pipelined{r: rand.New(rand.NewPCG(uint64(seed), 1)), now: 1795306000}
	for left := number("DUNLIN_DIFF_OPS", 20_000); left > 0; {
		var cmds [][]string
		var raw strings.Builder
		for range min(left, 1+g.r.IntN(400)) {
			cmds = append(cmds, g.command())
			raw.WriteString(encode(cmds[len(cmds)-1]))
		}
		left -= len(cmds)
		if g.now > 1795349000 { // the clock of the test's server is near: begin again with what is known by now
			g.now = 1795306000
		}
		_ = ours.nc.SetDeadline(time.Now().Add(20 * time.Second))
		_ = redis.nc.SetDeadline(time.Now().Add(20 * time.Second))
		ours.send(raw.String())
		redis.send(raw.String())
		for _, cmd := range cmds {
			if got, want := ours.reply(), redis.reply(); got != want {
				t.Fatalf("seed %d: %q\n  got %q\nredis %q", seed, cmd, got, want)
			}
		}
	}
}
