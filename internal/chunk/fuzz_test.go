package chunk

import (
	"bytes"
	"slices"
	"testing"
)

// fuzzPoints makes points of lines of text: each a byte for the distance in time, a byte for its style, a value.
func fuzzPoints(in []byte, step uint16) []Point {
	var points []Point
	ts := int64(1795348800000)
	for line := range bytes.SplitSeq(in, []byte("\n")) {
		if len(line) < 3 || len(line) > MaxValue+2 {
			continue
		}
		switch c := line[0]; {
		case c < 'a':
			ts += int64(step) * 1000
		case c < 'm':
			ts += int64(step)*1000 + int64(c-'a')
		case c < 'z':
			ts += int64(c-'m') * 100
		}
		pt := Point{TS: ts, Frac: line[1] & 3, Value: line[2:]}
		pt.TS -= pt.TS % unitMillis[pt.Frac]
		points = append(points, pt)
		ts = max(pt.TS, ts)
	}
	return points
}

// FuzzEncode: whatever the points, they come back, from the sealed form, the open one, and from an open one that was
// inserted into.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("000.50\n000.5\n001e-05\nz0-0"), uint16(10))
	f.Add([]byte("00100\n00101\n10102\nb3103\nm0104\nz0ok\nz0ok"), uint16(60))
	f.Add([]byte("000.30000000000000004\n003.1415926535897931\n00-0\n0044.833999999999996"), uint16(1))
	f.Add([]byte("00-999999999999999999\n00999999999999999999\n009999999999999999999"), uint16(0))
	f.Add([]byte("004096\n008192\n0012288\n004096\n000\n000\n000\n000\n000\n000\n000\n000\n001"), uint16(15))
	var e Encoder
	f.Fuzz(func(t *testing.T, in []byte, step uint16) {
		points := fuzzPoints(in, step)
		if len(points) == 0 {
			return
		}
		same(t, decode(t, e.Encode(nil, points)), points)
		for _, p := range []Params{Suit(points[0]), e.Params()} {
			s, buf := open(t, p, points)
			same(t, decodeOpen(t, &s, buf), points)
			same(t, decode(t, e.Seal(nil, &s, buf)), points)
		}
		buf := make([]byte, MaxSize(points))
		s := Start(Suit(points[0]))
		var m Marks
		for i := range points {
			e.Insert(&s, &m, buf, points[i*7%len(points)])
			e.Insert(&s, &m, buf, points[i])
		}
		slices.SortFunc(points, compare)
		points = slices.CompactFunc(points, func(a, b Point) bool { return compare(a, b) == 0 })
		same(t, decode(t, e.Seal(nil, &s, buf)), points)
	})
}

// FuzzReader: no bytes make the reader panic, loop, or give what is no point.
func FuzzReader(f *testing.F) {
	for _, points := range vectors {
		f.Add(encode(points))
	}
	f.Add([]byte{0x20, 0xef, 0x01, 0x3f, 0x80, 0x80, 0x80, 0x80, 0x10, 0x02, 0xff})
	var r Reader
	f.Fuzz(func(t *testing.T, b []byte) {
		r.Reset(b)
		n := 0
		for r.Next() {
			if v := r.AppendValue(nil); len(v) == 0 || len(v) > MaxValue || r.TS < 0 || r.TS > maxTS || r.Frac > 3 {
				t.Fatalf("%d/%d/%q", r.TS, r.Frac, v)
			}
			n++
		}
		if n > MaxPoints || r.Err() != nil && n > 0 {
			t.Fatalf("%d points, %v", n, r.Err())
		}
	})
}
