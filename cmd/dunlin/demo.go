package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/cable"
)

// demoFlags are the flags of dunlin demo.
type demoFlags struct {
	store, dir        string
	simHosts          int
	agents            bool
	respPort, webPort int
	redisPort         int
	redisServer       string
	sweep             time.Duration
	restartAfter      time.Duration
	level             string
}

func demoCmd() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a flock of three nodes in two sites on this machine",
		Long: `Run three nodes (sfo1 and sfo2 in site sfo, nyc1 in site nyc) as child processes on loopback, with agents that
write this machine's metrics, and simulated hosts. Links between the nodes can be cut and healed, nodes killed:
see the subcommands. Ctrl-C ends all of it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.store, "store", "engine", "engine, redis (8 redis-server processes a node) or mixed")
	fl.IntVar(&f.simHosts, "sim-hosts", 120, "number of simulated hosts, 0 for none")
	fl.BoolVar(&f.agents, "agents", true, "collect this machine's metrics, one agent a node")
	cmd.PersistentFlags().StringVar(&f.dir, "dir", "", "directory of the demo's data (default: a temporary one)")
	fl.IntVar(&f.respPort, "resp-port", 6391, "first port of the front doors")
	fl.IntVar(&f.webPort, "web-port", 8391, "first port of the HTTP servers")
	fl.IntVar(&f.redisPort, "redis-port", 7001, "first port of the Redis processes")
	fl.StringVar(&f.redisServer, "redis-server", redisServer(), "the Redis or Valkey to run (environment REDIS_SERVER)")
	fl.DurationVar(&f.sweep, "redis.sweep-interval", 10*time.Second, "passed on to the nodes")
	fl.DurationVar(&f.restartAfter, "restart-after", time.Second, "how long a killed process stays away")
	fl.StringVar(&f.level, "log.level", "info", "passed on to the nodes; their logs are in the directory")
	for _, c := range []struct{ use, short string }{
		{"cut NODE", "Cut a node off from all others"},
		{"heal NODE", "Undo cut"},
		{"kill NODE", "Kill a node with its memory (and its Redis processes); it is started again"},
		{"status", "Show the running demo"},
	} {
		cmd.AddCommand(controlCmd(c.use, c.short, &f.dir))
	}
	return cmd
}

func redisServer() string {
	if s := os.Getenv("REDIS_SERVER"); s != "" {
		return s
	}
	return "redis-server"
}

// run is the demo's life.
func (f *demoFlags) run(ctx context.Context, out io.Writer) error {
	plan, err := f.plan()
	if err != nil {
		return err
	}
	cleanup, err := prepareDir(plan.dir, f.dir == "")
	if err != nil {
		return err
	}
	defer cleanup()
	control, err := listenControl(plan.dir)
	if err != nil {
		return err
	}
	defer control.Close()
	if err := checkPorts(plan); err != nil {
		return err
	}
	d := &demo{plan: plan, out: out}
	if err := d.prepare(); err != nil {
		return err
	}
	return d.Run(ctx, control)
}

// plan settles names, ports and stores.
func (f *demoFlags) plan() (*demoPlan, error) {
	stores := map[string][]string{
		"engine": {"engine", "engine", "engine"}, "redis": {"redis", "redis", "redis"},
		"mixed": {"engine", "redis", "engine"},
	}[f.store]
	if stores == nil {
		return nil, usageError{fmt.Errorf("--store %q: want engine, redis or mixed", f.store)}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	p := &demoPlan{flags: f, dir: demoDir(f.dir), self: self}
	for i, name := range []string{"sfo1", "sfo2", "nyc1"} {
		n := &demoNode{
			name: name, site: name[:3], store: stores[i], resp: f.respPort + i, web: f.webPort + i,
		}
		for s := range demoShards {
			if n.store == "redis" {
				n.redis = append(n.redis, f.redisPort+10*i+s)
			}
		}
		p.nodes = append(p.nodes, n)
	}
	if f.store != "engine" {
		if p.redisServer, err = exec.LookPath(f.redisServer); err != nil {
			return nil, fmt.Errorf("--store %s needs a Redis: %w (make deps installs it)", f.store, err)
		}
	}
	return p, nil
}

// demoDir is where the demo keeps its files; subcommands find a running demo there.
func demoDir(flag string) string {
	if flag != "" {
		return flag
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("dunlin-demo-%d", os.Getuid()))
}

// prepareDir makes the directory. A temporary one is this user's alone, and goes when the demo ends.
func prepareDir(dir string, temporary bool) (cleanup func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's directory: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("make the demo's directory: %w", err)
	}
	if temporary && (!info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ownedByUs(info)) {
		return nil, fmt.Errorf("%s is not a directory of this user alone: remove it, or name another with --dir", dir)
	}
	if !temporary {
		return func() {}, nil
	}
	return func() { _ = os.RemoveAll(dir) }, nil
}

// checkPorts says which port is taken before anything is started.
func checkPorts(p *demoPlan) error {
	check := func(port int, what, flag string) error {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return fmt.Errorf("port %d (%s) can not be used: %w; choose others with %s", port, what, err, flag)
		}
		return ln.Close()
	}
	var err error
	for _, n := range p.nodes {
		err = errors.Join(err, check(n.resp, n.name+" RESP", "--resp-port"), check(n.web, n.name+" HTTP", "--web-port"))
		for i, port := range n.redis {
			err = errors.Join(err, check(port, fmt.Sprintf("%s Redis %d", n.name, i+1), "--redis-port"))
		}
	}
	return err
}

// demo is a running demo.
type demo struct {
	plan   *demoPlan
	out    io.Writer
	cables []*cable.Cable
}

// prepare opens the proxies, writes the topology files and makes the children. It starts nothing.
func (d *demo) prepare() error {
	for _, from := range d.plan.nodes {
		for _, to := range d.plan.nodes {
			if from == to {
				continue
			}
			p, err := cable.Listen(from.name, to.name, fmt.Sprintf("127.0.0.1:%d", to.resp))
			if err != nil {
				return err
			}
			d.cables = append(d.cables, p)
		}
	}
	if err := d.writeTopologies(); err != nil {
		return err
	}
	for _, n := range d.plan.nodes {
		if err := d.plan.makeChildren(n, d.out); err != nil {
			return err
		}
	}
	return nil
}

// Run runs everything until ctx ends.
func (d *demo) Run(ctx context.Context, control net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range d.cables {
		g.Go(func() error { return p.Run(ctx) })
	}
	g.Go(func() error { return d.serveControl(ctx, control) })
	for _, n := range d.plan.nodes {
		for _, c := range n.redisChildren {
			g.Go(func() error { return c.Run(ctx) })
		}
	}
	g.Go(func() error { return d.runNodes(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if err == nil {
		fmt.Fprintln(d.out, "\nAll processes have ended.")
	}
	return err
}

// runNodes starts the nodes when their Redis processes answer, and the agents when the nodes do.
func (d *demo) runNodes(ctx context.Context) error {
	for _, n := range d.plan.nodes {
		for _, port := range n.redis {
			if err := awaitPort(ctx, port); err != nil {
				return fmt.Errorf("redis process of %s: %w (see %s)", n.name, err, d.plan.logDir())
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range d.plan.nodes {
		g.Go(func() error { return n.child.Run(ctx) })
	}
	g.Go(func() error {
		for _, n := range d.plan.nodes {
			for _, port := range []int{n.resp, n.web} {
				if err := awaitPort(ctx, port); err != nil {
					return fmt.Errorf("node %s: %w (see %s)", n.name, err, d.plan.logDir())
				}
			}
		}
		d.print()
		return d.runAgents(ctx)
	})
	return g.Wait()
}

// awaitPort waits until something listens on a port of loopback.
func awaitPort(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", addr, err)
		case <-t.C:
		}
	}
}
