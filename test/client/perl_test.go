//go:build linux

package client

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// TestPerl: a Perl program with AnyEvent::Redis and this client write the same fleet of plain Redis processes, by the
// ring of 2012, also with weights. No key is in two places, and every key has the points of both.
func TestPerl(t *testing.T) {
	perl := redistest.Program(t, "perl")
	if err := exec.Command(perl, "-MAnyEvent::Redis", "-e", "1").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("AnyEvent::Redis is not installed: make deps installs it")
		}
		t.Skip("SKIPPED, NOTHING TESTED: AnyEvent::Redis is not installed; make deps installs it")
	}
	t.Run("equal weights", func(t *testing.T) { testPerl(t, perl, []int{10, 10, 10, 10, 10, 10, 10, 10}) })
	t.Run("weights", func(t *testing.T) { testPerl(t, perl, []int{10, 5, 20}) })
}

func testPerl(t *testing.T, perl string, weights []int) {
	var names, nodes, args []string
	servers := map[string]*redistest.Server{}
	for i, weight := range weights {
		name, s := fmt.Sprintf("redis_%d", i+1), redistest.Start(t)
		servers[name] = s
		names = append(names, name)
		nodes = append(nodes, fmt.Sprintf("  r%d: {url: '%s', hold: [%d]}", i+1, s.URL, i+1))
		args = append(args, fmt.Sprintf("%s=%s=%d", name, s.Addr, weight))
	}
	file := t.TempDir() + "/topology.yaml"
	text := fmt.Sprintf("cluster: seed\nlayout: '20060102'\nrings:\n  - from: 2012-11-22\n    shards: %d\n"+
		"    hash: craigslist\n    names: [%s]\n    weights: %s\nnodes:\n%s\n", len(weights), strings.Join(names, ", "),
		strings.ReplaceAll(fmt.Sprint(weights), " ", ", "), strings.Join(nodes, "\n"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(perl, append([]string{"testdata/writer.pl"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c, err := dunlin.Open(t.Context(), dunlin.Config{File: file, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	chain := c.Do()
	for h := 1; h <= 40; h++ {
		for m := 1; m <= 5; m++ {
			host, metric, at := fmt.Sprintf("web%d", h), fmt.Sprintf("metric%d", m), time.Unix(1795348800+int64(m), 0)
			if err := c.Add(t.Context(), dunlin.Point{Host: host, Metric: metric, Time: at, Value: "go"}); err != nil {
				t.Fatal(err)
			}
			chain.Group(host).ZAdd("group:"+host+":"+metric, float64(at.Unix()), fmt.Sprintf("%d:go", at.Unix()))
		}
	}
	if _, err := chain.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	for _, r := range c.All(t.Context(), "KEYS", "*") {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		keys := r.Value.([]any)
		if len(keys) == 0 {
			t.Errorf("%s has no key", r.Node)
		}
		for _, k := range keys {
			key := k.(string)
			if other, twice := places[key]; twice {
				t.Errorf("%s is on %s and on %s", key, other, r.Node)
			}
			places[key] = r.Node
			members, err := c.Ask(t.Context(), r.Node, 0, []string{"ZRANGE", key, "0", "-1"})
			got := fmt.Sprint(members[0].Value)
			if err != nil || !strings.Contains(got, ":go ") || !strings.Contains(got, ":perl]") {
				t.Errorf("%s on %s: %s, %v", key, r.Node, got, err)
			}
		}
	}
	if len(places) != 2*40*5 {
		t.Errorf("%d keys, want %d", len(places), 2*40*5)
	}
}
