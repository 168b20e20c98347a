package chunk

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

func encode(points []Point) []byte {
	var e Encoder
	return slices.Clip(e.Encode(nil, points))
}

func collect(r *Reader) []Point {
	var out []Point
	for r.Next() {
		out = append(out, Point{TS: r.TS, Frac: r.Frac, Value: r.AppendValue(nil)})
	}
	return out
}

func decode(t interface {
	Helper()
	Fatalf(string, ...any)
}, b []byte,
) []Point {
	t.Helper()
	var r Reader
	r.Reset(b)
	out := collect(&r)
	if r.Err() != nil {
		t.Fatalf("decode: %v", r.Err())
	}
	return out
}

func decodeOpen(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *State, buf []byte,
) []Point {
	t.Helper()
	var r Reader
	r.ResetOpen(s, buf)
	out := collect(&r)
	if r.Err() != nil {
		t.Fatalf("decode: %v", r.Err())
	}
	return out
}

// open appends the points to an open chunk.
func open(t interface {
	Helper()
	Fatalf(string, ...any)
}, p Params, points []Point,
) (State, []byte) {
	t.Helper()
	buf := make([]byte, MaxSize(points))
	s := Start(p)
	for i, pt := range points {
		if !s.Append(buf, pt) {
			t.Fatalf("point %d: no room", i)
		}
	}
	return s, buf
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

// TestReader_Split: where something belongs between the points, what is behind that is not sealed with the rest.
func TestReader_Split(t *testing.T) {
	f := func(times []int64, ts int64, want int) {
		t.Helper()
		var points []Point
		for _, at := range times {
			points = append(points, Point{TS: at * 1000, Value: []byte("1")})
		}
		var e Encoder
		var r Reader
		if r.Reset(e.Encode(nil, points)); r.Split(ts*1000, 2) != want {
			t.Errorf("%v, and then %d: %d, want %d", times, ts, r.Split(ts*1000, 2), want)
		}
	}
	f([]int64{1, 2, 3, 4, 5, 6, 7, 8}, 9, 6)
	f([]int64{1, 2, 3, 4, 5, 6, 7, 8}, 8, 6)
	f([]int64{1, 2, 3, 4, 50, 51, 52, 53}, 54, 4)
	f([]int64{1, 2, 3, 4, 50, 51, 52, 53}, 10, 4)
	f([]int64{1, 2, 3, 4, 5, 6, 7, 53}, 60, 6) // a gap is not known by the interval that it is
	f([]int64{1, 50, 51, 52, 53, 54, 55, 56}, 57, 6)
	f([]int64{10, 11, 12, 13, 14, 15, 16, 17}, 5, 2)
	f([]int64{10, 11, 12, 13, 14, 14, 14, 14}, 15, 6)
}
