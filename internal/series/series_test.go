package series

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestLayout_PeriodRoundTrip(t *testing.T) {
	for l := Day; l <= HourCompact; l++ {
		for ts := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); ts.Year() < 2110; ts = ts.Add(37*time.Hour + time.Minute) {
			p := l.PeriodOf(ts.UnixMilli())
			text := l.AppendPeriod(nil, p)
			if want := ts.Format(l.String()); string(text) != want {
				t.Fatalf("%s: %s, want %s", l, text, want)
			}
			if back, ok := l.ParsePeriod(text); !ok || back != p {
				t.Fatalf("%s: parse %s = %d %v, want %d", l, text, back, ok, p)
			}
			first, last := l.Span(p)
			if ts.UnixMilli() < first || ts.UnixMilli() > last {
				t.Fatalf("%s: %s not within its period", l, ts)
			}
		}
	}
}

func TestLayout_ParseKey(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1100)
	for _, c := range []struct {
		key string
		err error
	}{
		{"2026-11-22:web17.sfo:cpu.user", nil},
		{"2026-11-22:web1%3A9100:a:b:c", nil},
		{"2026-11-22:h%25:m", nil},
		{`2026-11-22:h:up{instance="a:1",job="x\"y"}`, nil},
		{"2026-11-22:hé:mañana", nil},
		{"2024-02-29:h:m", nil},
		{"user:1", ErrPlain},
		{"", ErrPlain},
		{"2026-11-22", ErrPlain},
		{"1353974400:x:y", ErrPlain},
		{"99999999:x", ErrPlain},
		{"20261122:h:m", ErrLayout},
		{"2026-11-22T07:h:m", ErrLayout},
		{"2026112207:h:m", ErrLayout},
		{"2026-02-29:h:m", ErrDate},
		{"2026-13-01:h:m", ErrDate},
		{"2026-11-22:", ErrNoHost},
		{"2026-11-22::m", ErrNoHost},
		{"2026-11-22:h", ErrNoHost},
		{"2026-11-22:h:", ErrNoMetric},
		{"2026-11-22:h%41:m", ErrHostEscape},
		{"2026-11-22:h%3a:m", ErrHostEscape},
		{"2026-11-22:h%:m", ErrHostEscape},
		{"2026-11-22:h\n:m", ErrText},
		{"2026-11-22:h:m\xff", ErrText},
		{"2026-11-22:h:m\u0085", ErrText},
		{"2026-11-22:" + string(long[:254]) + ":m", ErrHostTooLong},
		{"2026-11-22:h:" + string(long), ErrKeyTooLong},
		{`2026-11-22:h:m{b="1",a="2"}`, ErrLabels},
		{`2026-11-22:h:m{a="1",a="2"}`, ErrLabels},
		{`2026-11-22:h:m{}`, ErrLabels},
		{`2026-11-22:h:m{a="1"}x`, ErrLabels},
		{`2026-11-22:h:m{a="\x"}`, ErrLabels},
		{`2026-11-22:h:m}`, ErrLabels},
	} {
		k, err := Day.ParseKey([]byte(c.key))
		if !errors.Is(err, c.err) {
			t.Errorf("%q: %v, want %v", c.key, err, c.err)
		}
		if err == nil && string(Day.AppendKey(nil, k)) != c.key {
			t.Errorf("%q comes back as %q", c.key, Day.AppendKey(nil, k))
		}
	}
}

func TestAppendSeries_escapesHosts(t *testing.T) {
	for _, host := range []string{"web1", "web1:9100", "::1", "50%", "%3A", "é:%25"} {
		k, err := ParseSeries(AppendSeries(nil, host, "up:rate5m"))
		if err != nil {
			t.Fatalf("%q: %v", host, err)
		}
		if UnescapeHost(k.Host()) != host || string(k.Metric()) != "up:rate5m" {
			t.Errorf("%q: comes back as %q %q", host, UnescapeHost(k.Host()), k.Metric())
		}
	}
}

