package advise

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

// sampledKeys is how many series keys of a shard are looked at.
const sampledKeys = 16

// redisDefault is zset-max-listpack-entries where a Redis does not say.
const redisDefault = 128

// Note says that a node's Redis processes could hold its points in less memory.
type Note struct {
	Node      string   `json:"node"`
	Shards    []int    `json:"shards"`
	Warning   bool     `json:"warning"` // one setting mends it; otherwise it is a matter of choice
	Text      string   `json:"text"`
	ConfigSet string   `json:"config_set"`
	RedisConf string   `json:"redis_conf"`
	Processes []string `json:"processes"` // where to type it, as the topology names them
}

// Advisor asks a flock. It is used by one goroutine.
type Advisor struct {
	Topology *ring.Topology
	Node     Asker // asks the nodes, by their names
	// Process asks a Redis process of a node itself.
	Process func(ctx context.Context, url string, commands ...[]string) ([]dunlin.Reply, error)
}

// Asker is the part of the client that is needed.
type Asker interface {
	Ask(ctx context.Context, node string, db int, commands ...[]string) ([]dunlin.Reply, error)
}

// askTimeout is how long a Redis process may take that may not be there at all.
const askTimeout = 3 * time.Second

// Encodings looks at the nodes on Redis but for those in skip. What can not be asked is left out: it is advice.
func (a *Advisor) Encodings(ctx context.Context, skip map[string]string) []Note {
	var notes []Note
	for i := range a.Topology.Nodes {
		n := &a.Topology.Nodes[i]
		if _, away := skip[n.Name]; away || len(n.Redis) == 0 {
			continue
		}
		byText := map[string]int{} // into notes: shards of the same finding share a note
		for _, shard := range n.Hold {
			note, ok := a.noteShard(ctx, n, shard)
			if !ok {
				continue
			}
			at, known := byText[note.ConfigSet]
			if !known {
				at = len(notes)
				byText[note.ConfigSet] = at
				notes = append(notes, note)
			}
			notes[at].Shards = append(notes[at].Shards, shard)
			notes[at].Processes = append(notes[at].Processes, n.Redis[shard-1])
		}
	}
	return notes
}

func (a *Advisor) noteShard(ctx context.Context, n *ring.Node, shard int) (Note, bool) {
	samples, err := a.sampleKeys(ctx, n.Name, shard)
	if err != nil || len(samples) == 0 {
		return Note{}, false
	}
	option, limit := "zset-max-listpack-entries", int64(redisDefault)
	if name, value, ok := a.listpackLimit(ctx, n, shard); ok {
		option, limit = name, value
	}
	advice, ok := Encoding(a.Topology.Layout, limit, samples)
	line := fmt.Sprintf("%s %d", option, advice.Entries)
	return Note{
		Node: n.Name, Warning: !advice.Hourly, ConfigSet: "CONFIG SET " + line, RedisConf: line,
		Text: strings.Replace(advice.String(), "zset-max-listpack-entries", option, 1),
	}, ok
}

// sampleKeys looks at some series keys of a shard through the node's front door. SCAN goes through the keys in the
// order of their hashes, so the first it gives are as good as any.
func (a *Advisor) sampleKeys(ctx context.Context, node string, shard int) ([]Sample, error) {
	replies, err := a.Node.Ask(ctx, node, shard, []string{"SCAN", "0", "COUNT", strconv.Itoa(4 * sampledKeys)})
	if err = cmp.Or(err, firstError(replies)); err != nil {
		return nil, err
	}
	page, ok := replies[0].Value.([]any)
	if !ok || len(page) != 2 {
		return nil, fmt.Errorf("node %s: SCAN: got %v", node, replies[0].Value)
	}
	keys, _ := page[1].([]any)
	var samples []Sample
	for _, k := range keys {
		key := fmt.Sprint(k)
		if _, err := a.Topology.Layout.ParseKey([]byte(key)); err != nil || len(samples) == sampledKeys {
			continue
		}
		replies, err := a.Node.Ask(ctx, node, shard, []string{"OBJECT", "ENCODING", key}, []string{"MEMORY", "USAGE", key},
			[]string{"ZCARD", key}, []string{"ZRANGE", key, "0", "0"},
			[]string{"ZRANGE", key, "-1", "-1"})
		if err = cmp.Or(err, firstError(replies)); err != nil {
			continue // it was dropped since
		}
		if s, ok := readSample(key, replies); ok {
			samples = append(samples, s)
		}
	}
	return samples, nil
}

