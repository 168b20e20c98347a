package ring

import (
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Topology is a flock: what its file says, checked.
type Topology struct {
	Cluster       string
	Layout        series.Layout
	Keep          int    // periods kept besides the current one
	Rings         []Ring // by From, ascending; the first also covers all earlier periods
	Nodes         []Node // by name
	address.Login        // flock-wide; nodes have it too, unless they have their own
}

// Hash is how a ring places series.
type Hash string

// The three placements.
const (
	HashHost       Hash = "host"       // xxhash64 and jump hash of the host
	HashSeries     Hash = "series"     // xxhash64 and jump hash of host:metric
	HashCraigslist Hash = "craigslist" // the ring of the Perl client AnyEvent::Redis::Federated, over the whole key
)

// Ring is one entry of rings.
type Ring struct {
	From   series.Period
	Shards int
	Hash   Hash
	Names  []string // one per shard, or empty; HashCraigslist needs them
	// Weights says, with HashCraigslist, how much of the ring each shard gets beside the others; nil = all the same.
	Weights []int
}

// ShardName is what the shard is called: its entry in Names, such as redis_3, else shard-3.
func (r *Ring) ShardName(shard int) string {
	if shard >= 1 && shard <= len(r.Names) {
		return r.Names[shard-1]
	}
	return "shard-" + strconv.Itoa(shard)
}

// Node is one node of the flock.
type Node struct {
	Name         string
	Site         string
	URL          string   // front door: address.Parse
	Redis        []string // URLs of its Redis processes, that of shard i at i-1, "" = not held; empty = engine
	RedisCluster []string
	Hold         []int // shards it holds, ascending; all when the file names none
	address.Login
}

// Single is the topology of a node without a file: it alone, on the engine, with n shards placed by host.
func Single(name, url string, n int) *Topology {
	hold := make([]int, n)
	for i := range hold {
		hold[i] = i + 1
	}
	return &Topology{
		Cluster: "dunlin", Layout: series.Day, Keep: 2,
		Rings: []Ring{{Shards: n, Hash: HashHost}},
		Nodes: []Node{{Name: name, Site: "local", URL: url, Hold: hold}},
	}
}

// HostPort is where the node's own front door answers, host:port.
func (n *Node) HostPort() string {
	_, rest, found := strings.Cut(n.URL, "://")
	if !found {
		rest = n.URL
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "/")
	return rest
}
