package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/agent"
	"github.com/dunlin-db/dunlin/internal/tui"
)

// The flock of 2012: hundreds of hosts, dozens of metrics, more than one data centre.
const (
	seedHosts = 1000
	seedEvery = 10 * time.Second
)

// seedResult is one store's.
type seedResult struct {
	store       string
	seconds     float64
	before, now []nodeUse
	names       []string
	lagP50      float64
	lagP99      float64
	probes      int
	missed      int
	reported    []float64 // ms, by the syncers, each node at each look
	written     int64
	wire        bool // bytes were counted on the wire
}

// runSeed measures the flock on the engine, then on Redis.
func (m *measurement) runSeed(ctx context.Context) (*section, error) {
	warm, err := envDuration("WARMUP", time.Minute)
	if err != nil {
		return nil, err
	}
	long, err := envDuration("DURATION", 5*time.Minute)
	if err != nil {
		return nil, err
	}
	var results []*seedResult
	for _, store := range strings.Split(env("STORE", "engine,redis"), ",") {
		r, err := m.seedOn(ctx, store, [2]time.Duration{warm, long})
		if err != nil {
			return nil, fmt.Errorf("flock on %s: %w", store, err)
		}
		results = append(results, r)
		if err := tui.Table(m.out, seedHeader, r.rows()); err != nil {
			return nil, err
		}
	}
	return m.seedSection(results, warm, long), nil
}

// seedOn runs one flock for a warm-up and the time that counts.
func (m *measurement) seedOn(ctx context.Context, store string, times [2]time.Duration) (*seedResult, error) {
	names := []string{"sfo1", "sfo2", "nyc1"}
	net, err := openNetwork(len(names))
	if err != nil {
		return nil, err
	}
	if net != nil {
		defer net.close()
	}
	f, err := m.startFlock(ctx, flockConfig{names: names, store: store, period: "day", net: net})
	if err != nil {
		return nil, err
	}
	defer f.stop()
	m.say("%s: 3 nodes run, namespaces: %t; warm-up %s, then %s", store, net != nil, times[0], times[1])

	writing, end := context.WithCancel(ctx)
	defer end()
	g, writing := errgroup.WithContext(writing)
	probe := &lagProbe{f: f}
	sims, clients, err := f.writers(writing)
	if err != nil {
		return nil, err
	}
	for _, s := range sims {
		g.Go(func() error { return s.Run(writing) })
	}
	g.Go(func() error { return probe.run(writing) })
	if err := pause(writing, times[0]); err != nil {
		return nil, cause(g.Wait(), err)
	}
	probe.reset()
	r := &seedResult{store: store, names: names, wire: net != nil}
	if r.before, err = f.uses(); err != nil {
		return nil, err
	}
	began := time.Now()
	storedBefore := stored(clients)
	for time.Since(began) < times[1] {
		if err := pause(writing, min(10*time.Second, times[1]-time.Since(began))); err != nil {
			return nil, cause(g.Wait(), err)
		}
		if r.now, err = f.uses(); err != nil {
			return nil, err
		}
		for _, u := range r.now {
			r.reported = append(r.reported, u.lagMillis)
		}
	}
	r.seconds = time.Since(began).Seconds()
	r.written = stored(clients) - storedBefore
	r.lagP50, r.lagP99, r.probes, r.missed = probe.result()
	end()
	return r, g.Wait()
}

