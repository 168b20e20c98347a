package dunlin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// AddNode makes a node known: where its front door answers (as Config.URL), its site, and the shards it holds, all if
// none is named. One logs in there as the flock says. Nothing that waits or is on its way is lost.
func (c *Client) AddNode(name, url, site string, hold ...int) error {
	return c.core.change(func(t *Topology) error {
		if t.Node(name) != nil {
			return fmt.Errorf("%w: there is a node %s already", ErrConfig, name)
		}
		if _, err := address.Parse(url); err != nil {
			return fmt.Errorf("%w: node %s: %w", ErrConfig, name, err)
		}
		for _, shard := range hold {
			if shard < 1 || shard > t.Shards() {
				return fmt.Errorf("%w: node %s: there is no shard %d", ErrConfig, name, shard)
			}
		}
		if len(hold) == 0 {
			for i := range t.Shards() {
				hold = append(hold, i+1)
			}
		}
		hold = slices.Compact(slices.Sorted(slices.Values(hold)))
		t.Nodes = append(t.Nodes, ring.Node{Name: name, URL: url, Site: site, Hold: hold, Login: t.Login})
		slices.SortFunc(t.Nodes, func(a, b ring.Node) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
}

// RemoveNode forgets a node. What is on its way to it may still be answered; what is not goes to others. A node that
// alone holds some shard can not be removed.
func (c *Client) RemoveNode(name string) error {
	return c.core.change(func(t *Topology) error {
		if t.Node(name) == nil {
			return fmt.Errorf("%w: there is no node %s", ErrConfig, name)
		}
		t.Nodes = slices.DeleteFunc(t.Nodes, func(n ring.Node) bool { return n.Name == name })
		for shard := 1; shard <= t.Shards(); shard++ {
			if len(t.Holders(shard)) == 0 {
				return fmt.Errorf("%w: node %s alone holds shard %d", ErrConfig, name, shard)
			}
		}
		return nil
	})
}

// Reload reads Config.File again and goes on with what it says now. A file that is wrong changes nothing.
func (c *Client) Reload() error {
	if c.cfg.File == "" || c.cfg.Topology != nil {
		return fmt.Errorf("%w: the client was not opened with a file", ErrConfig)
	}
	t, err := ring.Load(c.cfg.File)
	if err != nil {
		return err
	}
	return c.core.change(func(now *Topology) error { *now = *t; return nil })
}

// change edits a copy of the topology and goes on with it.
func (c *core) change(edit func(t *Topology) error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.closing {
		return ErrClosed
	}
	if c.target != nil {
		return fmt.Errorf("%w: the client knows one server, by its URL, and no topology", ErrConfig)
	}
	now := c.view.Load().topo
	next := *now
	next.Nodes = slices.Clone(now.Nodes)
	if err := edit(&next); err != nil {
		return err
	}
	if next.Layout != now.Layout {
		return fmt.Errorf("%w: the layout of periods can not change, from %s to %s", ErrConfig, now.Layout, next.Layout)
	}
	return c.adopt(&next)
}
