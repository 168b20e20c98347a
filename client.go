package dunlin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Topology is what a topology file says. It comes from LoadTopology.
type Topology = ring.Topology

// LoadTopology reads and checks a topology file. An error names the line.
func LoadTopology(path string) (*Topology, error) { return ring.Load(path) }

// Config says which flock a Client talks to. Of Topology, File and URL the first that is set counts; with none of them
// the client talks to redis://127.0.0.1:6390.
type Config struct {
	Topology *Topology
	File     string // path of a topology file
	URL      string // one node, redis://host:port, or /i behind it for its shard i alone
	Password string // with URL; a topology has its own
	Layout   string // with URL: how the flock writes periods, 2006-01-02 if empty

	Site    string        // the client's site: its nodes come first
	Node    string        // the name of the node that comes first of all
	Timeout time.Duration // for one batch of commands to one node, dialing included; 1 s if 0
	Clock   func() time.Time
}

// Client talks to a flock. It is safe for concurrent use.
type Client struct {
	topo    *ring.Topology
	nodes   []*node         // by distance
	byShard map[int][]*node // the holders of each shard, by distance
	timeout time.Duration
	clock   func() time.Time
}

// ErrUnavailable: no node that holds the series can be reached. It says nothing about whether there are points.
var ErrUnavailable = errors.New("unavailable")

// ErrRefused: the flock or the grammar refuses the call; repeating it will not help.
var ErrRefused = errors.New("refused")

// Open reads the topology and makes a Client. It connects to nobody: a node is dialed when it is first needed.
func Open(_ context.Context, cfg Config) (*Client, error) {
	c := &Client{timeout: cmp.Or(cfg.Timeout, time.Second), clock: cfg.Clock, byShard: map[int][]*node{}}
	if c.clock == nil {
		c.clock = time.Now
	}
	db, err := c.topology(cfg)
	if err != nil {
		return nil, err
	}
	for i := range c.topo.Nodes {
		n, err := newNode(&c.topo.Nodes[i], c.topo.Shards(), c.timeout)
		if err != nil {
			return nil, err
		}
		n.fixedDB = db
		c.nodes = append(c.nodes, n)
	}
	c.sortNodes(cfg)
	for _, n := range c.nodes {
		for _, shard := range n.info.Hold {
			c.byShard[shard] = append(c.byShard[shard], n)
		}
	}
	return c, nil
}

// topology sets c.topo and gives the database that a URL names, 0 if none.
func (c *Client) topology(cfg Config) (db int, err error) {
	switch {
	case cfg.Topology != nil:
		c.topo = cfg.Topology
		return 0, nil
	case cfg.File != "":
		c.topo, err = ring.Load(cfg.File)
		return 0, err
	}
	address := cmp.Or(cfg.URL, "redis://127.0.0.1:6390")
	if err := ring.CheckURL(address, true); err != nil {
		return 0, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return 0, fmt.Errorf("parse url: %w", err)
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		if db, err = strconv.Atoi(path); err != nil {
			return 0, fmt.Errorf("parse url %s: %w", address, err)
		}
	}
	c.topo = ring.Single(u.Host, "redis://"+u.Host, 1)
	c.topo.Nodes[0].Password = cfg.Password
	if cfg.Layout != "" {
		c.topo.Layout, err = series.ParseLayout(cfg.Layout)
	}
	return db, err
}

// sortNodes puts the wished node first, then those of the client's site, then the others, by name.
func (c *Client) sortNodes(cfg Config) {
	site := cfg.Site
	if n := c.topo.Node(cfg.Node); n != nil && site == "" {
		site = n.Site
	}
	far := func(n *node) int {
		switch {
		case n.info.Name == cfg.Node:
			return 0
		case n.info.Site == site:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(c.nodes, func(a, b *node) int { return far(a) - far(b) })
}

// Topology is the flock as the client knows it. It must not be changed.
func (c *Client) Topology() *Topology { return c.topo }

// Close ends all connections. Calls that are under way fail.
func (c *Client) Close() {
	for _, n := range c.nodes {
		n.close()
	}
}
