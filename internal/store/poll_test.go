package store

import (
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
)

// FuzzParseState: what is taken of a peer's reply is written again as it was.
func FuzzParseState(f *testing.F) {
	f.Add("0123456789abcdef", "1795348800:0.5")
	f.Add("0123456789abcde", "1795348800:0.5")
	f.Add("", "")
	f.Add("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "1795348800.25:")
	f.Fuzz(func(t *testing.T, sum, member string) {
		s, err := parseState(sum, member)
		if err != nil {
			return
		}
		if got := string(s.AppendSum(nil)); got != sum {
			t.Errorf("sum %x, was %x", got, sum)
		}
		if got := string(series.AppendMember(nil, s.Newest)); got != member {
			t.Errorf("member %q, was %q", got, member)
		}
	})
}
