package ring

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

// vectors is what the Perl modules computed: the file says which versions.
type vectors struct {
	Nodes   []string       `json:"nodes"`
	Counts  map[string]int `json:"bucket_counts"`
	First64 []string       `json:"buckets_first_64"`
	Keys    []struct {
		Key    *string `json:"key"` // null: a key that is not UTF-8; only its hash is known
		Hash   uint32  `json:"hash"`
		Bucket int     `json:"bucket"`
		Node   string  `json:"node"`
	} `json:"keys"`
}

func TestRing_craigslistIsThePerlClients(t *testing.T) {
	data, err := os.ReadFile("testdata/ring_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	r := Ring{Shards: len(v.Nodes), Hash: HashCraigslist, Names: v.Nodes}
	table := r.craigslistTable()
	counts := map[string]int{}
	var first []string
	for i, node := range table {
		counts[v.Nodes[node]]++
		if i < len(v.First64) {
			first = append(first, v.Nodes[node])
		}
	}
	if d := cmp.Diff(v.Counts, counts); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(v.First64, first); d != "" {
		t.Error(d)
	}
	for _, k := range v.Keys {
		if got := v.Nodes[table[k.Hash%craigslistBuckets]]; got != k.Node {
			t.Errorf("hash %d: %s, want %s", k.Hash, got, k.Node)
		}
		if k.Key == nil {
			continue
		}
		if got := r.ShardName(r.ShardOfGroup([]byte(*k.Key))); got != k.Node {
			t.Errorf("%q: %s, want %s", *k.Key, got, k.Node)
		}
	}
	if len(v.Keys) == 0 {
		t.Error("no keys in the vectors")
	}
}

// TestRing_craigslistNodesComeAndGo has the figures of the Perl modules: redis_9 takes 128 of the 1,024 buckets and no
// other bucket moves; without redis_3 its 116 go to others.
func TestRing_craigslistNodesComeAndGo(t *testing.T) {
	ring := func(names ...string) *Ring { return &Ring{Shards: len(names), Hash: HashCraigslist, Names: names} }
	moved := func(a, b *Ring) (n int, to map[string]int) {
		to = map[string]int{}
		for i, node := range a.craigslistTable() {
			if was, is := a.Names[node], b.Names[b.craigslistTable()[i]]; was != is {
				n++
				to[is]++
			}
		}
		return n, to
	}
	eight := []string{"redis_1", "redis_2", "redis_3", "redis_4", "redis_5", "redis_6", "redis_7", "redis_8"}
	if n, to := moved(ring(eight...), ring(append(eight[:8:8], "redis_9")...)); n != 128 || to["redis_9"] != 128 {
		t.Error(n, to)
	}
	without := append(eight[:2:2], eight[3:]...)
	if n, to := moved(ring(eight...), ring(without...)); n != 116 || to["redis_3"] != 0 {
		t.Error(n, to)
	}
	light := ring(append(eight[:8:8], "redis_9")...)
	light.Weights = []int{10, 10, 10, 10, 10, 10, 10, 10, 5}
	n, to := moved(ring(eight...), light)
	if n != to["redis_9"] || n < 40 || n > 90 {
		t.Error(n, to)
	}
	same := ring(eight...)
	same.Weights = []int{10, 10, 10, 10, 10, 10, 10, 10}
	if n, to := moved(ring(eight...), same); n != 0 {
		t.Error(n, to)
	}
}

func TestRing_jumpMovesOneNth(t *testing.T) {
	const keys = 20_000
	for n := 1; n < 16; n++ {
		moved, perShard := 0, make([]int, n+1)
		for i := range keys {
			a, b := Ring{Shards: n, Hash: HashHost}, Ring{Shards: n + 1, Hash: HashHost}
			host := fmt.Appendf(nil, "web%d.sfo", i)
			x, y := a.ShardOfGroup(host), b.ShardOfGroup(host)
			if x != y {
				moved++
				if y != n+1 {
					t.Fatalf("%s moved from %d to %d of %d: not to the new shard", host, x, y, n+1)
				}
			}
			perShard[y-1]++
		}
		want := float64(keys) / float64(n+1)
		if math.Abs(float64(moved)-want) > 0.1*want {
			t.Errorf("%d → %d shards moved %d keys, want about %.0f", n, n+1, moved, want)
		}
		for i, c := range perShard {
			if math.Abs(float64(c)-want) > 0.1*want {
				t.Errorf("%d shards: shard %d has %d keys, want about %.0f", n+1, i+1, c, want)
			}
		}
	}
}

func TestTopology_ShardOf_hostStaysTogetherAcrossMidnight(t *testing.T) {
	topo := Single("a", "redis://h:1", 8)
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.StringMatching(`[a-z0-9.]{1,20}`).Draw(t, "host")
		x := topo.ShardOf([]byte("2026-11-22:" + host + ":cpu.user"))
		y := topo.ShardOf([]byte("2026-11-23:" + host + ":load.1"))
		if x != y || x < 1 || x > 8 {
			t.Fatalf("%s: %d and %d", host, x, y)
		}
	})
}

func TestTopology_ShardOf_usesTheRingOfThePeriod(t *testing.T) {
	day := func(s string) series.Period {
		p, _ := series.Day.ParsePeriod([]byte(s))
		return p
	}
	topo := &Topology{Rings: []Ring{
		{From: day("2026-11-22"), Shards: 1, Hash: HashHost},
		{From: day("2026-11-24"), Shards: 64, Hash: HashSeries},
	}}
	for i := range 100 {
		host := fmt.Sprintf("web%d", i)
		for _, d := range []string{"2020-01-01", "2026-11-22", "2026-11-23"} {
			if s := topo.ShardOf([]byte(d + ":" + host + ":m")); s != 1 {
				t.Fatalf("%s: shard %d of the old ring", d, s)
			}
		}
		if s := topo.ShardOf([]byte("plain" + host)); s != 1 {
			t.Fatalf("a plain key is on shard %d", s)
		}
		want := topo.Rings[1].place(nil, nil, []byte(host+":m"))
		if s := topo.ShardOf([]byte("2026-11-24:" + host + ":m")); s != want {
			t.Fatalf("shard %d, want %d", s, want)
		}
	}
}

func TestTopology_ShardOf_anyKey(t *testing.T) {
	topo := Single("a", "redis://h:1", 8)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		if s := topo.ShardOf(key); s < 1 || s > 8 {
			t.Fatalf("%q is on shard %d", key, s)
		}
	})
}
