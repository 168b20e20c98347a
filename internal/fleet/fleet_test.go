package fleet

import (
	"strconv"
	"strings"
	"testing"
)

func TestFleet_deterministicAndShortest(t *testing.T) {
	for _, mix := range Mixes {
		t.Run(string(mix), func(t *testing.T) { deterministicAndShortest(t, mix) })
	}
}

func deterministicAndShortest(t *testing.T, mix Mix) {
	cfg := Config{Seed: 1, Hosts: 3, Metrics: 25, Tick: 10, Mix: mix}
	a, b := New(cfg), New(cfg)
	cfg.Seed = 2
	other := New(cfg)
	same := true
	for range 300 {
		for h := range 3 {
			a.Step(h)
			b.Step(h)
			other.Step(h)
			for m := range 25 {
				x, y := string(a.AppendValue(nil, h, m)), string(b.AppendValue(nil, h, m))
				if x != y {
					t.Fatalf("%s: %s and %s from one seed", a.Name(m), x, y)
				}
				same = same && x == string(other.AppendValue(nil, h, m))
				f, err := strconv.ParseFloat(x, 64)
				if err != nil || strconv.FormatFloat(f, 'f', -1, 64) != x || f < 0 {
					t.Fatalf("%s: %q is not the shortest text", a.Name(m), x)
				}
			}
		}
	}
	if same {
		t.Fatal("two seeds, one stream")
	}
	if a.Name(0) != "cpu.user" || a.Name(20) != "cpu.user.2" {
		t.Fatal(a.Name(0), a.Name(20))
	}
}

func TestFleet_allocatesNothing(t *testing.T) {
	f := New(Config{Seed: 1, Hosts: 1, Metrics: 20, Tick: 10})
	buf := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		f.Step(0)
		for m := range 20 {
			buf = f.AppendValue(buf[:0], 0, m)
		}
	})
	if n > 0 {
		t.Fatalf("%v allocations", n)
	}
}

// moves counts the ticks in which each metric changed, and the longest text.
func moves(mix Mix) (changed [PerHost]int, longest int, points bool) {
	f := New(Config{Seed: 3, Hosts: 1, Metrics: PerHost, Tick: 10, Mix: mix})
	var before [PerHost]string
	for tick := range 1000 {
		f.Step(0)
		for m := range PerHost {
			text := string(f.AppendValue(nil, 0, m))
			if tick > 0 && text != before[m] {
				changed[m]++
			}
			before[m], longest = text, max(longest, len(text))
			points = points || strings.Contains(text, ".")
		}
	}
	return changed, longest, points
}

func TestMix_isWhatItSays(t *testing.T) {
	changed, _, _ := moves(Idle)
	for m, n := range changed {
		if isUptime := mix[m].kind == uptime; !isUptime && n > 30 || isUptime && n != 999 {
			t.Errorf("idle: %s moves in %d of 1000 ticks", mix[m].name, n)
		}
	}
	if _, _, points := moves(Integers); points {
		t.Error("integers: a value has decimals")
	}
	if _, longest, _ := moves(Floats); longest < 17 {
		t.Errorf("floats: at most %d characters", longest)
	}
	changed, _, _ = moves(Standard)
	for _, m := range []int{9, 10} {
		if changed[m] != 0 {
			t.Errorf("standard: the constant %s moves", mix[m].name)
		}
	}
}

func TestParseMix(t *testing.T) {
	if got, err := ParseMix("idle"); err != nil || got != Idle {
		t.Error(got, err)
	}
	if _, err := ParseMix("busy"); err == nil || !strings.Contains(err.Error(), "standard, floats, idle, integers") {
		t.Error(err)
	}
}
