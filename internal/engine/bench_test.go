package engine

import (
	"fmt"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// BenchmarkStore_Append writes points in order, one per series and tick, over 1,000 series, in batches of 20 groups as
// pipelined commands arrive. One operation is one point.
func BenchmarkStore_Append(b *testing.B) {
	const n, ticks = 1000, 64
	f := newFleet(0, n)
	values := make([][]byte, 0, n*ticks)
	for range ticks {
		for _, g := range f.gauges {
			values = append(values, append([]byte(nil), g.next()...))
		}
	}
	st := newStore()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at, ts := i%n, testDay+int64(i/n)*1000
		f.points[at] = series.Point{TS: ts, Value: values[i%len(values)]}
		f.groups[at].Points = f.points[at : at+1]
		if at%20 != 19 {
			continue
		}
		if err := st.Unite(b.Context(), f.groups[at-19:at+1], store.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
	stats, _ := st.Stats(b.Context())
	b.ReportMetric(float64(stats.Bytes)/float64(stats.Points), "bytes/point")
}

// BenchmarkStore_Unite_overlap sends, as a syncer does, the last 60 points of a key again and one new one.
func BenchmarkStore_Unite_overlap(b *testing.B) {
	st := newStore()
	f := newFleet(5, 1)
	var window []series.Point
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		g := f.tick(testDay + int64(i)*1000)
		window = append(window, series.Point{TS: g[0].Points[0].TS, Value: append([]byte(nil), g[0].Points[0].Value...)})
		g[0].Points = window[max(0, len(window)-61):]
		if err := st.Unite(b.Context(), g, store.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStore_Ranges reads an hour of a day that has a point every ten seconds.
func BenchmarkStore_Ranges(b *testing.B) {
	st := newStore()
	f := newFleet(5, 1)
	for i := range int64(8640) {
		if err := st.Unite(b.Context(), f.tick(testDay+i*10_000), store.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
	from := testDay + 7*hourMillis
	q := []store.RangeQuery{{Key: f.groups[0].Key, Span: store.Span{From: from, To: from + hourMillis - 1}}}
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := st.Ranges(b.Context(), q); len(got[0]) != 360 {
			b.Fatal(len(got[0]))
		}
	}
}

// BenchmarkStore_Put writes points in order as live writers do, one per series and tick, in batches of 128. One
// operation is one point.
func BenchmarkStore_Put(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFleet(0, n)
			st := newStore()
			puts := make([]store.Put, n)
			var text []byte
			fill := func(tick int64) {
				text = text[:0]
				for i, g := range f.tick(testDay + tick*1000) {
					at := len(text)
					text = series.AppendMember(text, g.Points[0])
					puts[i] = store.Put{
						Series: g.Key.Series, Member: text[at:], TS: g.Points[0].TS, Period: g.Key.Period,
						ValueAt: uint8(len(text) - at - len(g.Points[0].Value)),
					}
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += 128 {
				at := i % n &^ 127
				if at == 0 {
					b.StopTimer()
					fill(int64(i / n))
					b.StartTimer()
				}
				st.Put(puts[at:min(at+128, n)])
			}
			stats, _ := st.Stats(b.Context())
			b.ReportMetric(float64(stats.Bytes)/float64(stats.Points), "bytes/point")
		})
	}
}