func TestParseMember(t *testing.T) {
	for _, c := range []struct {
		member string
		ts     int64
		err    error
	}{
		{"1353974400:2.31", 1353974400000, nil},
		{"1353974400.120:9.74:8.55:5.02", 1353974400120, nil},
		{"1353974400.0:1", 1353974400000, nil},
		{"0:nan", 0, nil},
		{"1353974400:a b", 1353974400000, nil},
		{"01353974400:1", 0, ErrMember},
		{"-1:1", 0, ErrMember},
		{"+1:1", 0, ErrMember},
		{"1.:1", 0, ErrMember},
		{"1.1234:1", 0, ErrMember},
		{"1e9:1", 0, ErrMember},
		{"9999999999999:1", 0, ErrMember},
		{":1", 0, ErrMember},
		{"12", 0, ErrMember},
		{"", 0, ErrMember},
		{"12:", 0, ErrValue},
		{"12:a\x00", 0, ErrValue},
		{"12:\xff", 0, ErrValue},
		{"12:" + string(bytes.Repeat([]byte("9"), 129)), 0, ErrValue},
	} {
		p, err := ParseMember([]byte(c.member))
		if !errors.Is(err, c.err) || p.TS != c.ts {
			t.Errorf("%q: %v %v, want %d %v", c.member, p, err, c.ts, c.err)
		}
		if err == nil && string(AppendMember(nil, p)) != c.member {
			t.Errorf("%q comes back as %q", c.member, AppendMember(nil, p))
		}
	}
}

func TestScoreIs(t *testing.T) {
	f := func(score float64, ts int64, want bool) {
		t.Helper()
		if ScoreIs(score, ts) != want {
			t.Errorf("ScoreIs(%v, %d) = %v", score, ts, !want)
		}
	}
	f(1353974400, 1353974400000, true)
	f(1353974400.123, 1353974400123, true)
	f(1795381279.167134523, 1795381279167, true)
	f(1353974400.124, 1353974400123, false)
	f(1e300, 1353974400123, false)
	for ts := int64(1795381279000); ts < 1795381281000; ts++ {
		f(Score(ts), ts, true)
	}
}

func TestParse_doesNotAllocate(t *testing.T) {
	key, member := []byte("2026-11-22:web17.sfo:cpu.user"), []byte("1795381279.167:53.20")
	buf := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		k, err := Day.ParseKey(key)
		p, err2 := ParseMember(member)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		buf = AppendMember(Day.AppendKey(buf[:0], k), p)
	})
	if n != 0 {
		t.Errorf("%v allocations per key and member, want 0", n)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("2026-11-22:web17.sfo:cpu.user"))
	f.Add([]byte(`2026112207:h%3A1:up{a="b\\",c="d"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for l := Day; l <= HourCompact; l++ {
			k, err := l.ParseKey(b)
			if err != nil {
				continue
			}
			if got := l.AppendKey(nil, k); !bytes.Equal(got, b) {
				t.Fatalf("%q comes back as %q", b, got)
			}
			checkClean(t, b)
			again := AppendSeries(nil, UnescapeHost(k.Host()), string(k.Metric()))
			if !bytes.Equal(again, k.Series) {
				t.Fatalf("%q: series %q escapes to %q", b, k.Series, again)
			}
		}
	})
}

func FuzzParseMember(f *testing.F) {
	f.Add([]byte("1353974400.120:9.74:8.55:5.02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseMember(b)
		if err != nil {
			return
		}
		if got := AppendMember(nil, p); !bytes.Equal(got, b) {
			t.Fatalf("%q comes back as %q", b, got)
		}
		if !ScoreIs(Score(p.TS), p.TS) {
			t.Fatalf("%q: its own score is another instant", b)
		}
		checkClean(t, b)
	})
}

func checkClean(t *testing.T, b []byte) {
	t.Helper()
	for _, r := range string(b) {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			t.Fatalf("%q: holds a control character", b)
		}
	}
	if !bytes.Equal([]byte(string([]rune(string(b)))), b) {
		t.Fatalf("%q: not UTF-8", b)
	}
}
