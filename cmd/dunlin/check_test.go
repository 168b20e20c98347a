package main

import (
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/check"
	"github.com/dunlin-db/dunlin/internal/ring"
)

func TestPrintCheck(t *testing.T) {
	topo := ring.Single("a", "redis://h:1", 1)
	topo.Nodes = append(topo.Nodes, topo.Nodes[0])
	topo.Nodes[1].Name = "b"
	f := func(r *check.Report, want ...string) {
		t.Helper()
		var b strings.Builder
		if err := printCheck(&b, r, topo); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("no %q in\n%s", w, b.String())
			}
		}
		if !r.Equal && strings.Contains(b.String(), "equal on all") {
			t.Errorf("not equal, but it says so:\n%s", b.String())
		}
	}
	one := check.Digest{Keys: 1, Points: 3, Sum: "s"}
	cell := check.Cell{Period: "2026-11-22", Shard: 1, Nodes: map[string]check.Digest{"a": one}}

	equal := cell
	equal.Verdict, equal.Nodes = "equal", map[string]check.Digest{"a": one, "b": one}
	f(&check.Report{Equal: true, Cells: []*check.Cell{&equal}}, "equal on all 2 nodes")
	f(&check.Report{Equal: true}, "equal on all 2 nodes")
	f(&check.Report{Equal: true, Damaged: map[string][]string{"b": {"log/1.bad", "log/2.bad"}}},
		"note: b keeps damaged files in its storage directory, to be looked at: log/1.bad, log/2.bad\n")

	different := equal
	different.Verdict, different.More = "different", 4
	different.Keys = []check.KeyDiff{
		{Key: "x", Points: map[string]int64{"a": 3, "b": 2}}, {Key: "y", Points: map[string]int64{"a": 3, "b": 0}},
	}
	f(&check.Report{Cells: []*check.Cell{&different}}, "different", "shard 1: x: a has 3; b lacks 1 of 3 points;\n",
		"b lacks 3 of 3 points", "and 4 more keys")

	away := cell
	away.Verdict = "unreachable"
	f(&check.Report{Cells: []*check.Cell{&away}, Unreachable: map[string]string{"b": "it\x1bs gone"}},
		"unreachable", "?", "b can not be asked: \"it\\x1bs gone\"\n")
}

func TestCheckPeriod(t *testing.T) {
	topo := ring.Single("a", "redis://h:1", 1)
	f := func(period string, ok bool) {
		t.Helper()
		err := checkPeriod(period, topo)
		if (err == nil) != ok {
			t.Errorf("%q: %v", period, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--period") {
			t.Errorf("%q: no flag named in %q", period, err)
		}
	}
	f("", true)
	f("2026-11-22", true)
	f("2026-11-22T15", false)
	f("yesterday", false)
}
