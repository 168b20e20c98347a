package replog

import (
	"bytes"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
)

// FuzzReader: no bytes make the reader panic, loop, or give what is no point; what it gives can be written again.
func FuzzReader(f *testing.F) {
	for _, v := range vectors() {
		for _, rec := range v {
			f.Add(rec, rec)
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var d Dict
		var r Reader
		s := newShard()
		for _, rec := range [][]byte{first, second, first} {
			if r.Reset(rec) != nil {
				continue
			}
			var members []member
			for r.Next(&d) {
				got, err := series.ParseMember(r.Member)
				if r.Series != nil && err == nil {
					members = append(members, member{string(r.Series), got})
				}
				if r.Member[r.ValueAt-1] != ':' || r.Frac > 3 || r.TS < 0 || err != nil || got.TS != r.TS || got.Frac != r.Frac {
					t.Fatalf("%d/%d/%q at %d: %v", r.TS, r.Frac, r.Member, r.ValueAt, err)
				}
			}
			if len(d.at) > farAhead*int(d.count)+fewNames || int(d.count) > len(first)*2+len(second) {
				t.Fatalf("a table of %d for %d names", len(d.at), d.count)
			}
			var own Dict
			for _, again := range s.batch(members) {
				if got := read(t, again, &own); len(got) > len(members) {
					t.Fatal(got)
				}
			}
		}
	})
}

// FuzzDecimal: what is read as a decimal is written as it was.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0.50", "-0", "12345", "-0.001", "999999999999999999", "00", "1.", "0.1234567890123456"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, ok := parseDecimal(b); ok && !bytes.Equal(d.append(nil), b) {
			t.Fatalf("%q: %+v", b, d)
		}
	})
}

// FuzzReadState: no bytes make it panic; what it reads is written as something that reads the same.
func FuzzReadState(f *testing.F) {
	f.Add(stateVector().Append(nil))
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadState(b)
		if err != nil {
			return
		}
		again, err := ReadState(s.Append(nil))
		if err != nil || !bytes.Equal(again.Append(nil), s.Append(nil)) {
			t.Fatalf("%+v became %+v: %v", s, again, err)
		}
	})
}
