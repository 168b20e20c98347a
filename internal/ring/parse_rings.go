package ring

import (
	"go.yaml.in/yaml/v4"

	"github.com/dunlin-db/dunlin/internal/series"
)

func (p *parser) rings(t *Topology, root *yaml.Node, f map[string]field) error {
	rings, ok := f["rings"]
	if !ok {
		return p.fail(root, ErrMissing, "rings: at least one entry {from: DATE, shards: 8, hash: host}")
	}
	items, err := p.list(rings.value, "rings")
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return p.fail(rings.key, ErrMissing, "rings: at least one entry")
	}
	for i, item := range items {
		r, err := p.ring(t.Layout, item)
		if err != nil {
			return err
		}
		if i > 0 && r.From <= t.Rings[i-1].From {
			return p.fail(item, ErrRings, "%s after %s", t.Layout.PeriodString(r.From),
				t.Layout.PeriodString(t.Rings[i-1].From))
		}
		t.Rings = append(t.Rings, r)
	}
	return nil
}

func (p *parser) ring(l series.Layout, n *yaml.Node) (Ring, error) {
	f, err := p.fields(n, "a ring", "from shards hash names weights")
	if err != nil {
		return Ring{}, err
	}
	r := Ring{Shards: defaultShard, Hash: HashHost}
	from, ok := f["from"]
	if !ok {
		return Ring{}, p.fail(n, ErrMissing, "from: the first period of the ring")
	}
	if r.From, ok = parseFrom(l, from.value.Value); !ok {
		return Ring{}, p.fail(from.value, ErrValue, "from must be a date as 2026-11-22 or a period as %s, not %q",
			l, from.value.Value)
	}
	if h, ok := f["hash"]; ok {
		r.Hash = Hash(h.value.Value)
		if r.Hash != HashHost && r.Hash != HashSeries && r.Hash != HashCraigslist {
			return Ring{}, p.fail(h.value, ErrValue, "hash must be host, series or craigslist, not %q", h.value.Value)
		}
	}
	if s, ok := f["shards"]; ok {
		if r.Shards, err = p.number(s.value, "shards"); err != nil {
			return Ring{}, err
		}
		if r.Shards < 1 || r.Shards > maxShards {
			return Ring{}, p.fail(s.value, ErrShards, "not %d", r.Shards)
		}
	}
	if err := p.names(&r, n, f["names"]); err != nil {
		return Ring{}, err
	}
	return r, p.weights(&r, f["weights"])
}

// weights reads how much of the ring of 2012 each shard gets.
func (p *parser) weights(r *Ring, weights field) error {
	if weights.value == nil {
		return nil
	}
	if r.Hash != HashCraigslist {
		return p.fail(weights.key, ErrWeights, "only hash craigslist has weights")
	}
	items, err := p.list(weights.value, "weights")
	if err != nil {
		return err
	}
	if len(items) != r.Shards {
		return p.fail(weights.key, ErrWeights, "%d weights, %d shards", len(items), r.Shards)
	}
	for _, item := range items {
		w, err := p.number(item, "a weight")
		if err != nil {
			return err
		}
		if w < 1 || w > maxWeight {
			return p.fail(item, ErrWeights, "not %d", w)
		}
		r.Weights = append(r.Weights, w)
	}
	return nil
}

func (p *parser) names(r *Ring, n *yaml.Node, names field) error {
	if names.value == nil {
		if r.Hash == HashCraigslist {
			return p.fail(n, ErrNoNames, "")
		}
		return nil
	}
	list, items, err := p.texts(names.value, "names")
	if err != nil {
		return err
	}
	if len(list) != r.Shards {
		return p.fail(names.key, ErrNames, "%d names, %d shards", len(list), r.Shards)
	}
	seen := map[string]bool{}
	for i, name := range list {
		if seen[name] {
			return p.fail(items[i], ErrNames, "%q twice", name)
		}
		seen[name] = true
	}
	r.Names = list
	return nil
}

// parseFrom reads a period in the flock's layout, or a date, which in an hourly flock is its first hour.
func parseFrom(l series.Layout, s string) (series.Period, bool) {
	if p, ok := l.ParsePeriod([]byte(s)); ok {
		return p, true
	}
	p, ok := series.Day.ParsePeriod([]byte(s))
	if ok && l.Hourly() {
		p *= 24
	}
	return p, ok
}
