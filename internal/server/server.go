package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/account"
	"github.com/dunlin-db/dunlin/internal/batch"
	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// Config is what a front door is made of.
type Config struct {
	Topology *ring.Topology
	Self     *ring.Node
	Shards   map[int]*shard.Shard // the shards this node holds, by number
	Forward  Forwarder            // to the holders of the other shards; nil = they are unavailable
	Password string               // "" = none asked for
	Clock    func() time.Time
	Version  string
	RunID    string // 40 hexadecimal digits, new at every start
	// Order carries out what an operator tells the whole node: an int64 or a string comes of it. nil = nothing is.
	Order   func(ctx context.Context, cmd string, args [][]byte) (any, error)
	Info    func() []account.Section // more sections for INFO; may be nil
	Budget  *budget.Budget           // the limits of the node; nil = none
	Disk    Disk
	Peering func() PeerSession // what answers a node that follows the log; nil = there is none to follow
	Log     *slog.Logger
	Limits  resp.Limits
}

// Disk is how points are kept on disk. The zero Disk is a node that keeps none.
type Disk struct {
	// Commit waits until the log is written up to a place that a shard gave.
	Commit func(wal.LSN)
	Info   account.Disk // what INFO persistence says
}

// Forwarder sends commands to SELECT shard of another node that holds it: a reply for each, in order.
type Forwarder interface {
	Do(ctx context.Context, shard, proto int, cmds [][]string) []store.Reply
}

// holding is a shard this node holds: a slot in memory, or a store that is itself a Redis.
type holding struct {
	sh     *shard.Shard
	slot   *slot           // nil when remote
	remote store.Commander // nil when in memory
}

// Server is the front door. Its Run may be called for several listeners.
type Server struct {
	cfg      Config
	table    map[string]*command
	held     map[int]*holding
	shards   []int   // held, ascending
	slots    []*slot // of these, the ones in memory
	journals []*slot // of these, the ones in other processes: to read journals from, nothing else
	listener *resp.Listener
	started  time.Time
	ctx      atomic.Pointer[context.Context] // of Run
	batches  *batch.Pool
	execs    sync.Pool
	account  account.Node
	commands atomic.Int64 // executed since the start, or since CONFIG RESETSTAT

	mu      sync.Mutex // protects clients
	clients map[int64]*client
}

// New makes a server over shards that are open.
func New(cfg Config) *Server {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Budget == nil {
		cfg.Budget = budget.New()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, table: map[string]*command{}, held: map[int]*holding{},
		clients: map[int64]*client{}, started: cfg.Clock(),
	}
	for _, c := range append(connCommands(), keyCommands()...) {
		s.table[c.name] = &c
	}
	for i, sh := range cfg.Shards {
		s.shards = append(s.shards, i)
		s.held[i] = hold(sh, cfg.Clock)
	}
	slices.Sort(s.shards)
	var inMemory []*shard.Shard
	s.account = account.Node{
		Budget: cfg.Budget, Disk: cfg.Disk.Info, Databases: cfg.Topology.Shards() + 1, MaxClients: s.maxClients(),
	}
	for _, i := range s.shards {
		s.account.Shards = append(s.account.Shards, cfg.Shards[i])
		if sl := s.held[i].slot; sl != nil {
			s.slots = append(s.slots, sl)
			inMemory = append(inMemory, sl.Shard)
		} else {
			s.journals = append(s.journals, &slot{Shard: s.held[i].sh, Tx: s.held[i].sh.Begin()}) // without a lock
		}
	}
	s.batches = batch.NewPool(s.cfg.Topology, inMemory)
	s.execs.New = func() any { return &exec{} }
	s.listener = resp.NewListener(resp.ListenerConfig{
		Limits: cfg.Limits, Unauth: cfg.Password != "", Open: s.open, Log: cfg.Log,
	})
	return s
}

func hold(sh *shard.Shard, clock func() time.Time) *holding {
	t := sh.Begin()
	defer t.End()
	if c, ok := t.Store.(store.Commander); ok && sh.Remote() {
		return &holding{sh: sh, remote: c}
	}
	return &holding{sh: sh, slot: &slot{Shard: sh, Plain: keyspace.NewDB(clock)}}
}

// Run serves ln until ctx ends and every client has its last reply. It closes ln.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	s.ctx.CompareAndSwap(nil, &ctx)
	ctx, cancel := context.WithCancel(ctx)
	var reaper sync.WaitGroup
	reaper.Go(func() { s.reap(ctx, reapEvery) })
	defer reaper.Wait()
	defer cancel()
	if err := s.listener.Run(ctx, ln); err != nil {
		return fmt.Errorf("front door: %w", err)
	}
	return nil
}

// Expired plain keys are looked for so often, and so many are removed at a time, while the lock of their shard is held.
const (
	reapEvery = 100 * time.Millisecond
	reapMost  = 1000
)

// reap removes expired plain keys that nobody asks for, until ctx ends. What is left over waits for the next tick. It
// keeps the memory limit told of what plain keys and buffers take.
func (s *Server) reap(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		plain := int64(0)
		for _, sl := range s.slots {
			tx := sl.Shard.Begin()
			sl.Plain.Reap(reapMost)
			plain += sl.Plain.Bytes()
			tx.End()
		}
		s.countOthers(plain)
	}
}
