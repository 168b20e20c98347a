package main

import (
	"strings"
	"testing"
)

func TestWithSection(t *testing.T) {
	page := ""
	put := func(name, text string) {
		t.Helper()
		var err error
		if page, err = withSection(page, &section{name, text}); err != nil {
			t.Fatal(err)
		}
	}
	order := func(want ...string) {
		t.Helper()
		at := 0
		for _, w := range want {
			i := strings.Index(page[at:], w)
			if i < 0 || strings.Count(page, w) != 1 {
				t.Fatalf("no %q behind the others, or twice, in\n%s", w, page)
			}
			at += i
		}
	}
	put("redis", "## Over Redis")
	put("standard", "## Beside Redis\n\n| old |")
	put("mariadb", "## MariaDB")
	put("seed", "## The flock")
	order("# Benchmarks", "## Beside Redis", "| old |", "## The flock", "## Over Redis", "## MariaDB")
	before := page
	put("standard", "## Beside Redis\n\n| new |")
	order("# Benchmarks", "## Beside Redis", "| new |", "## The flock", "## Over Redis", "## MariaDB")
	if strings.Replace(before, "| old |", "| new |", 1) != page {
		t.Errorf("more than the section was changed:\n%s", page)
	}
	if _, err := withSection("<!-- end seed -->\n<!-- begin seed -->\n", &section{"seed", "x"}); err == nil {
		t.Error("damaged markers pass")
	}
}

func TestParseStat(t *testing.T) {
	stat := "4711 (a) b (c)) S 1 4711 4711 0 -1 4194560 99 0 0 0 250 50 0 0 20 0 5 0 100 1000000 300 18446744073709551615"
	u, err := parseStat(stat, 4096)
	if err != nil || u.cpu != 3 || u.rss != 300*4096 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := parseStat("4711 (x) S 1", 4096); err == nil {
		t.Error("half a line passes")
	}
}

func TestParseRedisBenchmark(t *testing.T) {
	got := parseRedisBenchmark("SET: rps=0.0 (overall: 0.0)\rSET: 613496.94 requests per second, p50=0.4 msec\n" +
		"PING_MBULK: 1000000.00 requests per second, p50=0.2 msec\n")
	if got["SET"] != "613496" || got["PING_MBULK"] != "1000000" || len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestPercentile(t *testing.T) {
	list := []float64{5, 1, 4, 2, 3}
	if percentile(list, 0.5) != 3 || percentile(list, 0.99) != 5 || percentile(list, 1) != 5 || percentile(nil, 0.5) != 0 {
		t.Errorf("%v", list)
	}
	if thousands(1234567) != "1,234,567" || thousands(20000) != "20,000" || thousands(7) != "7" {
		t.Error("thousands")
	}
}

// TestStandardGroups: the rows of a group do not write a point twice, and fit in one day.
func TestStandardGroups(t *testing.T) {
	for _, quick := range []bool{false, true} {
		seen := map[string]bool{}
		m := &measurement{quick: quick}
		for _, g := range m.standardGroups() {
			ticks := 0
			for _, r := range g.rows {
				ticks += r.fill + r.rounds*r.ticks
				if seen[r.id] || strings.ContainsAny(r.id, ", ") || r.ticks < 1 {
					t.Errorf("row %q", r.id)
				}
				seen[r.id] = true
			}
			if ticks > 8640 {
				t.Errorf("%d hosts: %d ticks in a day of 8640", g.hosts, ticks)
			}
		}
	}
}
