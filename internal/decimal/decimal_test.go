package decimal

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Decimal
		ok   bool
	}{
		{"0", Decimal{0, 0}, true},
		{"0.0", Decimal{0, 1}, true},
		{"-1.50", Decimal{-150, 2}, true},
		{"999999999999999999", Decimal{999999999999999999, 0}, true},
		{"0.00000000000000001", Decimal{1, 17}, true},
		{"9.99999999999999999", Decimal{999999999999999999, 17}, true},
		{"1000000000000000000", Decimal{}, false},
		{"-0", Decimal{}, false},
		{"-0.0", Decimal{}, false},
		{"", Decimal{}, false},
		{"-", Decimal{}, false},
		{".5", Decimal{}, false},
		{"5.", Decimal{}, false},
		{"00", Decimal{}, false},
		{"01", Decimal{}, false},
		{"1e5", Decimal{}, false},
		{"1.2.3", Decimal{}, false},
		{"+1", Decimal{}, false},
		{"NaN", Decimal{}, false},
		{" 1", Decimal{}, false},
		{"-.5", Decimal{}, false},
	} {
		if got, ok := Parse([]byte(c.text)); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %v %v, want %v %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

// TestAppend_law: what is read is printed, under all decimals it fits to.
func TestAppend_law(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := fmt.Sprintf("%.*f", rng.IntN(5), float64(rng.Int64N(1<<rng.IntN(45)+1)-1<<10)/1000)
		v, ok := Parse([]byte(text))
		if !ok {
			continue // -0
		}
		for dec := v.Decs; dec <= 6; dec++ {
			for least := range dec + 1 {
				m, ok := v.Fit(dec, least)
				if got := Append(nil, m, dec, least); ok && string(got) != text {
					t.Fatalf("%s is printed as %s", text, got)
				}
			}
		}
	}
}
