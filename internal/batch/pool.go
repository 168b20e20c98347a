package batch

import (
	"sync"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// Pool lends batches, so that only connections that write points at this moment have one. It is safe for concurrent
// use.
type Pool struct {
	topology *ring.Topology
	shards   []*shard.Shard
	idle     sync.Pool
}

// NewPool makes a pool for the shards in memory of a node.
func NewPool(t *ring.Topology, shards []*shard.Shard) *Pool {
	return &Pool{topology: t, shards: shards}
}

// Get lends a batch that is empty.
func (p *Pool) Get() *Batch {
	if b, ok := p.idle.Get().(*Batch); ok {
		return b
	}
	return New(p.topology, p.shards)
}

// Put takes back a batch that is empty again.
func (p *Pool) Put(b *Batch) { p.idle.Put(b) }

// Serves says whether there is a shard that points could be put in.
func (p *Pool) Serves() bool { return len(p.shards) > 0 }

// Taker gives the method that takes commands of a name, nil when none does.
func Taker(name []byte) func(b *Batch, db int, args [][]byte) bool {
	switch {
	case len(name) == 4 && keycmd.Is(name, "zadd"):
		return (*Batch).ZAdd
	case len(name) < 7: // most names, seen at once
		return nil
	case keycmd.Is(name, "dn.madd"):
		return (*Batch).MAdd
	case keycmd.Is(name, "dn.maddt"):
		return (*Batch).MAddT
	}
	return nil
}
