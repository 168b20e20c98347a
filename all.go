package dunlin

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/upstream"
)

// Reply is the reply to one command, labelled by who gave it.
type Reply struct {
	Node  string
	Shard int // 0 = the whole node was asked
	Value any // nil (there is nothing), string, int64, float64, bool, []any or map[string]any
	Err   error
}

// place is a node, or one of its shards.
type place struct {
	node  *member
	shard int // 0 = the whole
	db    int
}

// All sends a command to database 0 of every node, nearest first, and gives each reply under its node's name. Nodes
// that are down have an ErrUnavailable.
func (c *Client) All(ctx context.Context, args ...string) []Reply {
	var at []place
	for _, m := range c.view.Load().nodes {
		at = append(at, place{m, 0, m.db})
	}
	return c.core.runEverywhere(ctx, at, args)
}

// AllShards sends a command to every shard of every node, and gives each reply under its node's name and shard.
func (c *Client) AllShards(ctx context.Context, args ...string) []Reply {
	var at []place
	for _, m := range c.view.Load().nodes {
		for _, shard := range m.info.Hold {
			at = append(at, place{m, shard, c.core.shardDB(m, shard)})
		}
	}
	return c.core.runEverywhere(ctx, at, args)
}

// Holders sends a command to the key's shard at every node that holds it.
func (c *Client) Holders(ctx context.Context, key string, args ...string) []Reply {
	var at []place
	v := c.view.Load()
	shard := v.shardOf(key)
	for _, m := range v.cellOf[shard].holders {
		at = append(at, place{m, shard, c.core.shardDB(m, shard)})
	}
	return c.core.runEverywhere(ctx, at, args)
}

// shardDB is the database of a shard: a plain Redis and the one server of a URL have no databases of shards.
func (c *core) shardDB(m *member, shard int) int {
	if c.target != nil || m.plain.Load() {
		return m.db
	}
	return shard
}

// Compare gives the replies that differ from what most nodes say about the same shard, errors included. Where there is
// no majority, all replies about that shard are given. Nothing differs when it gives none.
func Compare(replies []Reply) []Reply {
	var out []Reply
	for i, r := range replies {
		same, others := 0, 0
		for _, o := range replies {
			if o.Shard != r.Shard {
				continue
			}
			if others++; r.Err == nil && o.Err == nil && reflect.DeepEqual(r.Value, o.Value) {
				same++
			}
		}
		if same < others && 2*same <= others {
			out = append(out, replies[i])
		}
	}
	return out
}

// Ask sends commands to one database of one node, whatever it holds: 0 is the whole node, i its shard i. The replies
// come in order. A node that is down is tried all the same.
func (c *Client) Ask(ctx context.Context, node string, db int, commands ...[]string) ([]Reply, error) {
	v := c.view.Load()
	m := v.node(node)
	if m == nil {
		return nil, fmt.Errorf("no node %s in the topology, which has %s", node, v.names())
	}
	return c.core.ask(ctx, place{m, db, db}, upstream.Batch{Commands: commands, Force: true}), nil
}

// ask sends a batch to a place. Every command has a reply, each with the error if there is none.
func (c *core) ask(ctx context.Context, at place, b upstream.Batch) []Reply {
	b.DB = at.db
	results, err := at.node.server.Exchange(ctx, b)
	out := make([]Reply, len(b.Commands))
	for i := range out {
		out[i] = Reply{Node: at.node.info.Name, Shard: at.shard}
		if err != nil {
			out[i].Err = unavailable(at.node, err)
			continue
		}
		out[i].read(at.node, results[i])
	}
	return out
}

// read takes the value or the error of a result.
func (r *Reply) read(m *member, result rueidis.RedisResult) {
	value, err := result.ToAny()
	switch {
	case err == nil:
		r.Value = value
	case rueidis.IsRedisNil(err):
	default:
		r.Err = replyError(m.info.Name, err.Error())
	}
}

// runEverywhere sends a command to all places side by side.
func (c *core) runEverywhere(ctx context.Context, at []place, args []string) []Reply {
	out := make([]Reply, len(at))
	var wg sync.WaitGroup
	for i := range at {
		wg.Go(func() { out[i] = c.ask(ctx, at[i], upstream.Batch{Commands: [][]string{args}})[0] })
	}
	wg.Wait()
	return out
}
