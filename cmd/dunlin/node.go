package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/tui"
	"github.com/dunlin-db/dunlin/internal/vigil"
)

// nodeFlags are the flags of dunlin node.
type nodeFlags struct {
	topology, name    string
	resp, web         string
	webConfig         string
	storage           string
	keep              diskFlags
	passwordFile      string
	journal           string
	sweep             time.Duration
	memory            memoryFlags
	proof             node.Proof
	logLevel, logForm string
}

// memoryFlags are the limits of the engine.
type memoryFlags struct {
	max, policy string
	series      int64
}

func nodeCmd() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node of the flock",
		Long: `Run a node: the front door (Redis protocol), the HTTP server with the live page, and what keeps the node
equal to its peers. Without --topology it is a single node of 8 shards.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.ErrOrStderr()) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.topology, "topology", "", "topology file of the flock")
	fl.StringVar(&f.name, "name", "", "this node's name in the topology (default: the only one)")
	fl.StringVar(&f.resp, "resp.listen-address", "127.0.0.1:6390", "address of the front door")
	fl.StringVar(&f.web, "web.listen-address", "127.0.0.1:8390", "address of the HTTP server, empty for none")
	fl.StringVar(&f.webConfig, "web.config.file", "", "TLS and basic auth of the HTTP server (exporter-toolkit's format)")
	fl.StringVar(&f.storage, "storage.path", "dunlin-data", "directory of what the node keeps, empty for memory only")
	f.keep.add(fl)
	fl.StringVar(&f.memory.max, "engine.max-memory", "0",
		"memory for all that is counted: bytes, 512mb, 8GiB or 60% of RAM; 0 for no limit")
	fl.StringVar(&f.memory.policy, "engine.max-memory-policy", "noeviction",
		"at the limit: noeviction refuses new series, then points; drop-oldest drops whole oldest periods")
	fl.Int64Var(&f.memory.series, "engine.max-series-per-period", 0, "series of one period over all shards, 0: no limit")
	fl.StringVar(&f.passwordFile, "resp.password-file", "", "file with the front door's password (else the topology's)")
	fl.StringVar(&f.journal, "redis.journal", "journal", "the journal that other writers keep in this node's Redis")
	fl.DurationVar(&f.sweep, "redis.sweep-interval", time.Minute, "how often the node's Redis is swept")
	fl.DurationVar(&f.proof.Every, "proof.interval", proof.Every, "how often peers are proven equal")
	fl.DurationVar(&f.proof.Reread, "proof.reread-interval", proof.Reread,
		"how often all points in memory are compared with their digests, and period files with their checksums")
	fl.StringVar(&f.logLevel, "log.level", "info", "debug, info, warn or error")
	fl.StringVar(&f.logForm, "log.format", "text", "text or json")
	return cmd
}

func (f *nodeFlags) run(ctx context.Context, stderr io.Writer) error {
	cfg, err := f.config(stderr)
	if err != nil {
		return err
	}
	watch := vigil.New(os.Getenv("GOMAXPROCS") == "")
	cfg.Disk.Writing = watch.Note
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	if cfg.StoragePath != "" {
		go watch.Run(ctx)
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	ended := make(chan struct{})
	defer close(ended)
	go runReload(hup, ended, cfg.Log)
	go tui.RunLoading(stderr, n.Loading, ended)
	return n.Run(ctx)
}

// runReload answers SIGHUP. Nothing can be changed in a running node yet, and it says so rather than ending.
func runReload(hup <-chan os.Signal, ended <-chan struct{}, log *slog.Logger) {
	for {
		select {
		case <-hup:
			log.Warn("SIGHUP: this version reloads the web config file only; restart the node for topology and passwords")
		case <-ended:
			return
		}
	}
}

// config reads the files that the flags name.
func (f *nodeFlags) config(stderr io.Writer) (node.Config, error) {
	if f.proof.Every <= 0 || f.proof.Reread <= 0 {
		return node.Config{}, usageError{errors.New("--proof.interval and --proof.reread-interval: want more than 0")}
	}
	log, err := newLog(stderr, f.logLevel, f.logForm)
	if err != nil {
		return node.Config{}, err
	}
	disk, err := f.keep.read()
	if err != nil {
		return node.Config{}, err
	}
	memory, err := f.memory.read()
	if err != nil {
		return node.Config{}, err
	}
	topo, err := f.loadTopology()
	if err != nil {
		return node.Config{}, err
	}
	password := ""
	if f.passwordFile != "" {
		if password, err = readSecret(f.passwordFile); err != nil {
			return node.Config{}, err
		}
	}
	return node.Config{
		Topology: topo, Name: f.name, RespAddr: f.resp, WebAddr: f.web, WebConfigFile: f.webConfig,
		StoragePath: f.storage, Disk: disk, Password: password, JournalName: f.journal, Sweep: f.sweep,
		Memory: memory, Proof: f.proof, Version: version(), Log: log,
	}, nil
}

// read reads the limits. GOMEMLIMIT of the environment is the user's own word on the Go runtime.
func (f *memoryFlags) read() (node.Memory, error) {
	most, err := budget.ParseSize(f.max, budget.RAM)
	if err != nil {
		return node.Memory{}, usageError{fmt.Errorf("--engine.max-memory: %w", err)}
	}
	policy, err := budget.ParsePolicy(f.policy)
	if err != nil {
		return node.Memory{}, usageError{fmt.Errorf("--engine.max-memory-policy: %w", err)}
	}
	if f.series < 0 {
		return node.Memory{}, usageError{fmt.Errorf("--engine.max-series-per-period %d: want 0 or more", f.series)}
	}
	return node.Memory{
		Max: most, Policy: policy, MaxSeries: f.series, GoLimit: os.Getenv("GOMEMLIMIT") == "",
	}, nil
}

// loadTopology reads the topology and settles the node's name.
func (f *nodeFlags) loadTopology() (*ring.Topology, error) {
	if f.topology == "" {
		if f.name == "" {
			f.name = "local"
		}
		host, port, err := net.SplitHostPort(f.resp)
		if err != nil {
			return nil, usageError{fmt.Errorf("--resp.listen-address: %w", err)}
		}
		if host == "" || net.ParseIP(host).IsUnspecified() {
			host = "127.0.0.1"
		}
		return ring.Single(f.name, "redis://"+net.JoinHostPort(host, port), 8), nil
	}
	topo, err := ring.Load(f.topology)
	if err != nil {
		return nil, err
	}
	if f.name == "" {
		if len(topo.Nodes) != 1 {
			return nil, usageError{fmt.Errorf("--name is needed: %s has %d nodes", f.topology, len(topo.Nodes))}
		}
		f.name = topo.Nodes[0].Name
	}
	return topo, nil
}

// readSecret reads a file whose first line is a secret.
func readSecret(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret, _, _ := strings.Cut(string(data), "\n")
	if secret = strings.TrimRight(secret, "\r"); secret == "" {
		return "", fmt.Errorf("read secret %s: the first line is empty", path)
	}
	return secret, nil
}

func newLog(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError{fmt.Errorf("--log.level %q: want debug, info, warn or error", level)}
	}
	opts := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, usageError{fmt.Errorf("--log.format %q: want text or json", format)}
}
