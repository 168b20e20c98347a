package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/lookout"
	"github.com/dunlin-db/dunlin/internal/orders"
	"github.com/dunlin-db/dunlin/internal/query"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/scrub"
	"github.com/dunlin-db/dunlin/internal/server"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/storage"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/strays"
	"github.com/dunlin-db/dunlin/internal/syncer"
	"github.com/dunlin-db/dunlin/internal/web"
)

// The reasons why a node refuses its Config.
var (
	// ErrUnknownNode: the topology has no node of that name.
	ErrUnknownNode = errors.New("the topology has no such node")
	// ErrRedisCluster: the node is to run on a Redis Cluster, which this version can not.
	ErrRedisCluster = errors.New("redis-cluster is not supported by this version, list its processes under redis")
	// ErrOpenHTTP: HTTP would listen beyond loopback without a web config file.
	ErrOpenHTTP = errors.New("HTTP beyond loopback needs --web.config.file (basic auth or TLS, exporter-toolkit's format)")
)

// Config is what a node is made of.
type Config struct {
	Topology *ring.Topology
	Name     string // this node, as the topology calls it

	RespAddr      string // front door, host:port
	WebAddr       string // HTTP, host:port; "" = none
	WebConfigFile string // exporter-toolkit's file: basic auth, TLS

	StoragePath string // where the floor and an engine's points are kept; "" = nowhere
	Disk        Disk
	Password    string // of the front door; "" = the topology's

	JournalName string        // the seed-style writers' journal in the node's Redis, default "journal"
	Sweep       time.Duration // how often the node's Redis is swept for writers that journal nothing, default 60 s

	Memory Memory
	Proof  Proof

	Clock   func() time.Time
	Version string
	Log     *slog.Logger
}

// Memory is the limits of an engine node.
type Memory struct {
	Max       int64         // bytes of used_memory; 0 = no limit
	Policy    budget.Policy // what happens when it is reached
	MaxSeries int64         // series per period, over all shards; 0 = no limit
	GoLimit   bool          // keep the Go runtime's own memory within what Max leaves to it
}

// Proof is how often an engine node proves that it is equal to its peers.
type Proof struct {
	Every  time.Duration // each peer is asked; 0 = the default
	Reread time.Duration // all points in memory are read, and all period files; 0 = the default
}

// Node is one node of a flock.
type Node struct {
	cfg   Config
	self  *ring.Node
	log   *slog.Logger
	runID string

	shards   map[int]*shard.Shard
	closers  []func() error    // what New opened, closed when Run ends
	sweepers []*strays.Sweeper // one per held shard, lowest first
	forward  *forwarder
	lookout  *lookout.Lookout
	keeper   *keeper
	orders   *orders.Orders
	index    *query.Index

	onDisk
	following
	phase
}

// onDisk is what keeps points on disk; nil = they are not.
type onDisk struct {
	disk  *storage.Dir
	scrub *scrub.Scrubber // reads its files again
}

// following is who brings points from elsewhere.
type following struct {
	links     []link             // by the journals of peers
	peers     *peers             // by their logs; nil = that protocol is spoken with nobody
	followers []*syncer.Follower // of the node's own Redis processes
}

// phase is what the node is in the middle of.
type phase struct {
	listening, ending atomic.Bool
	status            atomic.Pointer[status] // nil before the first look
}

// link is one syncer: a shard and a peer that holds it too.
type link struct {
	peer   string
	shard  int
	syncer *syncer.Syncer
}

