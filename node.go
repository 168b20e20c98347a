package dunlin

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/ring"
)

// How long a node that did not answer is left alone: doubling, with ± 25 % jitter.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// dialTimeout bounds a dial where the timeout for a batch is longer.
const dialTimeout = 2 * time.Second

var errClosed = errors.New("client closed")

// node is one node of the flock: its connections and whether it answers.
type node struct {
	info    *ring.Node
	addr    string
	all     bool // it holds every shard, so one connection to database 0 does
	fixedDB int  // the only database to talk to, 0 = as the shard says
	timeout time.Duration

	mu     sync.Mutex // protects what follows
	conns  map[int]*conn
	pause  time.Duration // 0 = the node answers
	until  time.Time     // not before: next probe
	closed bool
}

// conn is one pipelined connection to a database of a node, dialed when first needed.
type conn struct {
	dialing sync.Mutex // held over a dial on purpose: one dial at a time, the others wait for its result
	client  rueidis.Client
}

func newNode(info *ring.Node, shards int, timeout time.Duration) (*node, error) {
	u, err := url.Parse(info.URL)
	if err != nil {
		return nil, fmt.Errorf("node %s: parse url: %w", info.Name, err)
	}
	return &node{
		info: info, addr: u.Host, all: len(info.Hold) == shards, timeout: timeout, conns: map[int]*conn{},
	}, nil
}

// database is where the commands for a shard go.
func (n *node) database(shard int) int {
	switch {
	case n.fixedDB != 0:
		return n.fixedDB
	case n.all:
		return 0
	}
	return shard
}

// admit says whether the node may be asked now: it answers, or its pause is over and this call is the one probe.
func (n *node) admit(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pause == 0 {
		return true
	}
	if now.Before(n.until) {
		return false
	}
	n.until = now.Add(max(n.pause, n.timeout)) // the others wait for this probe
	return true
}

// failed notes that the node did not answer.
func (n *node) failed(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pause = min(max(firstPause, 2*n.pause), maxPause)
	jitter := 0.75 + rand.Float64()/2
	n.until = now.Add(time.Duration(jitter * float64(n.pause)))
}

// answered notes that the node answered, with an error reply or without.
func (n *node) answered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pause = 0
}

// dial gives the connection to a database.
func (n *node) dial(ctx context.Context, db int) (rueidis.Client, error) {
	n.mu.Lock()
	c := n.conns[db]
	if c == nil {
		c = &conn{}
		n.conns[db] = c
	}
	closed := n.closed
	n.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	c.dialing.Lock()
	defer c.dialing.Unlock()
	if c.client != nil {
		return c.client, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var err error
	c.client, err = rueidis.NewClient(rueidis.ClientOption{
		InitAddress:         []string{n.addr},
		Dialer:              net.Dialer{Timeout: min(n.timeout, dialTimeout), KeepAlive: 15 * time.Second},
		Password:            n.info.Password,
		ClientName:          "dunlin",
		SelectDB:            db,
		ConnWriteTimeout:    max(n.timeout, 10*time.Second),
		ReadBufferEachConn:  64 << 10,
		WriteBufferEachConn: 64 << 10,
		RingScaleEachConn:   8,
		PipelineMultiplex:   -1, // one connection a database
		DisableCache:        true,
		DisableRetry:        true, // failover is the client's own
		ForceSingleClient:   true,
	})
	if err != nil {
		c.client = nil
		return nil, err
	}
	return c.client, nil
}

func (n *node) close() {
	n.mu.Lock()
	n.closed = true
	conns := n.conns
	n.conns = map[int]*conn{}
	n.mu.Unlock()
	for _, c := range conns {
		c.dialing.Lock()
		if c.client != nil {
			c.client.Close()
		}
		c.dialing.Unlock()
	}
}
