package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/agent"
)

// demoSeed makes every demo's simulated hosts the same.
const demoSeed = 2012

// runAgents writes this machine's metrics to each node, under a host name of its own per node, and the simulated hosts
// to the first node, until ctx ends. Each writer knows one node only: the rest is the syncers' work.
func (d *demo) runAgents(ctx context.Context) error {
	logFile, err := os.OpenFile(filepath.Join(d.plan.logDir(), "agents.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the agents' log: %w", err)
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))
	g, ctx := errgroup.WithContext(ctx)
	for i, n := range d.plan.nodes {
		client, err := dunlin.Open(ctx, dunlin.Config{
			URL: fmt.Sprintf("redis://127.0.0.1:%d", n.resp), Timeout: time.Second,
		})
		if err != nil {
			return fmt.Errorf("open %s for its agent: %w", n.name, err)
		}
		defer client.Close()
		if i == 0 && d.plan.flags.simHosts > 0 {
			sim := agent.NewSimulated(agent.SimConfig{
				Client: client, Hosts: d.plan.flags.simHosts, Every: 10 * time.Second, Seed: demoSeed, Log: log,
			})
			g.Go(func() error { return sim.Run(ctx) })
		}
		if !d.plan.flags.agents {
			continue
		}
		a, err := agent.New(agent.Config{Client: client, Host: demoHost(n), Every: time.Second, Log: log})
		if err != nil {
			return fmt.Errorf("make the agent of %s: %w", n.name, err)
		}
		g.Go(func() error { return a.Run(ctx) })
	}
	return g.Wait()
}

// demoHost is this machine's name as one node's agent writes it: three agents measure it, and two of one name would
// write two values at one instant.
func demoHost(n *demoNode) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return host + "-" + n.name
}
