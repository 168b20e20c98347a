package edict

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

const day = series.Period(20779) // 2026-11-22

func drawSet(t *rapid.T, name string) *Set {
	var tombs []Tomb
	for i := range rapid.IntRange(0, 6).Draw(t, name) {
		p := day + series.Period(rapid.IntRange(0, 2).Draw(t, "period"))
		first, last := series.Day.Span(p)
		from := rapid.Int64Range(first, last).Draw(t, "from")
		tomb := Tomb{Period: p, Host: rapid.Bool().Draw(t, "host"), From: from}
		tomb.To = rapid.Int64Range(from, last).Draw(t, "to")
		if tomb.Name = fmt.Sprintf("h%d", i%2); !tomb.Host {
			tomb.Name += ":cpu"
		}
		tombs = append(tombs, tomb)
	}
	return Of(series.Period(rapid.IntRange(0, 3).Draw(t, "dropped")), tombs...)
}

// TestSet_law: uniting is a join, says of each point what one of the two said, and survives being written down.
func TestSet_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawSet(t, "a"), drawSet(t, "b"), drawSet(t, "c")
		with := func(a, b *Set) *Set {
			s, err := a.With(b)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if with(a, b).Hash() != with(b, a).Hash() || with(a, a).Hash() != a.Hash() ||
			with(with(a, b), c).Hash() != with(a, with(b, c)).Hash() || with(nil, a).Hash() != a.Hash() {
			t.Fatal("it is no join")
		}
		both := with(a, b)
		for range 20 {
			p := day + series.Period(rapid.IntRange(0, 2).Draw(t, "p"))
			first, last := series.Day.Span(p)
			ts := rapid.Int64Range(first, last).Draw(t, "ts")
			name := []byte(rapid.SampledFrom([]string{"h0:cpu", "h1:cpu", "h0:mem", "h2:cpu", "h01:cpu"}).Draw(t, "name"))
			if both.Dead(p, name, ts) != (a.Dead(p, name, ts) || b.Dead(p, name, ts)) {
				t.Fatalf("%s %d: the union says otherwise", name, ts)
			}
			if string(name[:2]) == "h2" && both.Dead(p, name, ts) {
				t.Fatal("h2 was never forgotten")
			}
		}
		again, err := Read(both.Append(nil), series.Day)
		if err != nil || again.Hash() != both.Hash() {
			t.Fatalf("read again: %v", err)
		}
		if file, err := ParseFile(AppendFile(nil, both), series.Day); err != nil || file.Hash() != both.Hash() {
			t.Fatalf("the file: %v", err)
		}
		if left := both.Below(day + 1); left.Any(day) || len(left.Tombs()) > len(both.Tombs()) {
			t.Fatal("a tomb outlives its period")
		}
	})
}

func TestSet_With_tooMany(t *testing.T) {
	first, _ := series.Day.Span(day)
	var tombs []Tomb
	for i := range MostTombs {
		tombs = append(tombs, Tomb{Period: day, Host: true, Name: fmt.Sprintf("h%d", i), From: first, To: first})
	}
	all := Of(0, tombs...)
	one := Of(0, Tomb{Period: day, Host: true, Name: "x", From: first, To: first})
	if _, err := all.With(one); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
	if wider, err := all.With(Of(0, Tomb{Period: day, Host: true, Name: "h7", From: first, To: first + 5})); err != nil ||
		len(wider.Tombs()) != MostTombs {
		t.Errorf("one that holds another: %v", err)
	}
}

// TestParseFile_damage: no damaged byte is taken for something else.
func TestParseFile_damage(t *testing.T) {
	first, last := series.Day.Span(day)
	data := AppendFile(nil, Of(day, Tomb{Period: day, Host: true, Name: "web1", From: first, To: last}))
	for i := range data {
		bad := append([]byte(nil), data...)
		if bad[i] ^= 1; func() bool { _, err := ParseFile(bad, series.Day); return err == nil }() {
			t.Errorf("byte %d", i)
		}
	}
	if _, err := ParseFile(data, series.Hour); err == nil {
		t.Error("tombs of days are taken for such of hours")
	}
}

// FuzzRead: what is no set is refused, what is one is written as it was read.
func FuzzRead(f *testing.F) {
	first, last := series.Day.Span(day)
	f.Add(Of(day, Tomb{Period: day, Host: true, Name: "web1", From: first, To: last}).Append(nil))
	f.Add(Of(0, Tomb{Period: day, Name: "web1:cpu", From: first, To: first + 9}).Append(nil))
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read(b, series.Day)
		if err != nil {
			return
		}
		again, err := Read(s.Append(nil), series.Day)
		if err != nil || again.Hash() != s.Hash() {
			t.Errorf("%v", err)
		}
	})
}