// writers makes three fleets of hosts, one a node: each host writes to the node nearest to it.
func (f *flock) writers(ctx context.Context) ([]*agent.Simulated, []*dunlin.Client, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var sims []*agent.Simulated
	var clients []*dunlin.Client
	for i, n := range f.nodes {
		client, err := dunlin.Open(ctx, dunlin.Config{
			URL: "redis://" + n.addr, Password: f.password(), Timeout: 5 * time.Second,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("open %s: %w", n.name, err)
		}
		context.AfterFunc(ctx, func() { _ = client.Close() })
		clients = append(clients, client)
		hosts := seedHosts*(i+1)/len(f.nodes) - seedHosts*i/len(f.nodes)
		sims = append(sims, agent.NewSimulated(agent.SimConfig{
			Client: &near{client, "-" + n.name}, Hosts: hosts, Every: seedEvery, Seed: uint64(2012 + i), Log: log,
		}))
	}
	return sims, clients, nil
}

// near is a client whose hosts have names of their own per node.
type near struct {
	*dunlin.Client
	suffix string
}

// Add implements agent.Client.
func (n *near) Add(ctx context.Context, points ...dunlin.Point) error {
	for i := range points {
		points[i].Host += n.suffix
	}
	return n.Client.Add(ctx, points...)
}

func stored(clients []*dunlin.Client) (n int64) {
	for _, c := range clients {
		n += c.Stats().Stored
	}
	return n
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cause prefers what ended the writers to the cancellation that followed.
func cause(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

var seedHeader = []string{"", "sfo1", "sfo2", "nyc1", "all"}

// rows are the result's lines.
func (r *seedResult) rows() [][]string {
	rate := r.perNode
	cpu := func(get func(nodeUse) usageOf) func(a, b nodeUse) float64 {
		return func(a, b nodeUse) float64 { return (get(b).cpu - get(a).cpu) / r.seconds * 100 }
	}
	mib := func(bytes float64) float64 { return bytes / (1 << 20) }
	rows := [][]string{
		append([]string{"Dunlin, % of one core"}, rate(cpu(func(u nodeUse) usageOf { return u.dunlin }), 2)...),
	}
	if r.store == "redis" {
		rows = append(rows, append([]string{"its 8 redis-servers, % of one core"},
			rate(cpu(func(u nodeUse) usageOf { return u.redis }), 2)...))
	}
	rows = append(rows,
		append([]string{"store as INFO counts it, MiB"}, rate(func(_, b nodeUse) float64 { return mib(b.stored) }, 1)...),
		append([]string{"resident, Dunlin, MiB"},
			rate(func(_, b nodeUse) float64 { return mib(float64(b.dunlin.rss)) }, 1)...))
	if r.store == "redis" {
		rows = append(rows, append([]string{"resident, its redis-servers, MiB"},
			rate(func(_, b nodeUse) float64 { return mib(float64(b.redis.rss)) }, 1)...))
	}
	received := append([]string{"received from peers, KiB/s"},
		rate(func(a, b nodeUse) float64 { return float64(b.received-a.received) / 1024 / r.seconds }, 1)...)
	return append(rows, received)
}

// perNode computes a figure for each node and their sum.
func (r *seedResult) perNode(f func(a, b nodeUse) float64, digits int) []string {
	var cells []string
	total := 0.0
	for i := range r.now {
		v := f(r.before[i], r.now[i])
		total += v
		cells = append(cells, fmt.Sprintf("%.*f", digits, v))
	}
	return append(cells, fmt.Sprintf("%.*f", digits, total))
}

// cpuTotal is the CPU of all processes as a share of one core.
func (r *seedResult) cpuTotal() (dunlin, redis float64) {
	for i := range r.now {
		dunlin += (r.now[i].dunlin.cpu - r.before[i].dunlin.cpu) / r.seconds
		redis += (r.now[i].redis.cpu - r.before[i].redis.cpu) / r.seconds
	}
	return dunlin, redis
}

func (m *measurement) seedSection(results []*seedResult, warm, long time.Duration) *section {
	var b strings.Builder
	fmt.Fprintf(&b, "## The flock of 2012\n\n`%s`: %s\n\n", command("bench-seed", "DURATION", "WARMUP", "STORE"),
		m.machine(m.dunlin, m.redis))
	fmt.Fprintf(&b, "%s hosts with 20 metrics every 10 s (2,000 points/s) into three nodes in two sites, each host to\n"+
		"the node nearest to it; all three hold everything. %s of warm-up, then %s; memory only. A probe writes a point\n"+
		"a second to one node and asks the others every %s.\n", thousands(seedHosts), warm, long, pollEvery)
	for _, r := range results {
		title := "On the engine"
		if r.store == "redis" {
			title = "On Redis, 8 processes a node"
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", title, table(seedHeader, r.rows()))
		dunlin, redis := r.cpuTotal()
		fmt.Fprintf(&b, "- CPU of all nodes together: %.2f %% of two cores (Dunlin %.2f %%, Redis %.2f %%)%s.\n",
			(dunlin+redis)*50, dunlin*50, redis*50, coresNote())
		fmt.Fprintf(&b, "- A point is readable on the other nodes after %.0f ms (median), %.0f ms (p99) of %d probes; "+
			"%d were not there within %s.\n", r.lagP50, r.lagP99, r.probes, r.missed, lagLimit)
		fmt.Fprintf(&b, "- The worst lag that a node's syncers report: median %.0f ms, at most %.0f ms.\n",
			percentile(r.reported, 0.5), percentile(r.reported, 1))
		fmt.Fprintf(&b, "- %.0f points/s were stored.\n", float64(r.written)/r.seconds)
		how := "counted on the cables between the network namespaces of the nodes, all layers included"
		if !r.wire {
			how = "as the nodes' own counters have it: what they read from their peers"
		}
		fmt.Fprintf(&b, "- Bytes between nodes: %s.\n", how)
	}
	return &section{name: "seed", text: b.String()}
}

func coresNote() string {
	if runtime.NumCPU() == 2 {
		return ""
	}
	return fmt.Sprintf("; this machine has %d", runtime.NumCPU())
}
