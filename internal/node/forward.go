package node

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/door"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/store"
)

// forwarder sends commands for a shard that this node does not hold to SELECT shard of a node that does.
type forwarder struct {
	topo *ring.Topology
	self *ring.Node

	mu    sync.Mutex // protects conns
	conns map[route]*door.Conn
}

type route struct {
	node         string
	shard, proto int
}

func newForwarder(t *ring.Topology, self *ring.Node) *forwarder {
	return &forwarder{topo: t, self: self, conns: map[route]*door.Conn{}}
}

// Do sends the commands to the nearest holder that can be reached. Once they may have been sent they are not sent
// again: the caller can not know what they did, its client decides.
func (f *forwarder) Do(ctx context.Context, shard, proto int, cmds [][]string) []store.Reply {
	err := store.ErrUnavailable
	for _, n := range f.holders(shard) {
		c, dialErr := f.conn(n, shard, proto)
		if dialErr != nil {
			err = dialErr
			continue
		}
		results, sent, doErr := c.Do(ctx, cmds)
		if doErr == nil {
			return decodeReplies(results)
		}
		if err = doErr; sent {
			break
		}
	}
	replies := make([]store.Reply, len(cmds))
	for i := range replies {
		replies[i] = err
	}
	return replies
}

// holders are the other nodes that hold a shard, this node's site first.
func (f *forwarder) holders(shard int) []*ring.Node {
	others := slices.DeleteFunc(slices.Clone(f.topo.Holders(shard)), func(n *ring.Node) bool {
		return n.Name == f.self.Name
	})
	slices.SortStableFunc(others, func(a, b *ring.Node) int {
		return f.distance(a) - f.distance(b)
	})
	return others
}

func (f *forwarder) distance(n *ring.Node) int {
	if n.Site == f.self.Site {
		return 0
	}
	return 1
}

func (f *forwarder) conn(n *ring.Node, shard, proto int) (*door.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := route{n.Name, shard, proto}
	if c := f.conns[r]; c != nil {
		return c, nil
	}
	c, err := door.New(door.Config{URL: n.URL, Login: n.Login, DB: shard, Proto: proto})
	if err == nil {
		f.conns[r] = c
	}
	return c, err
}

func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
}

func decodeReplies(results []rueidis.RedisResult) []store.Reply {
	replies := make([]store.Reply, len(results))
	for i := range results {
		m, err := results[i].ToMessage()
		var redisErr *rueidis.RedisError
		switch {
		case rueidis.IsRedisNil(err):
		case errors.As(err, &redisErr):
			replies[i] = errors.New(redisErr.Error())
		case err != nil:
			replies[i] = err
		default:
			// The cache form is the client library's public way to a message's wire type, which tells a simple
			// string from a bulk string. It begins with 7 bytes of expiry.
			replies[i], _ = decodeReply(m.CacheMarshal(nil)[7:])
		}
	}
	return replies
}

// decodeReply reads one message: a byte of type, 8 bytes of value or length, then text or elements.
func decodeReply(b []byte) (r store.Reply, rest []byte) {
	typ, n := b[0], int64(binary.BigEndian.Uint64(b[1:9]))
	b = b[9:]
	switch typ {
	case ':':
		return n, b
	case '#':
		return n == 1, b
	case '_':
		return nil, b
	case '*', '%', '~':
		elems := make([]store.Reply, n)
		for i := range elems {
			elems[i], b = decodeReply(b)
		}
		return [...]store.Reply{elems, store.Map(elems), store.Set(elems)}[map[byte]int{'*': 0, '%': 1, '~': 2}[typ]], b
	}
	text := string(b[:n])
	b = b[n:]
	switch typ {
	case '+':
		return store.Simple(text), b
	case '-', '!':
		return errors.New(text), b
	case ',':
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return v, b
		}
	}
	return text, b
}
