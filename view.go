package dunlin

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/bundle"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/upstream"
)

// view is the flock as one topology describes it. It never changes: another topology is another view.
type view struct {
	topo   *Topology
	nodes  []*member // nearest first
	cells  []*cell
	cellOf []*cell // by shard
	craig  bool    // some ring looks at whole keys
}

// member is a node with its server. It outlives views as long as the node's address and login stay.
type member struct {
	info   ring.Node
	server *upstream.Server
	db     int         // where commands for the whole node go
	far    int         // 0 = the wished node, 1 = the client's site, 2 = elsewhere
	rank   uint64      // random: the order among equals
	plain  atomic.Bool // it knows no DN commands: a Redis without a node
}

// cell is a set of shards that the same nodes hold.
type cell struct {
	name    string // the nodes' names
	shards  []int
	holders []*member
}

// newView makes the view of a topology; of gives the member of a node.
func newView(t *Topology, of func(*ring.Node) (*member, error)) (*view, error) {
	v := &view{topo: t, cellOf: make([]*cell, t.Shards()+1)}
	for i := range t.Nodes {
		m, err := of(&t.Nodes[i])
		if err != nil {
			return nil, err
		}
		v.nodes = append(v.nodes, m)
	}
	slices.SortStableFunc(v.nodes, func(a, b *member) int { return cmp.Or(a.far-b.far, cmp.Compare(a.rank, b.rank)) })
	for _, r := range t.Rings {
		v.craig = v.craig || r.Hash == ring.HashCraigslist
	}
	byName := map[string]*cell{}
	for shard := 1; shard <= t.Shards(); shard++ {
		c := &cell{}
		for _, m := range v.nodes {
			if m.info.Holds(shard) {
				c.holders = append(c.holders, m)
				c.name += m.info.Name + " "
			}
		}
		if known := byName[c.name]; known != nil {
			c = known
		} else {
			byName[c.name] = c
			v.cells = append(v.cells, c)
		}
		c.shards = append(c.shards, shard)
		v.cellOf[shard] = c
	}
	return v, nil
}

// cellFor gives the cell of a point.
func (v *view) cellFor(t *bundle.Text) *cell {
	var whole []byte
	if v.craig {
		whole = t.Whole()
	}
	return v.cellOf[v.topo.ShardOfSeries(whole, t.Key())]
}

// shardOf gives the shard of a key of any kind.
func (v *view) shardOf(key string) int { return v.topo.ShardOf([]byte(key)) }

// node finds a member by name, nil when there is none.
func (v *view) node(name string) *member {
	for _, m := range v.nodes {
		if m.info.Name == name {
			return m
		}
	}
	return nil
}

// names are those of all nodes, for messages.
func (v *view) names() string {
	names := make([]string, len(v.topo.Nodes))
	for i, n := range v.topo.Nodes {
		names[i] = n.Name
	}
	return strings.Join(names, ", ")
}

// up says whether some holder answers.
func (c *cell) up() bool {
	return slices.ContainsFunc(c.holders, func(m *member) bool { return m.server.Up() })
}

// pick gives the holder to ask next: of those that are up and were not tried, the nearest. nil when there is none.
func (c *cell) pick(tried []*member) *member {
	var best *member
	for _, m := range c.holders {
		if m.server.Up() && !slices.Contains(tried, m) && (best == nil || m.nearer(best)) {
			best = m
		}
	}
	return best
}

// nearer: by site, then by how long it takes to connect, in steps of four: what differs less is equal.
func (m *member) nearer(than *member) bool {
	return cmp.Or(m.far-than.far, m.latency()-than.latency(), cmp.Compare(m.rank, than.rank)) < 0
}

// latency is 0 up to 8 ms, 1 up to 32 ms, 2 up to 128 ms, and 0 for a server that was never connected to: it is tried.
func (m *member) latency() int {
	return (bits.Len64(uint64(m.server.Distance().Milliseconds()/8)) + 1) / 2
}

func newMember(info *ring.Node) *member { return &member{info: *info, rank: rand.Uint64()} }
