package ring

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/dunlin-db/dunlin/internal/series"
)

// RingFor is the ring that places keys of period p.
func (t *Topology) RingFor(p series.Period) *Ring {
	for i := len(t.Rings) - 1; i > 0; i-- {
		if t.Rings[i].From <= p {
			return &t.Rings[i]
		}
	}
	return &t.Rings[0]
}

// ShardOf places any key on a shard, 1..N. A plain key uses the first ring.
func (t *Topology) ShardOf(key []byte) int {
	k, err := t.Layout.ParseKey(key)
	return t.ShardOfParsed(key, k, err)
}

// ShardOfParsed is ShardOf for a key and what ParseKey gave for it.
func (t *Topology) ShardOfParsed(key []byte, k series.Key, err error) int {
	if err != nil {
		return t.Rings[0].place(key, key, key)
	}
	return t.RingFor(k.Period).place(key, k.Host(), k.Series)
}

// ShardOfSeries places a parsed key. key is the whole key as bytes; only HashCraigslist looks at it.
func (t *Topology) ShardOfSeries(key []byte, k series.Key) int {
	return t.RingFor(k.Period).place(key, k.Host(), k.Series)
}

// ShardOfGroup places a key group: every key of the group is where its name is.
func (r *Ring) ShardOfGroup(group []byte) int { return r.place(group, group, group) }

// Shards is the largest number of shards of any ring.
func (t *Topology) Shards() int {
	n := 0
	for _, r := range t.Rings {
		n = max(n, r.Shards)
	}
	return n
}

// Node finds a node by name; nil when there is none.
func (t *Topology) Node(name string) *Node {
	for i := range t.Nodes {
		if t.Nodes[i].Name == name {
			return &t.Nodes[i]
		}
	}
	return nil
}

// Holders are the nodes that hold a shard, by name.
func (t *Topology) Holders(shard int) []*Node {
	var out []*Node
	for i := range t.Nodes {
		if t.Nodes[i].Holds(shard) {
			out = append(out, &t.Nodes[i])
		}
	}
	return out
}

// Holds says whether the node holds the shard.
func (n *Node) Holds(shard int) bool { return slices.Contains(n.Hold, shard) }

// OnRedis says whether the node keeps its points in Redis processes.
func (n *Node) OnRedis() bool { return len(n.Redis) > 0 || len(n.RedisCluster) > 0 }

func (r *Ring) place(key, host, hostMetric []byte) int {
	switch r.Hash {
	case HashCraigslist:
		return 1 + r.craigslistShard(key)
	case HashSeries:
		return 1 + jump(xxhash.Sum64(hostMetric), r.Shards)
	}
	return 1 + jump(xxhash.Sum64(host), r.Shards)
}

// jump is the jump consistent hash of Lamping and Veach (2014): key → 0..n-1, moving 1/n of the keys when n grows.
func jump(key uint64, n int) int {
	b, j := int64(-1), int64(0)
	for j < int64(n) {
		b = j
		key = key*2862933555777941757 + 1
		j = int64(float64(b+1) * (float64(int64(1)<<31) / float64((key>>33)+1)))
	}
	return int(b)
}

const (
	craigslistBuckets = 1024
	craigslistUnit    = 100 // points a unit of weight
	craigslistWeight  = 10  // of every node of that client
)

// craigslistTables caches the bucket table of each list of names and weights: it takes milliseconds to build.
var craigslistTables sync.Map // joined names and weights → *[craigslistBuckets]int

// craigslistShard is the ring of Set::ConsistentHash 0.92 as AnyEvent::Redis::Federated uses it. Its points are
// little-endian, its key hash is big-endian.
func (r *Ring) craigslistShard(key []byte) int {
	sum := md5.Sum(key)
	return r.craigslistTable()[binary.BigEndian.Uint32(sum[:4])%craigslistBuckets]
}

func (r *Ring) craigslistTable() *[craigslistBuckets]int {
	id := ""
	for i, n := range r.Names {
		id += n + "\x00"
		if r.Weights != nil {
			id += string(rune(r.Weights[i]))
		}
	}
	if t, ok := craigslistTables.Load(id); ok {
		return t.(*[craigslistBuckets]int)
	}
	type point struct {
		at   uint32
		node int
	}
	var points []point
	for i, name := range r.Names {
		weight := craigslistWeight
		if r.Weights != nil {
			weight = r.Weights[i]
		}
		for n := 1; n <= weight*craigslistUnit; n++ {
			sum := sha1.Sum(appendDecimal(append([]byte(name), '-'), n))
			points = append(points, point{binary.LittleEndian.Uint32(sum[:4]), i})
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		if a.at != b.at {
			return int(int64(a.at) - int64(b.at))
		}
		return a.node - b.node
	})
	table := new([craigslistBuckets]int)
	for i := range table {
		at := uint32(i) << 22
		j, _ := slices.BinarySearchFunc(points, at, func(p point, at uint32) int {
			return int(int64(p.at) - int64(at))
		})
		table[i] = points[j%len(points)].node
	}
	craigslistTables.Store(id, table)
	return table
}

func appendDecimal(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendDecimal(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}
