package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// demoShards is the number of shards of a node: the eight processes of 2012.
const demoShards = 8

// demoProof is how often the demo's nodes prove that they are equal: often, so that one can watch it.
const demoProof = 5 * time.Second

// demoPlan is what a demo is going to run.
type demoPlan struct {
	flags       *demoFlags
	dir         string
	self        string // this binary
	redisServer string
	nodes       []*demoNode
}

// demoNode is one node of the demo.
type demoNode struct {
	name, site, store string
	resp, web         int
	redis             []int // ports

	child         *child
	redisChildren []*child
}

func (p *demoPlan) logDir() string { return filepath.Join(p.dir, "log") }

// commonTopology is the file for clients: it names the nodes' real addresses.
func (p *demoPlan) commonTopology() string { return filepath.Join(p.dir, "topology.yaml") }

// writeTopologies writes the file for clients, and one for each node, in which the other nodes are behind proxies.
func (d *demo) writeTopologies() error {
	real := func(n *demoNode) int { return n.resp }
	err := d.writeTopology(d.plan.commonTopology(), real)
	for _, self := range d.plan.nodes {
		via := func(n *demoNode) int {
			for _, p := range d.cables {
				if p.From == self.name && p.To == n.name {
					return p.Port()
				}
			}
			return n.resp
		}
		err = errors.Join(err, d.writeTopology(filepath.Join(d.plan.dir, self.name+".yaml"), via))
	}
	return err
}

func (d *demo) writeTopology(path string, port func(*demoNode) int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster: demo\nperiod: day\nkeep: 2\nrings:\n  - {from: %s, shards: %d, hash: host}\nnodes:\n",
		time.Now().UTC().Format(time.DateOnly), demoShards)
	for _, n := range d.plan.nodes {
		fmt.Fprintf(&b, "  %s:\n    site: %s\n    url: redis://127.0.0.1:%d\n", n.name, n.site, port(n))
		if len(n.redis) > 0 {
			b.WriteString("    redis:\n")
		}
		for _, r := range n.redis {
			fmt.Fprintf(&b, "      - redis://127.0.0.1:%d\n", r)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write topology: %w", err)
	}
	return nil
}

// makeChildren makes the directories and processes of one node.
func (p *demoPlan) makeChildren(n *demoNode, out io.Writer) error {
	data := filepath.Join(p.dir, n.name)
	if err := errors.Join(os.MkdirAll(p.logDir(), 0o700), os.MkdirAll(data, 0o700)); err != nil {
		return fmt.Errorf("make the demo's directory: %w", err)
	}
	mk := func(name string, argv ...string) *child {
		return &child{
			name: name, argv: argv, logPath: filepath.Join(p.logDir(), name+".log"), out: out,
			restartAfter: p.flags.restartAfter,
		}
	}
	n.child = mk(n.name, p.self, "node",
		"--topology", filepath.Join(p.dir, n.name+".yaml"), "--name", n.name,
		"--resp.listen-address", fmt.Sprintf("127.0.0.1:%d", n.resp),
		"--web.listen-address", fmt.Sprintf("127.0.0.1:%d", n.web),
		"--storage.path", data, "--proof.interval", demoProof.String(),
		"--redis.sweep-interval", p.flags.sweep.String(), "--log.level", p.flags.level)
	for i, port := range n.redis {
		dir := filepath.Join(data, fmt.Sprintf("redis-%d", i+1))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the demo's directory: %w", err)
		}
		n.redisChildren = append(n.redisChildren, mk(fmt.Sprintf("%s-redis-%d", n.name, i+1), p.redisServer,
			"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir))
	}
	return nil
}

// node gives a node by name.
func (p *demoPlan) node(name string) (*demoNode, error) {
	names := make([]string, 0, len(p.nodes))
	for _, n := range p.nodes {
		if n.name == name {
			return n, nil
		}
		names = append(names, n.name)
	}
	return nil, fmt.Errorf("no node %q: there are %s", name, strings.Join(names, ", "))
}
