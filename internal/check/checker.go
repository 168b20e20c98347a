package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/advise"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// lookEvery is the pause between two looks while replicas may still come to agree.
const lookEvery = 110 * time.Millisecond

// maxShown is how many different keys of a shard and period are named.
const maxShown = 20

// Checker collects digests from all nodes of a flock. It is used by one goroutine; Run may be called again and then
// begins anew.
type Checker struct {
	Node     advise.Asker // asks the nodes, by their names; several at once
	Topology *ring.Topology
	Period   string // only this one, as the topology's layout writes it; "" = all
	Whole    bool   // there is no topology, only a node: its database 0 is the one "shard"

	cells       map[cellID]*Cell  // one that was equal once is settled: it is not asked for again
	unreachable map[string]string // node → why, as of the last look
}

type cellID struct {
	period string
	shard  int
}

// Run looks, at least once, until everything was equal once or wait is over, then names the keys that differ. A node
// that can not be asked is in the report; the only error is that of a ctx that ends between two looks.
func (c *Checker) Run(ctx context.Context, wait time.Duration) (*Report, error) {
	deadline := time.Now().Add(wait)
	c.cells = map[cellID]*Cell{}
	for {
		c.look(ctx)
		if c.equal() || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("check: %w", ctx.Err())
		case <-time.After(lookEvery):
		}
	}
	for _, cell := range c.sorted() {
		if cell.Verdict == "different" {
			c.drill(ctx, cell)
		}
	}
	return &Report{
		Equal: c.equal(), Cells: c.sorted(), Unreachable: c.unreachable, Encodings: c.advice(ctx), Damaged: c.damaged(ctx),
	}, nil
}

// advice is about the nodes on Redis that answered; without a topology nothing says which those are.
func (c *Checker) advice(ctx context.Context) []advise.Note {
	if c.Whole {
		return nil
	}
	a := &advise.Advisor{Topology: c.Topology, Node: c.Node, Process: advise.AskProcess}
	return a.Encodings(ctx, c.unreachable)
}

func (c *Checker) equal() bool {
	if len(c.unreachable) > 0 {
		return false
	}
	for _, cell := range c.cells {
		if !cell.settled() {
			return false
		}
	}
	return true
}

func (c *Checker) sorted() []*Cell {
	cells := slices.Collect(maps.Values(c.cells))
	slices.SortFunc(cells, func(a, b *Cell) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Shard, b.Shard))
	})
	return cells
}

// look asks all nodes once: which periods there are, then the digests of what is not settled.
func (c *Checker) look(ctx context.Context) {
	c.unreachable = map[string]string{}
	var mu sync.Mutex // protects c.cells and c.unreachable
	c.runNodes(func(n *ring.Node) {
		ids, err := c.list(ctx, n)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			c.unreachable[n.Name] = err.Error()
		}
		for _, id := range ids {
			if c.cells[id] == nil {
				c.cells[id] = &Cell{Period: id.period, Shard: id.shard}
			}
		}
	})
	away := maps.Clone(c.unreachable)
	open := map[int][]*Cell{}
	for _, cell := range c.sorted() {
		if !cell.settled() {
			cell.Nodes = map[string]Digest{}
			open[cell.Shard] = append(open[cell.Shard], cell)
		}
	}
	c.runNodes(func(n *ring.Node) {
		if _, ok := away[n.Name]; ok {
			return
		}
		for _, shard := range c.shards(n) {
			digests, err := c.digests(ctx, n.Name, shard, open[shard])
			mu.Lock()
			if err != nil {
				c.unreachable[n.Name] = err.Error()
			}
			for i, d := range digests {
				open[shard][i].Nodes[n.Name] = d
			}
			mu.Unlock()
		}
	})
	for shard, cells := range open {
		for _, cell := range cells {
			holders := len(c.Topology.Holders(shard))
			if c.Whole {
				holders = len(c.Topology.Nodes)
			}
			cell.Verdict = verdict(cell.Nodes, holders)
		}
	}
}

// pingTimeout is how long a node may take to say that it is there. Without it a node that accepts connections and
// never answers, one that is stopped say, would cost the whole timeout of a request per shard.
const pingTimeout = 3 * time.Second

// list gives what a node holds. The first failure ends it: the node is asked again at the next look.
func (c *Checker) list(ctx context.Context, n *ring.Node) ([]cellID, error) {
	brief, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	replies, err := c.Node.Ask(brief, n.Name, 0, []string{"PING"})
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	var ids []cellID
	for _, shard := range c.shards(n) {
		periods, err := c.periods(ctx, n.Name, shard)
		if err != nil {
			return ids, err
		}
		for _, p := range periods {
			ids = append(ids, cellID{p, shard})
		}
	}
	return ids, nil
}

// shards are the databases to ask a node.
func (c *Checker) shards(n *ring.Node) []int {
	if c.Whole {
		return []int{0}
	}
	return n.Hold
}

// runNodes calls fn for every node at once and waits for all.
func (c *Checker) runNodes(fn func(n *ring.Node)) {
	var wg sync.WaitGroup
	for i := range c.Topology.Nodes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			fn(&c.Topology.Nodes[i])
		}()
	}
	wg.Wait()
}

// drill asks the holders for the digest of every key and names those that differ.
func (c *Checker) drill(ctx context.Context, cell *Cell) {
	perNode := map[string]map[string]Digest{}
	for node := range cell.Nodes {
		keys, err := c.keyDigests(ctx, node, cell)
		if err != nil {
			c.unreachable[node] = err.Error()
			continue
		}
		perNode[node] = keys
	}
	all := map[string]bool{}
	for _, keys := range perNode {
		for k := range keys {
			all[k] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		sums := map[Digest]bool{}
		diff := KeyDiff{Key: key, Points: map[string]int64{}}
		for node, keys := range perNode {
			sums[keys[key]] = true
			diff.Points[node] = keys[key].Points
		}
		switch {
		case len(sums) < 2:
		case len(cell.Keys) < maxShown:
			cell.Keys = append(cell.Keys, diff)
		default:
			cell.More++
		}
	}
}
