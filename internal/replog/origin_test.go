package replog

import "testing"

func TestNewIncarnation_differs(t *testing.T) {
	seen := map[Incarnation]bool{}
	for range 1000 {
		i := NewIncarnation()
		if seen[i] {
			t.Fatalf("%s drawn twice", i)
		}
		seen[i] = true
	}
}

func TestIncarnation_String(t *testing.T) {
	if got := Incarnation(0xab).String(); got != "00000000000000ab" {
		t.Errorf("%s", got)
	}
}
