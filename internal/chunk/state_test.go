package chunk

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestState_AppendState: a state that was written and read is the same, and goes on the same.
func TestState_AppendState(t *testing.T) {
	var r Reader
	rng := rand.New(rand.NewPCG(1, 2))
	var e Encoder
	for _, points := range vectors {
		for _, p := range []Params{Suit(points[0]), {k: 3, style: 4}, {dec: 2, k: 56, dod: true}} {
			for n := 1; n <= len(points); n++ {
				s, buf := open(t, p, points[:n])
				enc := s.AppendState([]byte("x"), buf)[1:]
				got, words, err := r.LoadState(enc)
				if err != nil || got != s || !bytes.Equal(words, buf[:s.bits>>6<<3]) {
					t.Fatalf("%d points of %+v: %v\n%+v, want\n%+v", n, p, err, got, s)
				}
				buf = append(bytes.Clone(words), make([]byte, MaxSize(points))...)
				same(t, decodeOpen(t, &got, buf), points[:n])
				for _, pt := range points[n:] {
					if !got.Append(buf, pt) {
						t.Fatal("no room")
					}
				}
				same(t, decode(t, e.Seal(nil, &got, buf)), points)
				enc[rng.IntN(len(enc))] ^= 1 << rng.IntN(8)
				_, _, _ = r.LoadState(enc)
				if _, _, err := r.LoadState(enc[:rng.IntN(len(enc))]); err == nil {
					t.Fatal("a part was read")
				}
			}
		}
	}
}

// FuzzLoadState: no bytes make it panic, or read as points that can not be sealed and opened again.
func FuzzLoadState(f *testing.F) {
	for _, points := range vectors {
		s, buf := open(f, Suit(points[0]), points)
		f.Add(s.AppendState(nil, buf))
	}
	var r Reader
	var e Encoder
	f.Fuzz(func(t *testing.T, b []byte) {
		s, words, err := r.LoadState(b)
		if err != nil {
			return
		}
		var points []Point
		for r.Next() {
			points = append(points, Point{TS: r.TS, Frac: r.Frac, Value: r.AppendValue(nil)})
		}
		if r.Err() != nil || len(points) != s.Len() || s.Len() == 0 || s.Last() != points[len(points)-1].TS {
			t.Fatalf("%d points of %d, %v", len(points), s.Len(), r.Err())
		}
		for i, pt := range points {
			if !pt.fits() || i > 0 && pt.TS < points[i-1].TS {
				t.Fatalf("%d/%d/%q", pt.TS, pt.Frac, pt.Value)
			}
		}
		same(t, decode(t, e.Seal(nil, &s, words)), points)
		buf := append(bytes.Clone(words), make([]byte, s.Size()+MaxSize(points)+2*Room)...)
		last := points[len(points)-1]
		s.LastIs(buf, last)
		s.AppendLast(nil, buf)
		for _, pt := range []Point{{TS: last.TS / 2, Frac: 3, Value: []byte("x")}, points[0], last} {
			e.Insert(&s, &Marks{}, buf, pt)
		}
		s.Append(buf, Point{TS: last.TS + 1, Frac: 3, Value: []byte("1")})
	})
}
