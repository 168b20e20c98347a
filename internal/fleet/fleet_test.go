package fleet

import (
	"strconv"
	"testing"
)

func TestFleet_deterministicAndShortest(t *testing.T) {
	a, b, other := New(1, 3, 25, 10), New(1, 3, 25, 10), New(2, 3, 25, 10)
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
	f := New(1, 1, 20, 10)
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