func readSample(key string, replies []dunlin.Reply) (Sample, bool) {
	s := Sample{KeyLen: len(key), Encoding: fmt.Sprint(replies[0].Value)}
	var ok1, ok2 bool
	s.Bytes, ok1 = replies[1].Value.(int64)
	s.Members, ok2 = replies[2].Value.(int64)
	first, ok3 := replies[3].Value.([]any)
	last, ok4 := replies[4].Value.([]any)
	if !ok1 || !ok2 || !ok3 || !ok4 || len(first) != 1 || len(last) != 1 {
		return s, false
	}
	s.MemberLen = len(fmt.Sprint(last[0]))
	if from, to := memberSeconds(first[0]), memberSeconds(last[0]); s.Members > 1 && from > 0 && to > from {
		s.Seconds = (to - from) / float64(s.Members-1)
	}
	return s, true
}

// memberSeconds is the time of a member, 0 when it has none.
func memberSeconds(member any) float64 {
	ts, _, _ := strings.Cut(fmt.Sprint(member), ":")
	seconds, err := strconv.ParseFloat(ts, 64)
	if err != nil {
		return 0
	}
	return seconds
}

// listpackLimit asks the Redis process itself, because a front door answers CONFIG for itself. From another machine
// the same address may be another Redis, or none: then the answer is worth nothing, and dn:epoch tells.
func (a *Advisor) listpackLimit(ctx context.Context, n *ring.Node, shard int) (name string, limit int64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	door, err := a.Node.Ask(ctx, n.Name, shard, []string{"DN.EPOCH"})
	if cmp.Or(err, firstError(door)) != nil {
		return "", 0, false
	}
	replies, err := a.Process(ctx, n.Redis[shard-1], []string{"GET", "dn:epoch"},
		[]string{"CONFIG", "GET", "zset-max-*-entries"})
	if cmp.Or(err, firstError(replies)) != nil {
		return "", 0, false
	}
	epoch := fmt.Sprint(replies[0].Value)
	if epoch == "" || !strings.Contains(fmt.Sprint(door[0].Value), epoch) {
		return "", 0, false
	}
	return parseLimit(replies[1].Value)
}

// parseLimit reads what CONFIG GET zset-max-*-entries gives: Redis 7 knows both names of the option, older ones only
// the name with ziplist.
func parseLimit(v any) (name string, limit int64, ok bool) {
	found := map[string]string{}
	byName, _ := v.(map[string]any) // RESP3
	for name, value := range byName {
		found[name] = fmt.Sprint(value)
	}
	pairs, _ := v.([]any)
	for i := 0; i+1 < len(pairs); i += 2 {
		found[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	for _, name := range []string{"zset-max-listpack-entries", "zset-max-ziplist-entries"} {
		if limit, err := strconv.ParseInt(found[name], 10, 64); err == nil {
			return name, limit, true
		}
	}
	return "", 0, false
}

// AskProcess sends commands to a Redis process itself.
func AskProcess(ctx context.Context, url string, commands ...[]string) ([]dunlin.Reply, error) {
	client, err := dunlin.Open(ctx, dunlin.Config{URL: url, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Ask(ctx, client.Topology().Nodes[0].Name, 0, commands...)
}

func firstError(replies []dunlin.Reply) error {
	for _, r := range replies {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
