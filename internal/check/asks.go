package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/infotext"
	"github.com/dunlin-db/dunlin/internal/ring"
)

func (c *Checker) periods(ctx context.Context, node string, shard int) ([]string, error) {
	if c.Period != "" {
		return []string{c.Period}, nil
	}
	replies, err := c.Node.Ask(ctx, node, shard, []string{"DN.PERIODS"})
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

func (c *Checker) digests(ctx context.Context, node string, shard int, cells []*Cell) ([]Digest, error) {
	if len(cells) == 0 {
		return nil, nil
	}
	var commands [][]string
	for _, cell := range cells {
		commands = append(commands, []string{"DN.DIGEST", cell.Period})
	}
	replies, err := c.Node.Ask(ctx, node, shard, commands...)
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	out := make([]Digest, len(cells))
	for i, r := range replies {
		var ok bool
		if out[i], ok = parseDigest(r.Value); !ok {
			return nil, fmt.Errorf("node %s: DN.DIGEST: got %v", node, r.Value)
		}
	}
	return out, nil
}

func parseDigest(v any) (Digest, bool) {
	list, ok := v.([]any)
	if !ok || len(list) != 3 {
		return Digest{}, false
	}
	keys, ok1 := list[0].(int64)
	points, ok2 := list[1].(int64)
	sum, ok3 := list[2].(string)
	return Digest{keys, points, sum}, ok1 && ok2 && ok3
}

func (c *Checker) keyDigests(ctx context.Context, node string, cell *Cell) (map[string]Digest, error) {
	replies, err := c.Node.Ask(ctx, node, cell.Shard, []string{"DN.DIGEST", cell.Period, "KEYS"})
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	list, _ := replies[0].Value.([]any)
	out := map[string]Digest{}
	for i := 0; i+2 < len(list); i += 3 {
		key, ok1 := list[i].(string)
		points, ok2 := list[i+1].(int64)
		sum, ok3 := list[i+2].(string)
		if !ok1 || !ok2 || !ok3 {
			return nil, errors.New("DN.DIGEST KEYS: want key, points, digest")
		}
		out[key] = Digest{Keys: 1, Points: points, Sum: sum}
	}
	return out, nil
}

// damaged asks all nodes which damaged files they keep. One that can not say keeps none.
func (c *Checker) damaged(ctx context.Context) map[string][]string {
	all := map[string][]string{}
	var mu sync.Mutex // protects all
	c.runNodes(func(n *ring.Node) {
		if _, away := c.unreachable[n.Name]; away {
			return
		}
		replies, err := c.Node.Ask(ctx, n.Name, 0, []string{"INFO", "persistence"})
		if cmp.Or(err, firstError(replies)) != nil {
			return
		}
		text, _ := replies[0].Value.(string)
		if names := infotext.Parse(text)["bad_files_names"]; names != "" {
			mu.Lock()
			defer mu.Unlock()
			all[n.Name] = strings.Split(names, ",")
		}
	})
	return all
}

func firstError(replies []dunlin.Reply) error {
	for _, r := range replies {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
