package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// print tells what runs and what to try.
func (d *demo) print() {
	p := d.plan
	name := binaryName(p.self)
	dir := ""
	if p.flags.dir != "" {
		dir = " --dir " + p.dir
	}
	first, other, last := p.nodes[0], p.nodes[1], p.nodes[2]
	var b strings.Builder
	fmt.Fprintf(&b, "\nThree nodes in two sites, %d shards each; points are held by: %s\n\n", demoShards, p.flags.store)
	b.WriteString(d.statusText())
	if p.flags.simHosts > 0 {
		fmt.Fprintf(&b, "\n%d simulated hosts (sim-…) write to %s only.", p.flags.simHosts, first.name)
	}
	if p.flags.agents {
		b.WriteString("\nAn agent per node writes this machine's metrics to that node only, every second.")
	}
	fmt.Fprintf(&b, "\n\nThe live page:  http://127.0.0.1:%d/\n\nTo try:\n", first.web)
	try := func(what string, commands ...string) {
		fmt.Fprintf(&b, "  # %s\n", what)
		for _, c := range commands {
			fmt.Fprintf(&b, "  %s\n", c)
		}
	}
	try("write on one node, read on another site",
		fmt.Sprintf("t=$(date +%%s); redis-cli -p %d zadd $(date -u +%%F):laptop:test $t $t:42", first.resp),
		fmt.Sprintf("sleep 1; redis-cli -p %d zrange $(date -u +%%F):laptop:test 0 -1 withscores", last.resp))
	try("are all nodes equal?", fmt.Sprintf("%s check --topology %s --wait 10s", name, p.commonTopology()))
	try("kill a node; it comes back and is filled by the others", fmt.Sprintf("kill -9 %d", other.child.pid()))
	try("cut a node off, write on both sides, look at the page or here, heal it: the lag falls, the nodes are equal again",
		fmt.Sprintf("%s flock --topology %s --watch", name, p.commonTopology()),
		fmt.Sprintf("%s demo cut %s%s", name, last.name, dir), fmt.Sprintf("%s demo heal %s%s", name, last.name, dir))
	d.printRedis(&b, try)
	fmt.Fprintf(&b, "\nLogs: %s   Ctrl-C ends everything.\n", p.logDir())
	fmt.Fprint(d.out, b.String())
}

// printRedis adds the lines that show the data in the Redis processes themselves.
func (d *demo) printRedis(b *strings.Builder, try func(string, ...string)) {
	var on []*demoNode
	for _, n := range d.plan.nodes {
		if len(n.redis) > 0 {
			on = append(on, n)
		}
	}
	if len(on) == 0 {
		return
	}
	host := "sim-001"
	if d.plan.flags.simHosts == 0 {
		host = demoHost(on[0])
	}
	topo, err := ring.Load(d.plan.commonTopology())
	if err != nil {
		return
	}
	day := time.Now().UTC().Format(time.DateOnly)
	shard := topo.ShardOf([]byte(day + ":" + host + ":load.1m"))
	a, z := on[0], on[len(on)-1]
	try(fmt.Sprintf("%s is in shard %d; its day keys in the Redis process of %s", host, shard, a.name),
		fmt.Sprintf("redis-cli -p %d --scan --pattern '%s:%s:*' | head -3", a.redis[shard-1], day, host))
	key := fmt.Sprintf("$(redis-cli -p %d --scan --pattern '%s:%s:*' | sort | head -1)", a.redis[shard-1], day, host)
	try("the newest members of the first of them, here and on the other site",
		fmt.Sprintf("k=%s; redis-cli -p %d zrange $k -3 -1; redis-cli -p %d zrange $k -3 -1",
			key, a.redis[shard-1], z.redis[shard-1]))
	try("the journal of that process: which key changed when (microseconds)",
		fmt.Sprintf("redis-cli -p %d zrange dn:journal -5 -1 withscores", a.redis[shard-1]))
}

// binaryName is how the reader can call this binary.
func binaryName(self string) string {
	wd, err := os.Getwd()
	if err != nil {
		return self
	}
	rel, err := filepath.Rel(wd, self)
	if err != nil || strings.HasPrefix(rel, "..") {
		return self
	}
	if !strings.Contains(rel, string(filepath.Separator)) {
		return "./" + rel
	}
	return rel
}
