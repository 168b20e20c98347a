package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// runFlock has dunlin bench flock measure what replication costs.
func (m *measurement) runFlock(ctx context.Context) (*section, error) {
	args := []string{"bench", "flock"}
	if m.quick {
		args = append(args, "--quick")
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, m.dunlin, args...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("dunlin bench flock: %w\n%s", err, &out)
	}
	fmt.Fprint(m.out, out.String())
	var b strings.Builder
	fmt.Fprintf(&b, "## What replication costs\n\n`%s`: %s\n", command("bench-flock", "QUICK"), m.machine(m.dunlin))
	b.WriteString(`
Nodes on the engine, on loopback, with their log on disk, that follow each other's logs; plain ZADD, a host's 20 metrics
together, each series every 2 s. For the CPU agents write, each host's tick by itself over 1,000 connections; beside it
is what the same points cost that one program collects and writes over one connection, some 500 at a time. CPU is that
of a whole process: of the node alone all it does for its writers; of the sender what more it uses when a peer follows
it; of the receiver all it uses for points that another was given, in their agents' place: its
own store, log and index. Lag is from the write to the first reply that has the point. "At most" is what the design
asks for.

`)
	b.WriteString(out.String())
	return &section{name: "flock", text: b.String()}, nil
}
