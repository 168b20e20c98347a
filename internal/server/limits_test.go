package server

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/engine"
	"github.com/dunlin-db/dunlin/internal/series"
)

// limitedConfig is engineConfig with a budget that all shards share.
func limitedConfig(t testing.TB, n int) Config {
	cfg := engineConfig(t, n)
	cfg.Budget = budget.New()
	for i := 1; i <= n; i++ {
		cfg.Shards[i] = newShard(t, i, engine.New(engine.Config{
			Layout: series.Day, Cluster: "test", Epoch: fmt.Sprint(i), Clock: testClock, Budget: cfg.Budget,
		}))
	}
	return cfg
}

// fields reads a section of INFO.
func (c *testClient) fields(section string) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(c.do("INFO " + section)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

func (c *testClient) number(section, field string) int64 {
	c.t.Helper()
	n, err := strconv.ParseInt(c.fields(section)[field], 10, 64)
	if err != nil {
		c.t.Errorf("INFO %s has no number %s: %v", section, field, err)
	}
	return n
}

func zaddLine(key string, from, n int) string {
	line := "ZADD 2026-11-22:" + key
	for i := range n {
		ts := 1795348800 - 40_000 + from + i
		line += fmt.Sprintf(" %d %d:%d.%02d", ts, ts, ts*7919%100, ts%100)
	}
	return line
}

func TestServer_memoryLimit(t *testing.T) {
	_, addr := startServer(t, limitedConfig(t, 2))
	c := dial(t, addr)
	for i := range 20 {
		c.want(zaddLine(fmt.Sprintf("h%d:m", i), 0, 100), ":100\r\n")
	}
	c.want("SET plain x", "+OK\r\n")

	used := c.number("memory", "used_memory")
	c.want(fmt.Sprintf("CONFIG SET maxmemory %d", used*100/97), "+OK\r\n")
	c.wantPrefix(zaddLine("new:m", 0, 3),
		"-OOM command not allowed when used memory > 'maxmemory' for new series (95% of it): ")
	c.want("EXISTS 2026-11-22:new:m", ":0\r\n")
	c.want(zaddLine("h1:m", 100, 1), ":1\r\n")
	c.want("SET plain y", "+OK\r\n")

	c.want("CONFIG SET maxmemory 1kb", "+OK\r\n")
	c.want("CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$4\r\n1024\r\n")
	c.want(zaddLine("h1:m", 0, 50), ":0\r\n") // known points need nothing
	got := c.do(zaddLine("h2:m", 50, 1000))
	if !strings.HasPrefix(got, "-ERR ") ||
		!strings.Contains(got, " of 1000 refused: used memory > 'maxmemory': raise ") ||
		!strings.HasSuffix(got, "; the rest is stored\r\n") {
		t.Errorf("partly refused: %.200q", got)
	}
	c.wantPrefix(zaddLine("h2:m", 5000, 1000), "-OOM command not allowed when used memory > 'maxmemory': raise ")
	for _, plain := range []string{"SET a b", "INCR n", "SADD s x", "ZADD z 1 x", "APPEND plain z", "MSET a b c d"} {
		c.wantPrefix(plain, "-OOM command not allowed when used memory > 'maxmemory'")
	}
	c.want("GET plain", "$1\r\ny\r\n")
	c.want("DEL plain", ":1\r\n")
	c.want("MULTI", "+OK\r\n")
	c.want("SET a b", "+QUEUED\r\n")
	c.wantPrefix("EXEC", "*1\r\n-OOM command not allowed")
	if n := c.number("stats", "refused_oom"); n < 900 {
		t.Errorf("refused_oom is %d", n)
	}

	c.want("CONFIG SET maxmemory 0 maxmemory-policy drop-oldest", "+OK\r\n")
	c.want("CONFIG GET maxmemory-policy", "*2\r\n$16\r\nmaxmemory-policy\r\n$11\r\ndrop-oldest\r\n")
	c.want(zaddLine("new:m", 0, 3), ":3\r\n")
	c.want("SET a b", "+OK\r\n")
	c.wantPrefix("CONFIG SET maxmemory 1pb", "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - size")
	c.wantPrefix("CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru", "-ERR CONFIG SET failed")
	c.want("CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n")
	c.wantPrefix("CONFIG SET maxmemory 50%", "+OK")
}

func TestServer_seriesLimit(t *testing.T) {
	cfg := limitedConfig(t, 4)
	cfg.Budget.SetMaxSeries(50)
	_, addr := startServer(t, cfg)
	c := dial(t, addr)
	for i := range 50 {
		host := "web17"
		if i >= 40 {
			host = fmt.Sprintf("web%d", i)
		}
		c.want(zaddLine(fmt.Sprintf("%s:m%d", host, i), 0, 1), ":1\r\n")
	}
	c.want(zaddLine("web99:m", 0, 1), "-ERR 1 of 1 refused: more than 50 series in 2026-11-22 "+
		"(--engine.max-series-per-period); most new series: host web17 (40); the rest is stored\r\n")
	c.want(zaddLine("web17:m0", 1, 1), ":1\r\n")
	c.want("ZADD 2026-11-21:web99:m 1795262400 1795262400:1", ":1\r\n")
	if n := c.number("stats", "refused_series_limit"); n != 1 {
		t.Errorf("refused_series_limit is %d", n)
	}
	if n := c.number("memory", "max_series_per_period"); n != 50 {
		t.Errorf("max_series_per_period is %d", n)
	}
}

// TestServer_infoMemory: the parts are the whole, and MEMORY USAGE of all keys is what series and points take.
func TestServer_infoMemory(t *testing.T) {
	_, addr := startServer(t, limitedConfig(t, 3))
	c := dial(t, addr)
	keys := []string{}
	for i := range 30 {
		c.want(zaddLine(fmt.Sprintf("h%d:m", i), i, 50+i*20), fmt.Sprintf(":%d\r\n", 50+i*20))
		keys = append(keys, fmt.Sprintf("2026-11-22:h%d:m", i))
	}
	c.want("ZADD 2026-11-21:h0:m 1795262400 1795262400:1", ":1\r\n")
	c.want("SET plain "+strings.Repeat("x", 1000), "+OK\r\n")
	m := c.fields("memory")
	n := func(name string) int64 {
		t.Helper()
		v, err := strconv.ParseInt(m[name], 10, 64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return v
	}
	parts := n("used_memory_points") + n("used_memory_series") + n("used_memory_plain_keys") + n("used_memory_overhead")
	if parts != n("used_memory") || n("used_memory_peak") < n("used_memory") || n("used_memory_plain_keys") < 1000 {
		t.Errorf("the parts are %d bytes: %v", parts, m)
	}
	today, yesterday := n("used_memory_period_2026-11-22"), n("used_memory_period_2026-11-21")
	if today <= yesterday || today+yesterday > n("used_memory") {
		t.Errorf("periods of %d and %d bytes", yesterday, today)
	}
	for _, name := range []string{"used_memory_rss", "go_heap_inuse", "go_memory_total"} {
		if n(name) < 1<<20 {
			t.Errorf("%s is %d", name, n(name))
		}
	}
	for name, want := range map[string]string{"maxmemory_human": "0B", "maxmemory_policy": "noeviction"} {
		if m[name] != want {
			t.Errorf("%s is %q, want %q", name, m[name], want)
		}
	}
	sum := int64(0)
	for _, k := range append(keys, "2026-11-21:h0:m") {
		got := c.do("MEMORY USAGE " + k)
		size, err := strconv.ParseInt(strings.TrimSpace(got[1:]), 10, 64)
		if err != nil || size < 150 {
			t.Errorf("%s: %q", k, got)
		}
		sum += size
	}
	if held := n("used_memory_points") + n("used_memory_series"); sum > held || sum < held-2 {
		t.Errorf("the keys say %d bytes, INFO %d", sum, held)
	}
	c.want("MEMORY USAGE 2026-11-22:none:m", "$-1\r\n")
	if got := c.do("MEMORY USAGE plain"); len(got) < 6 {
		t.Errorf("a plain key of 1000 bytes: %q", got)
	}
}

// TestServer_memoryLimit_concurrent: writers on all shards meet the shared limit, and it holds.
func TestServer_memoryLimit_concurrent(t *testing.T) {
	const limit, clients = 768 << 10, 4
	cfg := limitedConfig(t, clients)
	cfg.Budget.SetMax(limit)
	_, addr := startServer(t, cfg)
	var wg sync.WaitGroup
	for i := range clients {
		c := dial(t, addr)
		wg.Go(func() {
			for n := range 3000 {
				got := c.do(zaddLine(fmt.Sprintf("h%d-%d:m", i, n%40), n/40*100, 100))
				switch {
				case strings.HasPrefix(got, "-OOM "):
					return
				case got != ":100\r\n" && !strings.Contains(got, "refused: used memory > 'maxmemory'"):
					t.Errorf("%.200q", got)
					return
				}
			}
			t.Error("nothing was refused")
		})
	}
	wg.Wait()
	if used := dial(t, addr).number("memory", "used_memory"); used > limit+clients*64<<10 || used < limit*8/10 {
		t.Errorf("used_memory is %d of %d", used, limit)
	}
}
