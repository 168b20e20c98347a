package chunk

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

const (
	benchTicks = 240
	benchStart = int64(1795348800000)
)

// mixPoints gives the points of one host, by metric.
func mixPoints(seed uint64, ticks int) [][]Point {
	f := fleet.New(fleet.Config{Seed: seed, Hosts: 1, Metrics: fleet.PerHost, Tick: 10})
	out := make([][]Point, fleet.PerHost)
	for i := range ticks {
		f.Step(0)
		for m := range out {
			ts := benchStart + int64(i)*10_000
			if f.Late(0) {
				ts += 1000
			}
			out[m] = append(out[m], Point{TS: ts, Value: f.AppendValue(make([]byte, 0, 24), 0, m)})
		}
	}
	return out
}

// kinds gives points by name: the standard mix and others that hosts write.
func kinds() (names []string, points [][]Point) {
	f := fleet.New(fleet.Config{Seed: 1, Hosts: 1, Metrics: fleet.PerHost, Tick: 10})
	points = mixPoints(7, benchTicks)
	for m := range fleet.PerHost {
		names = append(names, f.Name(m))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	add := func(name string, value func(i int) []byte) {
		var run []Point
		for i := range benchTicks {
			run = append(run, Point{TS: benchStart + int64(i)*10_000, Value: value(i)})
		}
		names, points = append(names, name), append(points, run)
	}
	float := func(f float64) []byte { return strconv.AppendFloat(nil, f, 'f', -1, 64) }
	walk := 50.0
	add("x.gauss2", func(int) []byte { return fmt.Appendf(nil, "%.2f", 50+5*rng.NormFloat64()) })
	add("x.float17", func(int) []byte { walk += rng.NormFloat64(); return float(walk) })
	add("x.ulps", func(int) []byte { return float(float64(4000+rng.IntN(1000)) * 0.01 * 1.1) })
	add("x.integer", func(int) []byte { return strconv.AppendInt(nil, int64(1000+rng.IntN(200)), 10) })
	add("x.idle", func(int) []byte { return []byte("0") })
	add("x.octets", func(i int) []byte {
		return strconv.AppendInt(nil, int64(1.2e7*float64(i+1)+2e6*rng.NormFloat64()), 10)
	})
	add("x.words", func(i int) []byte { return []byte([]string{"ok", "warn"}[i/9%2]) })
	return names, points
}

func openChunk(b testing.TB, points []Point) (s State, buf []byte) {
	b.Helper()
	var e Encoder
	buf = make([]byte, MaxSize(points)+64)
	e.Open(buf, points)
	return open(b, e.Params(), points)
}

// TestEncode_sizes holds what the standard mix takes to what it was measured to take.
func TestEncode_sizes(t *testing.T) {
	var e Encoder
	total, points := 0, 0
	for seed := range uint64(20) {
		for _, run := range mixPoints(seed, benchTicks) {
			total += len(e.Encode(nil, run))
			points += len(run)
		}
	}
	per := float64(total) / float64(points)
	t.Logf("%.4f bytes per point", per)
	if per > 1.17 {
		t.Errorf("%.3f bytes per point of the standard mix", per)
	}
}

// BenchmarkKinds measures each kind of metric: the open and the sealed form.
func BenchmarkKinds(b *testing.B) {
	names, runs := kinds()
	for i, points := range runs {
		var e Encoder
		var r Reader
		s, buf := openChunk(b, points)
		sealed := e.Seal(nil, &s, buf)
		n := float64(len(points))
		b.Run("append/"+names[i], func(b *testing.B) {
			p := s.Params()
			for b.Loop() {
				s = Start(p)
				for _, pt := range points {
					s.Append(buf, pt)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/point")
			b.ReportMetric(float64(s.Size())/n, "bytes/point")
		})
		b.Run("seal/"+names[i], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sealed = e.Seal(sealed[:0], &s, buf)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/point")
			b.ReportMetric(float64(len(sealed))/n, "bytes/point")
		})
		decode := func(b *testing.B, reset func()) {
			sum := int64(0)
			for b.Loop() {
				reset()
				for r.Next() {
					sum += r.TS
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/point")
		}
		b.Run("decodeSealed/"+names[i], func(b *testing.B) { decode(b, func() { r.Reset(sealed) }) })
		b.Run("decodeOpen/"+names[i], func(b *testing.B) { decode(b, func() { r.ResetOpen(&s, buf) }) })
		b.Run("format/"+names[i], func(b *testing.B) {
			dst := make([]byte, 0, 64)
			r.Reset(sealed)
			for b.Loop() {
				for r.SeekTime(0); r.Next(); {
					dst = r.AppendValue(dst[:0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/point")
		})
	}
}

// BenchmarkEncoder_Insert puts a point into an open chunk of 180: one that is 5 ticks late, and others that belong to
// places from its start to its end.
func BenchmarkEncoder_Insert(b *testing.B) {
	const n = 180
	names, runs := kinds()
	for i, points := range runs {
		if i%8 > 0 {
			continue
		}
		for _, at := range []int{n / 10, n / 2, n * 9 / 10, n - 5} {
			b.Run(fmt.Sprintf("%s/%d", names[i], at), func(b *testing.B) {
				var e Encoder
				var marks Marks
				full, buf := openChunk(b, points[:n])
				s := Start(full.Params())
				for _, pt := range points[:n] {
					s.Append(buf, pt)
					marks.Note(&s)
				}
				late := points[at]
				late.TS += 5000
				work := make([]byte, len(buf))
				b.ReportAllocs()
				for b.Loop() {
					s, m := full, marks
					copy(work, buf[:s.Size()])
					if e.Insert(&s, &m, work, late) != Inserted {
						b.Fatal("not inserted")
					}
				}
			})
		}
	}
}
