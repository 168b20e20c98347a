package chunk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

var drawText = rapid.OneOf(
	rapid.Custom(func(t *rapid.T) []byte {
		return []byte(rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?`).Draw(t, "decimal"))
	}),
	rapid.SliceOfN(rapid.Byte(), 1, MaxValue),
	rapid.Custom(func(t *rapid.T) []byte {
		return []byte(rapid.SampledFrom([]string{"ok", "warn", "-0", "nan", "1e-05"}).Draw(t, "word"))
	}),
)

// drawSeries makes points of one character, with strangers between.
var drawSeries = rapid.Custom(func(t *rapid.T) []Point {
	frac := rapid.SampledFrom([]uint8{0, 0, 1, 3, 9}).Draw(t, "frac")
	step := rapid.SampledFrom([]int64{1, 10, 60}).Draw(t, "step")
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	odd := rapid.SampledFrom([]int{0, 0, 1, 30, 100}).Draw(t, "odd")
	decs := rapid.IntRange(0, 4).Draw(t, "decimals")
	spread := rapid.SampledFrom([]int64{0, 1, 2, 40, 800, 1e6, 1e12, 1e16}).Draw(t, "spread")
	factor := rapid.SampledFrom([]int64{1, 1, 4096, 10, 7}).Draw(t, "factor")
	n := rapid.OneOf(rapid.IntRange(1, 30), rapid.IntRange(1, 400)).Draw(t, "n")
	unit := unitMillis[min(frac, 3)]
	ts, v := rapid.Int64Range(0, 1<<31).Draw(t, "start")*1000, rapid.Int64Range(-1e6, 1e6).Draw(t, "value")
	rng := rapid.Uint64().Draw(t, "seed")
	dice := func(n int64) int64 {
		rng = rng*6364136223846793005 + 1442695040888963407
		return int64(rng>>33) % max(n, 1)
	}
	var points []Point
	for range n {
		pt := Point{TS: ts, Frac: frac}
		if dice(10) == 0 && frac > 0 {
			pt.TS += dice(5) * unit
		}
		if frac == 9 {
			pt.Frac = fracFor(pt.TS)
		}
		if dice(30) == 0 {
			pt.TS += 1000
		}
		ts += step * 1000
		switch kind {
		case 0, 1:
			v += (dice(2*spread+1) - spread) % 1e16
			pt.Value = fmt.Appendf(nil, "%.*f", decs, float64(v%1e12*factor)/1000)
		case 2:
			pt.Value = strconv.AppendInt(nil, v+dice(spread+1), 10)
		case 3:
			v += factor * dice(spread/1000+2)
			pt.Value = strconv.AppendInt(nil, v%1e15, 10)
		case 4:
			pt.Value = strconv.AppendFloat(nil, float64(v+dice(spread+1))/3, 'f', -1, 64)
		case 5:
			pt.Value = strconv.AppendFloat(nil, float64(v+dice(spread+1))/100*1.1*0.9, 'f', -1, 64)
		default:
			pt.Value = strconv.AppendFloat(nil, float64(v+dice(spread+1))/8, 'g', -1, 64)
		}
		if dice(100) < int64(odd) {
			pt.Value = drawText.Draw(t, "text")
			pt.Frac = uint8(dice(4))
			pt.TS -= pt.TS % unitMillis[pt.Frac]
		}
		points = append(points, pt)
	}
	return points
})

func TestEncode_law(t *testing.T) {
	var e Encoder // one for all: nothing may stay from the chunk before
	var r Reader
	rapid.Check(t, func(t *rapid.T) {
		points := drawSeries.Draw(t, "points")
		r.Reset(e.Encode(nil, points))
		same(t, collect(&r), points)
		if r.Err() != nil {
			t.Fatalf("%v", r.Err())
		}
		next := drawSeries.Draw(t, "next")
		params := rapid.SampledFrom([]Params{e.Params(), Suit(points[0]), Suit(next[0])}).Draw(t, "params")
		s, buf := open(t, params, next)
		same(t, decodeOpen(t, &s, buf), next)
		same(t, decode(t, e.Seal(nil, &s, buf)), next)
		buf = make([]byte, MaxSize(next))
		again, ok := e.Open(buf, next)
		if !ok {
			t.Fatalf("no room")
		}
		same(t, decodeOpen(t, &again, buf), next)
		last := next[len(next)-1]
		other := Point{TS: last.TS, Frac: last.Frac, Value: slices.Clone(last.Value)}
		other.Value[len(other.Value)-1] ^= 1
		value, frac := again.AppendLast(nil, buf)
		if !again.LastIs(buf, last) || again.LastIs(buf, other) || !bytes.Equal(value, last.Value) || frac != last.Frac {
			t.Fatalf("last is %q", value)
		}
		if s.Len() != len(next) || s.Last() != last.TS {
			t.Fatalf("state %+v", s)
		}
	})
}

// TestInsert_law compares insertion with a sorted list.
func TestInsert_law(t *testing.T) {
	var e Encoder
	rapid.Check(t, func(t *rapid.T) {
		all := drawSeries.Draw(t, "points")
		order := rapid.Permutation(all).Draw(t, "order")
		late := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point {
			p := rapid.SampledFrom(all).Draw(t, "beside")
			if rapid.Bool().Draw(t, "other") {
				p.Value = drawText.Draw(t, "text")
			}
			return p
		}), 0, 10).Draw(t, "late")
		order = append(order[:min(len(order), 60)], late...)
		buf := make([]byte, rapid.SampledFrom([]int{64, 256, 1024, MaxSize(order)}).Draw(t, "buffer"))
		s := Start(Suit(order[0]))
		var m Marks
		var want []Point
		for _, p := range order {
			at, known := slices.BinarySearchFunc(want, p, compare)
			was := s
			before := bytes.Clone(buf[:s.bits>>6<<3])
			switch out := e.Insert(&s, &m, buf, p); {
			case out == Known != known && out != NoRoom:
				t.Fatalf("%q: %v, known %v", p.Value, out, known)
			case out == NoRoom && (len(buf) >= MaxSize(order) || s != was || !bytes.HasPrefix(buf, before)):
				t.Fatalf("no room in %d bytes, or changed", len(buf))
			case out == Inserted:
				want = slices.Insert(want, at, p)
			}
			same(t, decodeOpen(t, &s, buf), want)
		}
		if len(want) > 0 {
			same(t, decode(t, e.Seal(nil, &s, buf)), want)
		}
	})
}

// TestInsert_law_marks: appending, putting in late and again, and sealing give the sorted set of the points, and the
// same bytes as without marks.
func TestInsert_law_marks(t *testing.T) {
	var e, plain Encoder
	rapid.Check(t, func(t *rapid.T) {
		all := drawSeries.Draw(t, "points")
		slices.SortFunc(all, compare)
		all = slices.CompactFunc(all, func(a, b Point) bool { return compare(a, b) == 0 })
		params := rapid.SampledFrom([]Params{Suit(all[0]), suited(all)}).Draw(t, "params")
		params.dod = rapid.Bool().Draw(t, "by slope")
		share := rapid.SampledFrom([]int{2, 10, 50}).Draw(t, "late, %")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s, m, buf := Start(params), Marks{}, make([]byte, MaxSize(all)+8)
		bare, bareBuf := s, slices.Clone(buf)
		var held, want []Point
		put := func(p Point) {
			at, known := slices.BinarySearchFunc(want, p, compare)
			if at == len(want) && rng.IntN(8) > 0 {
				if !s.Append(buf, p) || !bare.Append(bareBuf, p) {
					t.Fatalf("no room")
				}
				m.Note(&s)
			} else if out := e.Insert(&s, &m, buf, p); out == Known != known || out == NoRoom ||
				out != plain.Insert(&bare, &Marks{}, bareBuf, p) {
				t.Fatalf("%q: %v, known %v", p.Value, out, known)
			}
			if !known {
				want = slices.Insert(want, at, p)
			}
			if s != bare || !bytes.Equal(buf[:s.bits>>6<<3], bareBuf[:s.bits>>6<<3]) {
				t.Fatalf("with marks %+v, without %+v", s, bare)
			}
		}
		for i, p := range all {
			if rng.IntN(100) < share {
				held = append(held, p)
			} else {
				put(p)
			}
			for len(held) > 0 && (rng.IntN(6) == 0 || i == len(all)-1) {
				j := rng.IntN(len(held))
				put(held[j])
				held = slices.Delete(held, j, j+1)
			}
			if len(want) > 0 && rng.IntN(20) == 0 {
				put(want[rng.IntN(len(want))])
			}
			if rng.IntN(30) == 0 {
				same(t, decodeOpen(t, &s, buf), want)
			}
		}
		same(t, decodeOpen(t, &s, buf), want)
		same(t, decode(t, e.Seal(nil, &s, buf)), want)
	})
}

// suited gives the parameters that suit points.
func suited(points []Point) Params {
	var e Encoder
	e.Open(make([]byte, MaxSize(points)), points)
	return e.Params()
}

func TestReader_Search(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := drawSeries.Draw(t, "points")
		slices.SortStableFunc(points, compare)
		var e Encoder
		var r Reader
		r.Reset(e.Encode(nil, points))
		ts := rapid.SampledFrom(points).Draw(t, "point").TS + rapid.Int64Range(-2, 2).Draw(t, "beside")
		want := slices.IndexFunc(points, func(p Point) bool { return p.TS >= ts })
		if want < 0 {
			want = len(points)
		}
		if got := r.Search(ts); got != want || r.Len() != len(points) {
			t.Fatalf("%d of %d, want %d", got, r.Len(), want)
		}
		r.SeekTime(ts)
		same(t, collect(&r), points[want:])
		i := rapid.IntRange(0, len(points)-1).Draw(t, "i")
		if !r.At(i) || r.Time(i) != points[i].TS || !bytes.Equal(r.AppendValue(nil), points[i].Value) {
			t.Fatalf("point %d: %d %q", i, r.TS, r.AppendValue(nil))
		}
		if r.At(len(points)) || r.At(-1) {
			t.Fatalf("a point that is not there")
		}
	})
}

func TestState_Append_full(t *testing.T) {
	buf := make([]byte, 160)
	pt := Point{TS: 1000, Value: bytes.Repeat([]byte("x"), MaxValue)}
	s := Start(Suit(pt))
	if !s.Append(buf, pt) {
		t.Fatal("160 bytes do not hold one point")
	}
	before, was := bytes.Clone(buf), s
	if s.Append(buf, pt) || !bytes.Equal(before, buf) || s != was {
		t.Fatal("a full buffer took a point or was changed")
	}
	if s.Append(make([]byte, 1000), Point{TS: 1}) || s != was {
		t.Fatal("a value of no bytes was taken")
	}
}

// TestState_size: there is one for each series and period.
func TestState_size(t *testing.T) {
	if n := unsafe.Sizeof(State{}); n > 56 {
		t.Errorf("%d bytes", n)
	}
}

func TestEncoder_allocatesNothing(t *testing.T) {
	var e Encoder
	var r Reader
	_, runs := kinds()
	dst, text := make([]byte, 0, 16<<10), make([]byte, 0, 64)
	for _, points := range runs {
		s, buf := openChunk(t, points)
		n := testing.AllocsPerRun(3, func() {
			dst = e.Seal(dst[:0], &s, buf)
			for r.Reset(dst); r.Next(); {
				text = r.AppendValue(text[:0])
			}
			for r.ResetOpen(&s, buf); r.Next(); {
				text = r.AppendValue(text[:0])
			}
			dst = e.Encode(dst[:0], points)
		})
		if n > 0 {
			t.Errorf("%s…: %v allocations", points[0].Value, n)
		}
	}
}

func TestEncoder_long(t *testing.T) {
	var points []Point
	for i := range MaxPoints {
		points = append(points, Point{TS: int64(i) * 1000, Value: strconv.AppendInt(nil, int64(i*i%1000), 10)})
	}
	same(t, decode(t, encode(points)), points)
	s, buf := open(t, Suit(points[0]), points)
	same(t, decodeOpen(t, &s, buf), points)
	if s.Append(buf, points[0]) || s.Len() != MaxPoints {
		t.Fatal("one point too many")
	}
}
