package engine

import (
	"fmt"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// BenchmarkStore_Put_behind writes points in order while the newest point of each series, or the newest three, are
// there before them. One operation is one point.
func BenchmarkStore_Put_behind(b *testing.B) {
	for _, ahead := range []int{0, 1, 3, 40} {
		b.Run(fmt.Sprint(ahead), func(b *testing.B) {
			const n = 20_000
			f := newFleet(0, n)
			st := newStore()
			puts := make([]store.Put, n)
			var text []byte
			fill := func(tick int64) {
				text = text[:0]
				for i, g := range f.tick(testDay + tick*2000) {
					at := len(text)
					text = series.AppendMember(text, g.Points[0])
					puts[i] = store.Put{
						Series: g.Key.Series, Member: text[at:], TS: g.Points[0].TS, Period: g.Key.Period,
						ValueAt: uint8(len(text) - at - len(g.Points[0].Value)),
					}
				}
			}
			for i := range 100 {
				fill(int64(i))
				st.Put(puts)
			}
			for i := range ahead {
				fill(int64(1000 + i))
				st.Put(puts)
			}
			b.ResetTimer()
			for i := 0; i < b.N; i += 128 {
				at := i % n &^ 127
				if at == 0 {
					b.StopTimer()
					fill(100 + int64(i/n))
					b.StartTimer()
				}
				st.Put(puts[at:min(at+128, n)])
			}
			stats, _ := st.Stats(b.Context())
			b.ReportMetric(float64(stats.Bytes)/float64(stats.Points), "bytes/point")
		})
	}
}
