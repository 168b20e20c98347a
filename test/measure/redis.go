package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// redisReport is what the section says.
type redisReport struct {
	way    wayResult
	memory []memoryResult
	drop   dropResult
}

// runRedis measures the whole way over Redis processes, then memory, then dropping a day.
func (m *measurement) runRedis(ctx context.Context) (*section, error) {
	var r redisReport
	days := dayLoad{hosts: 25, ticks: 8640}
	points := 3_000_000
	if m.quick {
		days, points = dayLoad{hosts: 2, ticks: 8640}, 300_000
	}
	f, err := m.startFlock(ctx, flockConfig{names: []string{"sfo1", "nyc1"}, store: "redis", period: "day"})
	if err != nil {
		return nil, err
	}
	defer f.stop()
	m.say("two nodes on 8 redis-servers each; %d points through the front door of one", points)
	if r.way, err = f.wholeWay(ctx, points); err != nil {
		return nil, err
	}
	m.say("%.0f points/s, peer equal %.1f s after the last", r.way.pointsPerSec(), r.way.behind)
	m.say("memory: %d series × %d points as days, then the same points as hours", days.hosts*20, days.ticks)
	day, err := m.memoryOfDays(ctx, days, &r)
	if err != nil {
		return nil, err
	}
	defer day.stop()
	m.say("the same day through the front door, then DN.DROP with a probe beside it")
	if r.drop, err = f.dropDay(ctx, day); err != nil {
		return nil, err
	}
	return m.redisSection(&r, days), nil
}

// wayResult is what points cost from the writer to the peer.
type wayResult struct {
	points, seconds float64
	behind          float64 // seconds from the last reply until the peer had everything
	before, after   []nodeUse
	p50, p99        float64 // of the lag under this load, ms
	probes, missed  int
}

func (w *wayResult) pointsPerSec() float64 { return w.points / w.seconds }

// wholeWay writes as fast as the node takes it and waits until its peer holds the same.
func (f *flock) wholeWay(ctx context.Context, points int) (w wayResult, err error) {
	if w.before, err = f.uses(); err != nil {
		return w, err
	}
	probing, end := context.WithCancel(ctx)
	defer end()
	probe := &lagProbe{f: f}
	g, probing := errgroup.WithContext(probing)
	g.Go(func() error { return probe.run(probing) })
	out, err := f.m.bench(ctx, nil, "--url", "redis://"+f.nodes[0].addr, "--form", "zadd", "--hosts", "1000",
		"--clients", "4", "--pipeline", "128", "--ticks", strconv.Itoa(points/20000))
	if err != nil {
		return w, err
	}
	w.points, w.seconds = out.Servers[0].Median.Points, out.Servers[0].Median.Seconds
	began := time.Now()
	end()
	if err := g.Wait(); err != nil {
		return w, err
	}
	if err := f.awaitEqual(ctx); err != nil {
		return w, err
	}
	w.behind = time.Since(began).Seconds()
	w.p50, w.p99, w.probes, w.missed = probe.result()
	w.after, err = f.uses()
	return w, err
}

// awaitEqual waits until dunlin check finds all nodes equal.
func (f *flock) awaitEqual(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, f.m.dunlin, "check", "--topology", f.topology, "--wait", "10m").CombinedOutput()
	if err != nil {
		return fmt.Errorf("the nodes do not get equal: %w\n%s", err, out)
	}
	return nil
}

// redisSection puts it into words.
func (m *measurement) redisSection(r *redisReport, days dayLoad) *section {
	var b strings.Builder
	fmt.Fprintf(&b, "## Dunlin on Redis\n\n`%s`: %s\n\n", command("bench-redis", "QUICK"), m.machine(m.dunlin, m.redis))
	w := &r.way
	fmt.Fprintf(&b, "Two nodes with 8 redis-servers each, memory only; %.1f million points of 20,000 series (`ZADD`, "+
		"four connections,\npipeline 128) through the front door of one. All of it shares this machine: %s points/s were "+
		"accepted; the peer held\neverything %.1f s after the last reply. A probe's point was on the peer after %.0f ms "+
		"(median), %.0f ms (p99);\n%d of %d were not within %s.\n\n", w.points/1e6, thousands(int(w.pointsPerSec())),
		w.behind, w.p50, w.p99, w.missed, w.probes+w.missed, lagLimit)
	per := func(f func(nodeUse) usageOf, i int) string {
		return fmt.Sprintf("%.2f", (f(w.after[i]).cpu-f(w.before[i]).cpu)/w.points*1e6)
	}
	dunlin := func(u nodeUse) usageOf { return u.dunlin }
	redis := func(u nodeUse) usageOf { return u.redis }
	header := []string{"CPU-s per million points, until both are equal", "node written to", "its peer"}
	b.WriteString(table(header, [][]string{
		{"Dunlin", per(dunlin, 0), per(dunlin, 1)},
		{"its 8 redis-servers", per(redis, 0), per(redis, 1)},
	}))
	fmt.Fprintf(&b, "\n%d series × %d points at 10 s, the same points in each row, growth of `used_memory`:\n\n",
		days.hosts*20, days.ticks)
	var rows [][]string
	for _, x := range r.memory {
		rows = append(rows, []string{x.what, fmt.Sprint(x.keys), x.encoding, fmt.Sprintf("%.1f", x.perMember)})
	}
	b.WriteString(table([]string{"", "keys", "encoding", "bytes a member"}, rows))
	d := &r.drop
	fmt.Fprintf(&b, "\nDropping that day (%.1f million points in the 8 processes together) with `DN.DROP` through "+
		"the node: answered after\n%.1f ms; the memory was back after %.1f s and %.2f CPU-s of the redis-servers. Beside "+
		"it a client wrote a point every\n2 ms through the same node: p99 %.2f ms, at most %.1f ms (before the drop: p99 "+
		"%.2f ms).\n",
		d.points/1e6, d.answered, d.freed, d.cpu, d.during99, d.duringMax, d.before99)
	return &section{name: "redis", text: b.String()}
}
