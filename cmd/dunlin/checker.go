package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// asker is the part of the client that check needs.
type asker interface {
	Ask(ctx context.Context, node string, db int, commands ...[]string) ([]dunlin.Reply, error)
}

type cellID struct {
	period string
	shard  int
}

// checker collects digests from all nodes. A cell that was equal once is settled: it is not asked for again.
type checker struct {
	ask    asker
	topo   *ring.Topology
	period string // only this one, "" = all
	whole  bool   // there is no topology, only a node: its database 0 is the one "shard"

	cells       map[cellID]*checkCell
	unreachable map[string]string // node → why, as of the last look
}

func (c *checker) equal() bool {
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

func (c *checker) sorted() []*checkCell {
	cells := slices.Collect(maps.Values(c.cells))
	slices.SortFunc(cells, func(a, b *checkCell) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Shard, b.Shard))
	})
	return cells
}

// look asks all nodes once: which periods there are, then the digests of what is not settled.
func (c *checker) look(ctx context.Context) {
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
				c.cells[id] = &checkCell{Period: id.period, Shard: id.shard}
			}
		}
	})
	away := maps.Clone(c.unreachable)
	open := map[int][]*checkCell{}
	for _, cell := range c.sorted() {
		if !cell.settled() {
			cell.Nodes = map[string]digest{}
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
			holders := len(c.topo.Holders(shard))
			if c.whole {
				holders = len(c.topo.Nodes)
			}
			cell.Verdict = verdict(cell.Nodes, holders)
		}
	}
}

// pingTimeout is how long a node may take to say that it is there. Without it a node that accepts connections and
// never answers, one that is stopped say, would cost the whole timeout of a request per shard.
const pingTimeout = 3 * time.Second

// list gives what a node holds. The first failure ends it: the node is asked again at the next look.
func (c *checker) list(ctx context.Context, n *ring.Node) ([]cellID, error) {
	brief, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	replies, err := c.ask.Ask(brief, n.Name, 0, []string{"PING"})
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
func (c *checker) shards(n *ring.Node) []int {
	if c.whole {
		return []int{0}
	}
	return n.Hold
}

// verdict judges what the holders of a shard said about a period.
func verdict(nodes map[string]digest, holders int) string {
	sums := map[digest]bool{}
	for _, d := range nodes {
		sums[d] = true
	}
	switch {
	case len(sums) > 1:
		return "different"
	case len(nodes) < holders:
		return "unreachable"
	case holders == 1:
		return "alone"
	}
	return "equal"
}

// runNodes calls fn for every node at once and waits for all.
func (c *checker) runNodes(fn func(n *ring.Node)) {
	var wg sync.WaitGroup
	for i := range c.topo.Nodes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			fn(&c.topo.Nodes[i])
		}()
	}
	wg.Wait()
}

func (c *checker) periods(ctx context.Context, node string, shard int) ([]string, error) {
	if c.period != "" {
		return []string{c.period}, nil
	}
	replies, err := c.ask.Ask(ctx, node, shard, []string{"DN.PERIODS"})
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	list, ok := replies[0].Value.([]any)
	if !ok {
		return nil, fmt.Errorf("node %s: DN.PERIODS: got %T", node, replies[0].Value)
	}
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprint(p))
	}
	return out, nil
}

func (c *checker) digests(ctx context.Context, node string, shard int, cells []*checkCell) ([]digest, error) {
	if len(cells) == 0 {
		return nil, nil
	}
	var commands [][]string
	for _, cell := range cells {
		commands = append(commands, []string{"DN.DIGEST", cell.Period})
	}
	replies, err := c.ask.Ask(ctx, node, shard, commands...)
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	out := make([]digest, len(cells))
	for i, r := range replies {
		var ok bool
		if out[i], ok = parseDigest(r.Value); !ok {
			return nil, fmt.Errorf("node %s: DN.DIGEST: got %v", node, r.Value)
		}
	}
	return out, nil
}

func parseDigest(v any) (digest, bool) {
	list, ok := v.([]any)
	if !ok || len(list) != 3 {
		return digest{}, false
	}
	keys, ok1 := list[0].(int64)
	points, ok2 := list[1].(int64)
	sum, ok3 := list[2].(string)
	return digest{keys, points, sum}, ok1 && ok2 && ok3
}

// drill asks the holders for the digest of every key and names those that differ.
func (c *checker) drill(ctx context.Context, cell *checkCell) {
	perNode := map[string]map[string]digest{}
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
		sums := map[digest]bool{}
		diff := keyDiff{Key: key, Points: map[string]int64{}}
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

func (c *checker) keyDigests(ctx context.Context, node string, cell *checkCell) (map[string]digest, error) {
	replies, err := c.ask.Ask(ctx, node, cell.Shard, []string{"DN.DIGEST", cell.Period, "KEYS"})
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	list, _ := replies[0].Value.([]any)
	out := map[string]digest{}
	for i := 0; i+2 < len(list); i += 3 {
		key, ok1 := list[i].(string)
		points, ok2 := list[i+1].(int64)
		sum, ok3 := list[i+2].(string)
		if !ok1 || !ok2 || !ok3 {
			return nil, errors.New("DN.DIGEST KEYS: want key, points, digest")
		}
		out[key] = digest{Keys: 1, Points: points, Sum: sum}
	}
	return out, nil
}

func firstError(replies []dunlin.Reply) error {
	for _, r := range replies {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
