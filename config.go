package dunlin

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Topology is what a topology file says. It comes from LoadTopology.
type Topology = ring.Topology

// LoadTopology reads and checks a topology file. An error names the line.
func LoadTopology(path string) (*Topology, error) { return ring.Load(path) }

// What can be wrong with a call. Errors wrap one of these; errors.Is tells them apart.
var (
	// ErrUnavailable: no node that holds the series can be reached. It says nothing about whether there are points, and
	// nothing about whether a command that is not safe to repeat was executed.
	ErrUnavailable = errors.New("unavailable")
	// ErrRefused: the flock or the grammar refuses the call; repeating it will not help.
	ErrRefused = errors.New("refused")
	// ErrPartial: the nodes that answered know that they lack points which other nodes have. What they have comes with
	// the error.
	ErrPartial = errors.New("partial")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("client closed")
	// ErrConfig: the configuration contradicts itself or the instance that is shared already.
	ErrConfig = errors.New("bad config")
)

// Config says which flock a Client talks to, and how. Of Topology, File and URL the first that is set counts; with none
// of them the client talks to redis://127.0.0.1:6390.
type Config struct {
	Topology *Topology
	File     string // path of a topology file; Reload reads it again
	// URL is one server: redis://host:port, rediss://host:port (TLS), both with /i behind it for database i alone, which
	// of a node is its shard i, or unix:///path/of/socket?db=i.
	URL      string
	User     string      // with URL; empty = the default user
	Password string      // with URL; a topology has its own
	Layout   string      // with URL: how the flock writes periods, 2006-01-02 if empty
	TLS      *tls.Config // with URL, and where a topology says nothing of it

	Site string // the client's site: its nodes come first
	Node string // the name of the node that comes first of all

	// Spool is a directory, this process' own, for points of Add that find no room in memory while no node takes them.
	// Empty: the oldest such points are dropped, and counted.
	Spool string

	Timeout  time.Duration // for one batch of commands at one server, dialing included; 100 ms if 0
	Deadline time.Duration // for a whole call, all servers it tries; four times Timeout if 0. A context may be shorter
	Limits   Limits

	// OnResult is told of every point that Add took, or that lay in the spool, and that was not stored: refused by a
	// node, or dropped for a limit. What the disk lost can only be counted. It is called from several goroutines; while
	// it runs, a part of the queue waits.
	OnResult func(Point, Result)
	Clock    func() time.Time // time.Now if nil
}

// Limits bounds what a Client keeps. The zero value means the defaults.
type Limits struct {
	Batch    int           // points that go to a server in one command; 1,000 if 0
	Linger   time.Duration // how long Add gathers points before it sends fewer than Batch; 20 ms if 0
	Queue    int           // points of Add in memory; 200,000 if 0
	Spool    int64         // bytes of Config.Spool, oldest dropped first; 256 MiB if 0
	MaxPause time.Duration // between two probes of a server that is down; 5 s if 0
}

// withDefaults fills in what is not set.
func (cfg Config) withDefaults() Config {
	cfg.Timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	cfg.Deadline = cmp.Or(cfg.Deadline, 4*cfg.Timeout)
	cfg.Limits.Batch = min(cmp.Or(cfg.Limits.Batch, 1000), maxBatch)
	cfg.Limits.Linger = cmp.Or(cfg.Limits.Linger, 20*time.Millisecond)
	cfg.Limits.Queue = cmp.Or(cfg.Limits.Queue, 200_000)
	cfg.Limits.Spool = cmp.Or(cfg.Limits.Spool, 256<<20)
	cfg.Limits.MaxPause = cmp.Or(cfg.Limits.MaxPause, 5*time.Second)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return cfg
}

// maxBatch keeps a command below the number of arguments a node takes.
const maxBatch = 20_000

func (cfg Config) check() error {
	l := cfg.Limits
	if cfg.Timeout < 0 || cfg.Deadline < 0 || l.Batch < 0 || l.Linger < 0 || l.Queue < 0 || l.Spool < 0 ||
		l.MaxPause < 0 {
		return fmt.Errorf("%w: a limit or a time is below 0", ErrConfig)
	}
	return nil
}

// topology gives the flock, and where the one server of a URL is.
func (cfg Config) topology() (*Topology, *address.Target, error) {
	switch {
	case cfg.Topology != nil:
		return cfg.Topology, nil, nil
	case cfg.File != "":
		t, err := ring.Load(cfg.File)
		return t, nil, err
	}
	target, err := address.Parse(cmp.Or(cfg.URL, "redis://127.0.0.1:6390"))
	if err != nil {
		return nil, nil, err
	}
	t := ring.Single(target.Addr, "redis://"+target.Addr, 1)
	t.Nodes[0].Password = cfg.Password
	if cfg.Layout != "" {
		if t.Layout, err = series.ParseLayout(cfg.Layout); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return t, &target, nil
}