// New checks the Config and makes a node of it. It opens nothing but the floor file; Run does the rest.
func New(cfg Config) (*Node, error) {
	self := cfg.Topology.Node(cfg.Name)
	if self == nil {
		return nil, fmt.Errorf("node %q: %w", cfg.Name, ErrUnknownNode)
	}
	if len(self.RedisCluster) > 0 {
		return nil, fmt.Errorf("node %q: %w", cfg.Name, ErrRedisCluster)
	}
	cfg = withDefaults(cfg, self)
	if err := checkBinds(cfg); err != nil {
		return nil, err
	}
	id := make([]byte, 20)
	_, _ = rand.Read(id) // never fails
	n := &Node{
		cfg: cfg, self: self, log: cfg.Log.With("node", self.Name), runID: hex.EncodeToString(id),
		shards: map[int]*shard.Shard{}, forward: newForwarder(cfg.Topology, self),
	}
	var err error
	if n.lookout, err = lookout.New(cfg.Topology, self, cfg.Clock); err != nil {
		return nil, err
	}
	start := time.Now()
	n.keeper = &keeper{
		untidy: make(chan struct{}, 1),
		node:   n, path: floorPath(cfg.StoragePath), start: cfg.Clock(), budget: newBudget(cfg.Memory),
		mono:  func() time.Duration { return time.Since(start) },
		write: func(path string, data []byte) error { return fsx.WriteAtomic(fsx.OS{}, path, data) },
	}
	return n, nil
}

func withDefaults(cfg Config, self *ring.Node) Config {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Password == "" {
		cfg.Password = self.Password
	}
	if cfg.JournalName == "" {
		cfg.JournalName = "journal"
	}
	if cfg.Sweep == 0 {
		cfg.Sweep = time.Minute
	}
	return cfg
}

// checkBinds refuses to be open to a network without credentials.
func checkBinds(cfg Config) error {
	if err := resp.CheckBind(cfg.RespAddr, cfg.Password); err != nil {
		return err
	}
	if cfg.WebAddr == "" || cfg.WebConfigFile != "" {
		return nil
	}
	// "x" stands for any credential: only where the address leads matters here.
	if resp.CheckBind(cfg.WebAddr, "") != nil && resp.CheckBind(cfg.WebAddr, "x") == nil {
		return fmt.Errorf("listen on %s: %w", cfg.WebAddr, ErrOpenHTTP)
	}
	return nil
}

// Run is the node's life: it listens, follows its peers and serves until ctx ends, and returns when all of it has
// ended. A bad address or an unusable storage path is an error; a peer or a Redis process that is away is not.
func (n *Node) Run(ctx context.Context) error {
	defer n.close()
	if err := n.open(ctx); err != nil {
		return err
	}
	front, err := net.Listen("tcp", n.cfg.RespAddr)
	if err != nil {
		return fmt.Errorf("listen for RESP: %w (choose another with --resp.listen-address)", err)
	}
	defer front.Close()
	var http net.Listener
	if n.cfg.WebAddr != "" {
		if http, err = net.Listen("tcp", n.cfg.WebAddr); err != nil {
			return fmt.Errorf("listen for HTTP: %w (choose another with --web.listen-address)", err)
		}
		defer http.Close()
	}
	n.announce(front, http)
	return n.runAll(ctx, front, http)
}

