package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/series"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixMilli()

type point struct {
	ms                  int64
	host, metric, value string
}

func gather(t testing.TB, points ...point) *Bundle {
	t.Helper()
	text, b := NewText(series.Day), &Bundle{}
	for _, p := range points {
		if err := text.Set(p.ms, p.host, p.metric, p.value); err != nil {
			t.Fatal(err)
		}
		b.Add(&text)
	}
	return b
}

func TestBundle_commands(t *testing.T) {
	one := gather(t, point{noon, "web1:9100", "cpu.user", "12.50"}, point{noon, "h", `m{a="b"}`, "x"})
	want := "DN.MADD 1795348800 web1%3A9100:cpu.user 12.50 h:m{a=\"b\"} x"
	if got := strings.Join(one.MAdd(nil), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	two := gather(t, point{noon, "h", "m", "1"}, point{noon + 5, "h", "m", "2"}, point{noon, "h", "m", "3"})
	want = "DN.MADDT 1795348800 h:m 1 1795348800.005 h:m 2 1795348800 h:m 3"
	if got := strings.Join(two.MAdd(nil), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	zadds := [][]string{
		{"ZADD", "20261122:h:m", "1795348800", "1795348800:1"},
		{"ZADD", "20261122:h:m", "1795348800.005", "1795348800.005:2"},
		{"ZADD", "20261122:h:m", "1795348800", "1795348800:3"},
	}
	if d := cmp.Diff(zadds, two.ZAdds(series.DayCompact)); d != "" {
		t.Error(d)
	}
}

func TestText_Set_refuses(t *testing.T) {
	text := NewText(series.Hour)
	f := func(want error, p point) {
		t.Helper()
		if err := text.Set(p.ms, p.host, p.metric, p.value); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", p, err, want)
		}
	}
	f(nil, point{noon, "h", "m", "1"})
	f(series.ErrMember, point{-1, "h", "m", "1"})
	f(series.ErrMember, point{1 << 60, "h", "m", "1"})
	f(series.ErrMember, point{1 << 60, "h", "m", "1"}) // the same again: nothing is remembered of it
	f(series.ErrNoHost, point{noon, "", "m", "1"})
	f(series.ErrNoMetric, point{noon, "h", "", "1"})
	f(series.ErrText, point{noon, "h", "m\n", "1"})
	f(series.ErrLabels, point{noon, "h", "m{", "1"})
	f(series.ErrHostTooLong, point{noon, strings.Repeat("h", 254), "m", "1"})
	f(nil, point{noon, "h", strings.Repeat("m", 1024-13-1-2), "1"})
	f(series.ErrKeyTooLong, point{noon, "h", strings.Repeat("m", 1024-13-1-1), "1"})
	f(series.ErrValue, point{noon, "h", "m", ""})
	f(series.ErrValue, point{noon, "h", "m", strings.Repeat("1", 129)})
}

// anyPoint draws points that pass the grammar.
func anyPoint(t *rapid.T) point {
	return point{
		rapid.Int64Range(0, 253402300799999).Draw(t, "ms"),
		rapid.StringMatching(`[a-zé:%. ]{1,40}`).Draw(t, "host"),
		rapid.StringMatching(`[a-z.:é ]{1,40}`).Draw(t, "metric"),
		rapid.StringMatching(`[0-9a-zé.:]{1,40}`).Draw(t, "value"),
	}
}

func TestBundle_law_recordComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		points := rapid.SliceOfN(rapid.Custom(anyPoint), 0, 20).Draw(rt, "points")
		b := gather(t, points...)
		data := b.AppendRecord(nil)
		got, err := ParseRecord(data)
		if err != nil || !bytes.Equal(got.AppendRecord(nil), data) || got.mixed != b.mixed {
			t.Fatal(got, err)
		}
		text := NewText(series.Day)
		for i, p := range points {
			if err := text.Load(got, i); err != nil {
				t.Fatal(err)
			}
			if host := series.UnescapeHost(text.Key().Host()); host != p.host || string(text.Key().Metric()) != p.metric ||
				string(text.value) != p.value || text.ms != p.ms {
				t.Fatalf("%+v came back as %s", p, got.Describe(i))
			}
			k, err := series.Day.ParseKey(text.Whole())
			if err != nil || k.Period != text.Key().Period {
				t.Fatal(err)
			}
		}
	})
}

func TestBundle_reuse(t *testing.T) {
	b := gather(t, point{noon, "h", "m", "1"}, point{noon + 1, "h", "m", "1"})
	b.Reset()
	text := NewText(series.Day)
	add := func() {
		for i := range 100 {
			if err := text.Set(noon, "web17.sfo", "cpu.user", "12.5"); err != nil {
				t.Fatal(i, err)
			}
			b.Add(&text)
		}
	}
	add()
	if args := b.MAdd(nil); len(args) != 202 || args[0] != "DN.MADD" {
		t.Fatal(len(args), args[0])
	}
	if n := testing.AllocsPerRun(10, func() { b.Reset(); add() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 1, '1', 3, 'h', ':', 'm', 1, '5'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(gather(f, point{noon, "a:b", "m", "1.50"}, point{noon, "c", "m", "nan"}).AppendRecord(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseRecord(data)
		if err != nil {
			return
		}
		again, err := ParseRecord(b.AppendRecord(nil))
		if err != nil || !bytes.Equal(again.text, b.text) {
			t.Fatal(err)
		}
		for i := range b.Len() {
			if b.Describe(i) == "" {
				t.Fatal(i)
			}
		}
	})
}

func BenchmarkBundle_Add(b *testing.B) {
	text, bundle := NewText(series.Day), &Bundle{}
	hosts := make([]string, 100)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("web%d.sfo", i)
	}
	b.ReportAllocs()
	for i := range b.N {
		if i%1000 == 0 {
			bundle.Reset()
		}
		if err := text.Set(noon, hosts[i%100], "cpu.user", "12.50"); err != nil {
			b.Fatal(err)
		}
		bundle.Add(&text)
	}
}
