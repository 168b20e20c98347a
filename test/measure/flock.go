package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/test/measure/wires"
	"github.com/dunlin-db/dunlin/test/plain"
)

// shards is how many slices, and on Redis how many processes, each node has.
const shards = 8

// password of the flocks that listen in namespaces: a door that is not on loopback has to have one.
const password = "only-while-measuring"

// flockConfig says what runs.
type flockConfig struct {
	names  []string // site and number: sfo1
	store  string   // engine or redis
	period string
	redis  []string       // further arguments for each redis-server
	net    *wires.Network // nil = loopback
}

// flock is nodes that run.
type flock struct {
	flockConfig
	m        *measurement
	dir      string
	topology string
	nodes    []*flockNode
}

type flockNode struct {
	name, space string // space is its network namespace
	addr        string // host:port of the front door
	redis       []string
	node        *process
	processes   []*process // of Redis
}

// startFlock starts all processes and waits until the doors answer.
func (m *measurement) startFlock(ctx context.Context, cfg flockConfig) (*flock, error) {
	dir, err := os.MkdirTemp("", "dunlin-measure-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	f := &flock{flockConfig: cfg, m: m, dir: dir, topology: filepath.Join(dir, "topology.yaml")}
	if err = f.plan(); err == nil {
		err = f.start(ctx)
	}
	if err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

// plan chooses addresses and writes the topology.
func (f *flock) plan() error {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster: measure\nperiod: %s\nkeep: 2\nrings: [{from: 2026-01-01, shards: %d, hash: host}]\nnodes:\n",
		f.period, shards)
	for i, name := range f.names {
		n := &flockNode{name: name}
		f.nodes = append(f.nodes, n)
		port := 6390
		if f.net != nil {
			n.space = f.net.Spaces[i]
			n.addr = fmt.Sprintf("%s:%d", f.net.NodeIP(i), port)
		} else {
			var err error
			if port, err = freePort(); err != nil {
				return err
			}
			n.addr = fmt.Sprintf("127.0.0.1:%d", port)
		}
		fmt.Fprintf(&b, "  %s:\n    site: %s\n    url: redis://%s\n", name, strings.TrimRight(name, "0123456789"), n.addr)
		if err := f.planRedis(n, &b); err != nil {
			return err
		}
	}
	if f.net != nil {
		b.WriteString("password_file: password\n")
		if err := os.WriteFile(filepath.Join(f.dir, "password"), []byte(password+"\n"), 0o600); err != nil {
			return fmt.Errorf("write the password: %w", err)
		}
	}
	if err := os.WriteFile(f.topology, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the topology: %w", err)
	}
	return nil
}

func (f *flock) planRedis(n *flockNode, b *strings.Builder) error {
	if f.store != "redis" {
		return nil
	}
	b.WriteString("    redis:\n")
	for i := range shards {
		port := 7001 + i
		if f.net == nil {
			var err error
			if port, err = freePort(); err != nil {
				return err
			}
		}
		n.redis = append(n.redis, fmt.Sprintf("127.0.0.1:%d", port))
		fmt.Fprintf(b, "      - redis://127.0.0.1:%d\n", port)
	}
	return nil
}

func (f *flock) password() string {
	if f.net == nil {
		return ""
	}
	return password
}

func (f *flock) start(ctx context.Context) error {
	for _, n := range f.nodes {
		for i, addr := range n.redis {
			_, port, _ := strings.Cut(addr, ":")
			argv := append([]string{
				f.m.redis, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", f.dir,
			}, f.redis...)
			p, err := startProcess(f.dir, n.space, fmt.Sprintf("%s-redis-%d", n.name, i+1), argv...)
			if err != nil {
				return err
			}
			n.processes = append(n.processes, p)
		}
	}
	for _, n := range f.nodes {
		var err error
		n.node, err = startProcess(f.dir, n.space, n.name, f.m.dunlin, "node", "--topology", f.topology, "--name", n.name,
			"--resp.listen-address", n.addr, "--web.listen-address", "", "--storage.path", "")
		if err != nil {
			return err
		}
	}
	for _, n := range f.nodes {
		if err := awaitAnswer(ctx, n.node, n.addr, f.password()); err != nil {
			return err
		}
	}
	return nil
}

// stop ends everything, the nodes first.
func (f *flock) stop() {
	for _, n := range f.nodes {
		if n.node != nil {
			n.node.stop()
		}
		for _, p := range n.processes {
			p.stop()
		}
	}
	_ = os.RemoveAll(f.dir)
}

func (f *flock) dial(i int) (*plain.Conn, error) { return dial(f.nodes[i].addr, f.password()) }

// nodeUse is what a node and its Redis processes have used so far.
type nodeUse struct {
	dunlin, redis  usageOf
	received, sent int64   // bytes from and to its peers
	stored         float64 // bytes of its store as INFO counts them
	lagMillis      float64 // the worst that its syncers report
}

// use reads what node i has used.
func (f *flock) use(i int) (u nodeUse, err error) {
	n := f.nodes[i]
	if u.dunlin, err = n.node.used(); err != nil {
		return u, err
	}
	if u.redis, err = sum(n.processes); err != nil {
		return u, err
	}
	c, err := f.dial(i)
	if err != nil {
		return u, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	info, err := c.Info()
	if err != nil {
		return u, err
	}
	u.stored = number(info["dunlin_bytes"])
	for k, v := range info {
		if fields, ok := linkFields(k, v); ok {
			u.lagMillis = max(u.lagMillis, number(fields["lag_ms"]))
			u.received += int64(number(fields["bytes"]))
		}
	}
	if f.net != nil {
		u.received, u.sent, err = f.net.Bytes(i)
	}
	return u, err
}

// linkFields reads a line of INFO about a peer: key=value pairs.
func linkFields(key, value string) (map[string]string, bool) {
	if !strings.Contains(value, "lag_ms=") {
		return nil, false
	}
	fields := map[string]string{}
	for _, pair := range strings.Split(value, ",") {
		k, v, _ := strings.Cut(pair, "=")
		fields[k] = v
	}
	return fields, key != ""
}

// uses reads all nodes.
func (f *flock) uses() ([]nodeUse, error) {
	all := make([]nodeUse, len(f.nodes))
	for i := range f.nodes {
		var err error
		if all[i], err = f.use(i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// percentile gives the p-th part of a list of figures; 0 when it is empty.
func percentile(list []float64, p float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[min(len(list)-1, int(p*float64(len(list))))]
}