// runAll composes the node's parts. The first that fails ends the others.
func (n *Node) runAll(ctx context.Context, front, http net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	part := func(name string, run func(context.Context) error) {
		g.Go(func() error {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	part("front door", func(ctx context.Context) error { return n.newServer().Run(ctx, front) })
	if http != nil {
		part("http", func(ctx context.Context) error { return n.newWeb().Run(ctx, http) })
	}
	part("index", n.index.Run)
	if n.disk != nil {
		part("storage", func(ctx context.Context) error { n.disk.Run(ctx, n.ordered()); return nil })
	}
	follow := func(what string, run func(context.Context) error) {
		part(what, func(ctx context.Context) error {
			if !n.loaded(ctx) {
				return nil // or all that is still on disk would be fetched
			}
			return run(ctx)
		})
	}
	if n.disk != nil {
		follow("scrub", n.scrub.Run)
	}
	if n.peers != nil {
		for _, l := range n.peers.links {
			follow("link to "+l.peer, l.link.Run)
		}
		follow("proof", n.peers.proof.Run)
	} else {
		for _, l := range n.links {
			follow(fmt.Sprintf("syncer of shard %d and %s", l.shard, l.peer), l.syncer.Run)
		}
	}
	for _, f := range n.followers {
		part("follower", f.Run)
	}
	part("sweepers of stray keys", func(ctx context.Context) error { return strays.Run(ctx, n.sweepers) })
	g.Go(func() error { n.runStatus(ctx); return nil })
	g.Go(func() error { n.keeper.run(ctx, time.Second); return nil })
	n.listening.Store(true)
	g.Go(func() error { <-ctx.Done(); n.ending.Store(true); return nil })
	err := g.Wait()
	n.log.Info("node ended", "err", err)
	return err
}

// open makes the storage directory, reads the floor and opens the shards.
func (n *Node) open(ctx context.Context) error {
	if n.cfg.StoragePath != "" {
		if err := os.MkdirAll(n.cfg.StoragePath, 0o750); err != nil {
			n.log.Error("the storage path can not be made, going on without it", "err", err)
		}
	}
	if err := n.keeper.load(); err != nil {
		n.log.Error("the kept floor is not usable, going on without it", "err", err)
	}
	return n.openShards(ctx)
}

func (n *Node) announce(front, http net.Listener) {
	attrs := []any{
		"resp", front.Addr().String(), "store", n.storeKind(), "durability", n.durability(),
		"shards", n.self.Hold, "peers", n.lookout.Peers(),
	}
	if http != nil {
		attrs = append(attrs, "http", http.Addr().String())
	}
	n.log.Info("node listens", attrs...)
	if !n.self.OnRedis() && n.disk == nil {
		n.log.Warn("points are in memory only (no --storage.path): a restart refills them from the peers")
	}
}

func (n *Node) newServer() *server.Server {
	return server.New(server.Config{
		Topology: n.cfg.Topology, Self: n.self, Shards: n.shards, Forward: n.forward, Password: n.cfg.Password,
		Clock: n.cfg.Clock, Version: n.cfg.Version, RunID: n.runID, Order: n.orders.Do, Info: n.info, Log: n.log,
		Budget: n.keeper.budget, Limits: resp.DefaultLimits(), Disk: n.serverDisk(),
		Peering: n.serverPeering(),
	})
}

func (n *Node) newWeb() *web.Server {
	return web.New(web.Config{
		Node: n.self.Name, Index: n.index, Flock: n.view, Ready: n.ready, Registry: newRegistry(n), Log: n.log,
		ConfigFile: n.cfg.WebConfigFile,
	})
}

// ready says why the node should not be sent traffic yet.
func (n *Node) ready() error {
	if n.ending.Load() {
		return errors.New("ending")
	}
	if !n.listening.Load() || n.status.Load() == nil {
		return errors.New("starting")
	}
	if n.disk != nil && !n.disk.Loaded() {
		return fmt.Errorf("loading: %.0f %%", 100*n.disk.Status().Share())
	}
	for _, sh := range n.status.Load().Shards {
		if sh.Err != "" {
			return fmt.Errorf("shard %d: %s", sh.ID, sh.Err)
		}
	}
	return nil
}

// ordered gives the held shards, lowest first.
func (n *Node) ordered() []*shard.Shard {
	list := make([]*shard.Shard, 0, len(n.shards))
	for _, id := range n.self.Hold {
		if sh := n.shards[id]; sh != nil {
			list = append(list, sh)
		}
	}
	slices.SortFunc(list, func(a, b *shard.Shard) int { return a.ID() - b.ID() })
	return list
}

func (n *Node) close() {
	n.closeDisk()
	n.forward.close()
	n.lookout.Close()
	for _, c := range slices.Backward(n.closers) {
		if err := c(); err != nil && !errors.Is(err, store.ErrUnavailable) {
			n.log.Warn("close", "err", err)
		}
	}
}
