package advise

import (
	"context"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/ring"
)

func TestParseLimit(t *testing.T) {
	f := func(reply any, name string, limit int64) {
		t.Helper()
		gotName, got, ok := parseLimit(reply)
		if gotName != name || got != limit || ok != (name != "") {
			t.Errorf("%v: %q %d %t", reply, gotName, got, ok)
		}
	}
	f([]any{"zset-max-ziplist-entries", "128"}, "zset-max-ziplist-entries", 128) // Redis 6 and older
	f([]any{"zset-max-ziplist-entries", "7", "zset-max-listpack-entries", "400"}, "zset-max-listpack-entries", 400)
	f(map[string]any{"zset-max-listpack-entries": "400"}, "zset-max-listpack-entries", 400) // RESP3
	f(nil, "", 0)
	f([]any{"zset-max-listpack-entries", "many"}, "", 0)
}

// TestAdvisor_Encodings_olderName: a Redis that knows the older name only is told that one.
func TestAdvisor_Encodings_olderName(t *testing.T) {
	topo := ring.Single("a", "redis://h:1", 1)
	topo.Nodes[0].Redis = []string{"redis://127.0.0.1:7001"}
	epoch := "abc"
	a := &Advisor{Node: olderRedis{}, Topology: topo}
	a.Process = func(context.Context, string, ...[]string) ([]dunlin.Reply, error) {
		return []dunlin.Reply{{Value: epoch}, {Value: []any{"zset-max-ziplist-entries", "128"}}}, nil
	}
	notes := a.Encodings(t.Context(), nil)
	if len(notes) != 1 || notes[0].ConfigSet != "CONFIG SET zset-max-ziplist-entries 400" {
		t.Fatalf("%+v", notes)
	}
	// Another Redis at the same address, as seen from another machine, is not asked for its limit.
	epoch = "another"
	if notes = a.Encodings(t.Context(), nil); len(notes) != 1 || !strings.Contains(notes[0].ConfigSet, "listpack") {
		t.Fatalf("%+v", notes)
	}
}

// olderRedis answers as a node whose one key is a day of 8640 points.
type olderRedis struct{}

func (olderRedis) Ask(_ context.Context, _ string, _ int, commands ...[]string) ([]dunlin.Reply, error) {
	key := "2026-11-22:web1:cpu"
	var out []dunlin.Reply
	for _, args := range commands {
		var v any
		switch args[0] {
		case "SCAN":
			v = []any{"0", []any{"dn:cards", key}}
		case "DN.EPOCH":
			v = "run:abc"
		case "OBJECT":
			v = "skiplist"
		case "MEMORY":
			v = int64(8640 * 131)
		case "ZCARD":
			v = int64(8640)
		case "ZRANGE":
			v = []any{"1795305600:1.5"}
			if args[2] == "-1" {
				v = []any{"1795391990:1.5"}
			}
		}
		out = append(out, dunlin.Reply{Value: v})
	}
	return out, nil
}
