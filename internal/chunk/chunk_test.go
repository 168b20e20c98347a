package chunk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func encode(points []Point) []byte {
	buf := make([]byte, MaxSize(points))
	s := Encode(buf, points)
	return buf[:s.Size():s.Size()]
}

func decode(t testing.TB, b []byte) []Point {
	t.Helper()
	var r Reader
	r.Reset(b)
	var out []Point
	for r.Next() {
		out = append(out, Point{TS: r.TS, Frac: r.Frac, Value: r.AppendValue(nil)})
	}
	if r.Err() != nil {
		t.Fatalf("decode: %v", r.Err())
	}
	return out
}

func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want []Point,
) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d points, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.TS != w.TS || g.Frac != w.Frac || !bytes.Equal(g.Value, w.Value) {
			t.Fatalf("point %d: %d/%d %q, want %d/%d %q", i, g.TS, g.Frac, g.Value, w.TS, w.Frac, w.Value)
		}
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		text string
		want decimal
		ok   bool
	}{
		{"0", decimal{0, 0}, true},
		{"0.0", decimal{0, 1}, true},
		{"-1.50", decimal{-150, 2}, true},
		{"999999999999999999", decimal{999999999999999999, 0}, true},
		{"0.00000000000000001", decimal{1, 17}, true},
		{"9.99999999999999999", decimal{999999999999999999, 17}, true},
		{"1000000000000000000", decimal{}, false},
		{"-0", decimal{}, false},
		{"-0.0", decimal{}, false},
		{"", decimal{}, false},
		{"-", decimal{}, false},
		{".5", decimal{}, false},
		{"5.", decimal{}, false},
		{"00", decimal{}, false},
		{"01", decimal{}, false},
		{"1e5", decimal{}, false},
		{"1.2.3", decimal{}, false},
		{"+1", decimal{}, false},
		{"NaN", decimal{}, false},
		{" 1", decimal{}, false},
		{"-.5", decimal{}, false},
	} {
		if got, ok := parseDecimal([]byte(c.text)); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %v %v, want %v %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestEncode_styles(t *testing.T) {
	base := int64(1795348800000)
	for _, c := range []struct {
		name  string
		value func(i int) string
		most  float64 // bytes per point
	}{
		{"constant", func(int) string { return "100" }, 0.3},
		{"fixed decimals", func(i int) string { return fmt.Sprintf("%.2f", float64(i%7)/2) }, 1.8},
		{"shortest", func(i int) string { return fmt.Sprint(float64(i%40) / 4) }, 1.5},
		{"python", func(i int) string { return fmt.Sprintf("%d.%d", 10+i%3, i%10) }, 1.3},
		{"counter", func(i int) string { return fmt.Sprint(123456 + 50*i) }, 0.4},
		{"pages", func(i int) string { return fmt.Sprint(4096 * (100000 + i*i%50)) }, 1.3},
		{"words", func(i int) string { return []string{"ok", "warn"}[i/9%2] }, 8},
		{"three loads", func(i int) string { return fmt.Sprintf("%d.74:8.55:5.02", i%10) }, 18.5},
	} {
		var points []Point
		for i := range 240 {
			points = append(points, Point{TS: base + int64(i)*10_000, Value: []byte(c.value(i))})
		}
		b := encode(points)
		same(t, decode(t, b), points)
		if got := float64(len(b)) / float64(len(points)); got > c.most {
			t.Errorf("%s: %.2f bytes per point, want ≤ %.2f", c.name, got, c.most)
		}
	}
}

var drawPoint = rapid.Custom(func(t *rapid.T) Point {
	return Point{
		TS: 100 * rapid.Int64Range(0, 1<<40).Draw(t, "ts"), Frac: rapid.SampledFrom([]uint8{1, 1, 1, 2, 3}).Draw(t, "frac"),
		Value: rapid.OneOf(
			rapid.Custom(func(t *rapid.T) []byte {
				return []byte(rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?`).Draw(t, "decimal"))
			}),
			rapid.SliceOfN(rapid.Byte(), 1, MaxValue),
		).Draw(t, "value"),
	}
})

func TestAppend_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.SliceOfN(drawPoint, 1, 60).Draw(t, "points")
		buf := make([]byte, MaxSize(points))
		s := Encode(buf, points[:len(points)/2+1])
		for _, p := range points[len(points)/2+1:] {
			if !s.Append(buf, p) {
				t.Fatalf("no room")
			}
		}
		var r Reader
		r.Reset(buf[:s.Size()])
		var got []Point
		for r.Next() {
			got = append(got, Point{TS: r.TS, Frac: r.Frac, Value: r.AppendValue(nil)})
		}
		same(t, got, points)
		if s.Len() != len(points) || s.Last() != points[len(points)-1].TS {
			t.Fatalf("state %+v", s)
		}
	})
}

func TestRecode_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decs := rapid.IntRange(0, 5).Draw(t, "decimals")
		points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point {
			v := rapid.StringMatching(fmt.Sprintf(`-?(0|[1-9][0-9]{0,5})\.[0-9]{1,%d}`, decs+1)).Draw(t, "value")
			return Point{TS: 1000 * rapid.Int64Range(0, 1<<30).Draw(t, "ts"), Value: []byte(v)}
		}), 1, 250).Draw(t, "points")
		src := make([]byte, MaxSize(points))
		s := Start(src, nil, points[0])
		for _, p := range points {
			s.Append(src, p)
		}
		buf := make([]byte, MaxSize(points))
		again, ok := Recode(buf, src[:s.Size()])
		if ok != (s.Odd() == 0) {
			t.Fatalf("recoded %v with %d odd points", ok, s.Odd())
		}
		if !ok {
			return
		}
		var r Reader
		r.Reset(buf[:again.Size()])
		for i := 0; r.Next(); i++ {
			if got := r.AppendValue(nil); !bytes.Equal(got, points[i].Value) || r.TS != points[i].TS {
				t.Fatalf("point %d: %d %s, want %d %s", i, r.TS, got, points[i].TS, points[i].Value)
			}
		}
		if again.Len() != len(points) || again.Size() > s.Size()+8 { // the first value is not counted
			t.Fatalf("%d points in %d bytes, were %d in %d", again.Len(), again.Size(), len(points), s.Size())
		}
	})
}

func TestAppend_full(t *testing.T) {
	buf := make([]byte, MinSize)
	first := Point{TS: 1000, Value: bytes.Repeat([]byte("x"), MaxValue)}
	s := Start(buf, nil, first)
	if !s.Append(buf, first) {
		t.Fatal("MinSize does not hold one point")
	}
	before := bytes.Clone(buf)
	if s.Append(buf, first) || !bytes.Equal(before, buf) || s.Len() != 1 {
		t.Fatal("a full buffer took a point or was changed")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(encode([]Point{{TS: 1795348800000, Value: []byte("0.50")}, {TS: 1795348810000, Value: []byte("nan")}}))
	f.Add([]byte{0x10, 0, 0, 62, 62, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reader
		r.Reset(b)
		n := 0
		for r.Next() {
			if v := r.AppendValue(nil); len(v) == 0 || len(v) > MaxValue {
				t.Fatalf("value of %d bytes", len(v))
			}
			n++
		}
		if n > 1<<16 {
			t.Fatalf("%d points", n)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(int64(1795348800000), uint8(0), "0.50", "0.5", "1e-05")
	f.Add(int64(1), uint8(3), "-999999999999999999", "999999999999999999", "-0")
	f.Fuzz(func(t *testing.T, ts int64, frac uint8, a, b, c string) {
		frac &= 3
		ts = min(max(ts, 0), maxTS) / unitMillis[frac] * unitMillis[frac]
		var points []Point
		for i, v := range []string{a, b, c, a, a, b} {
			if len(v) >= 1 && len(v) <= MaxValue {
				points = append(points, Point{TS: min(ts+int64(i/2)*1000, maxTS/1000*1000), Frac: frac, Value: []byte(v)})
			}
		}
		same(t, decode(t, encode(points)), points)
	})
}

func BenchmarkState_Append(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([][]byte, 240)
	for i := range values {
		values[i] = fmt.Appendf(nil, "%.2f", 50+5*rng.NormFloat64())
	}
	buf := make([]byte, 4096)
	b.ReportAllocs()
	var s State
	for i := 0; b.Loop(); i++ {
		p := Point{TS: 1795348800000 + int64(i)*1000, Value: values[i%240]}
		if i%240 == 0 {
			s = Start(buf, nil, p)
		}
		s.Append(buf, p)
	}
}

func BenchmarkReader_Next(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var points []Point
	for i := range 240 {
		v := fmt.Appendf(nil, "%.2f", 50+5*rng.NormFloat64())
		points = append(points, Point{TS: 1795348800000 + int64(i)*1000, Value: v})
	}
	c := encode(points)
	var r Reader
	var dst []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%240 == 0 {
			r.Reset(c)
		}
		r.Next()
		dst = r.AppendValue(dst[:0])
	}
}
