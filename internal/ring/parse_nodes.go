package ring

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dunlin-db/dunlin/internal/address"
)

var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (p *parser) nodes(t *Topology, root *yaml.Node, f map[string]field) error {
	nodes, ok := f["nodes"]
	if !ok {
		return p.fail(root, ErrMissing, "nodes: at least one entry NAME: {site: SITE, url: redis://HOST:PORT}")
	}
	pairs, err := p.pairs(nodes.value, "nodes")
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		return p.fail(nodes.key, ErrMissing, "nodes: at least one entry")
	}
	urls := map[string]string{} // url → node
	for _, pair := range pairs {
		if !nodeName.MatchString(pair.key.Value) {
			return p.fail(pair.key, ErrNode, "%q: want 1 to 64 letters, digits, '.', '_' or '-'", pair.key.Value)
		}
		n, err := p.node(t, pair)
		if err != nil {
			return err
		}
		if other, taken := urls[n.URL]; taken {
			return p.fail(pair.key, ErrDuplicateURL, "%s is node %s already", n.URL, other)
		}
		urls[n.URL] = n.Name
		t.Nodes = append(t.Nodes, n)
	}
	slices.SortFunc(t.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (p *parser) node(t *Topology, pair field) (Node, error) {
	f, err := p.fields(pair.value, "node "+pair.key.Value, "site url redis redis-cluster hold "+loginKeys)
	if err != nil {
		return Node{}, err
	}
	n := Node{Name: pair.key.Value, Site: "local", Login: t.Login}
	if site, ok := f["site"]; ok {
		if n.Site, err = p.text(site.value, "site"); err != nil {
			return Node{}, err
		}
	}
	u, ok := f["url"]
	if !ok {
		return Node{}, p.fail(pair.key, ErrMissing, "url of node %s", n.Name)
	}
	if n.URL, err = p.url(u.value, false); err != nil {
		return Node{}, err
	}
	if err = p.login(&n.Login, f); err != nil {
		return Node{}, err
	}
	if n.Hold, err = p.hold(t, f["hold"]); err != nil {
		return Node{}, err
	}
	return n, p.stores(t, &n, f)
}

func (p *parser) hold(t *Topology, f field) ([]int, error) {
	var out []int
	if f.value == nil {
		for i := range t.Shards() {
			out = append(out, i+1)
		}
		return out, nil
	}
	items, err := p.list(f.value, "hold")
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, p.fail(f.key, ErrHold, "none named")
	}
	for _, item := range items {
		i, err := p.number(item, "a shard of hold")
		if err != nil {
			return nil, err
		}
		if i < 1 || i > t.Shards() {
			return nil, p.fail(item, ErrHold, "%d is not in 1 to %d", i, t.Shards())
		}
		if slices.Contains(out, i) {
			return nil, p.fail(item, ErrHold, "%d twice", i)
		}
		out = append(out, i)
	}
	slices.Sort(out)
	return out, nil
}

// stores reads what a node keeps its points in. Redis comes out with one entry per shard of the flock, "" where the
// node does not hold it, so that the process of shard i is Redis[i-1].
func (p *parser) stores(t *Topology, n *Node, f map[string]field) error {
	redis, hasRedis := f["redis"]
	cluster, hasCluster := f["redis-cluster"]
	if hasRedis && hasCluster {
		return p.fail(cluster.key, ErrTwoStores, "node %s", n.Name)
	}
	var err error
	if hasCluster {
		n.RedisCluster, err = p.urls(cluster, n)
		return err
	}
	if !hasRedis {
		return nil
	}
	urls, err := p.urls(redis, n)
	if err != nil {
		return err
	}
	if len(urls) != len(n.Hold) {
		return p.fail(redis.key, ErrRedisCount, "node %s holds %d shards and names %d urls", n.Name, len(n.Hold), len(urls))
	}
	n.Redis = make([]string, t.Shards())
	for i, shard := range n.Hold {
		n.Redis[shard-1] = urls[i]
	}
	return nil
}

func (p *parser) urls(f field, n *Node) ([]string, error) {
	what := f.key.Value
	items, err := p.list(f.value, what)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, p.fail(f.key, ErrMissing, "urls of %s", what)
	}
	var out []string
	for _, item := range items {
		u, err := p.url(item, true)
		if err != nil {
			return nil, err
		}
		if u == n.URL || slices.Contains(out, u) {
			return nil, p.fail(item, ErrDuplicateURL, "%s", u)
		}
		out = append(out, u)
	}
	return out, nil
}

// url reads a url of package address, with a port, and with a database number only where db says so.
func (p *parser) url(n *yaml.Node, db bool) (string, error) {
	s, err := p.text(n, "url")
	if err != nil {
		return "", err
	}
	t, err := address.Parse(s)
	if err != nil {
		return "", p.fail(n, err, "")
	}
	u, _ := url.Parse(s) // address.Parse could
	switch {
	case t.Network == "tcp" && u.Port() == "":
		return "", p.fail(n, ErrURL, "%s: want a port from 1 to 65535", s)
	case !db && (t.DB != 0 || u.RawQuery != "" || t.Network == "tcp" && strings.Trim(u.Path, "/") != ""):
		return "", p.fail(n, ErrURL, "%s: nothing may follow the address", s)
	}
	return strings.TrimSuffix(s, "/"), nil
}

func (p *parser) holders(t *Topology, _ *yaml.Node, f map[string]field) error {
	for shard := 1; shard <= t.Shards(); shard++ {
		if len(t.Holders(shard)) == 0 {
			return p.fail(f["nodes"].key, ErrNoHolder, "%d", shard)
		}
	}
	return nil
}
