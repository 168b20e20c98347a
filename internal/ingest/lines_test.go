package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunlin-db/dunlin/internal/series"
)

func TestLines(t *testing.T) {
	in := strings.Join([]string{
		"web1 cpu.user 1700000000 12.5",
		"",
		"# a comment",
		"web1:9100\treq{code=\"2 00\",m=\"a\\\"b \"}  1700000000.250   1 2 3 ",
		"web1 cpu.user yesterday 1",
		"web1 cpu.user 1700000001",
		strings.Repeat("x", 10_000),
		"web1 cpu.user 1700000002 -0\r",
		"web1 cpu}x 1700000002 1",
		"last m 0 9",
	}, "\n")
	var got []Point
	bad := map[int]error{}
	err := Lines(context.Background(), strings.NewReader(in), func(_ context.Context, ps []Point) error {
		got = append(got, ps...)
		return nil
	}, func(line int, err error) { bad[line] = err })
	if err != nil {
		t.Fatal(err)
	}
	want := []Point{
		{"web1", "cpu.user", 1700000000000, "12.5", 1},
		{"web1:9100", `req{code="2 00",m="a\"b "}`, 1700000000250, "1 2 3", 4},
		{"web1", "cpu.user", 1700000002000, "-0", 8},
		{"last", "m", 0, "9", 10},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for line, want := range map[int]error{5: series.ErrMember, 6: ErrFields, 7: ErrTooLong, 9: series.ErrLabels} {
		if !errors.Is(bad[line], want) {
			t.Errorf("line %d: %v, want %v", line, bad[line], want)
		}
	}
	if len(bad) != 4 {
		t.Errorf("%d bad lines: %v", len(bad), bad)
	}
}

func TestLines_sinkErrorEnds(t *testing.T) {
	boom := errors.New("boom")
	err := Lines(context.Background(), strings.NewReader(strings.Repeat("h m 1 1\n", 5000)),
		func(context.Context, []Point) error { return boom }, func(int, error) {})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte("web1 cpu.user 1700000000 12.5"))
	f.Add([]byte(`a b{c="d e"} 1.5 x y`))
	f.Add([]byte("::1 % 1 \x00"))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := ParseLine(line)
		if err != nil {
			return
		}
		ts := series.AppendTime(nil, p.TS, series.FracFor(p.TS))
		again, err := ParseLine(fmt.Appendf(nil, "%s %s %s %s", p.Host, p.Metric, ts, p.Value))
		if err != nil {
			t.Fatalf("%q → %+v → %v", line, p, err)
		}
		if d := cmp.Diff(p, again); d != "" {
			t.Fatal(d)
		}
	})
}
