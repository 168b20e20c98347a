package peering

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// BenchmarkFollower takes the points of 50,000 series from a peer's log, 20 of a host an entry, 64 KiB an answer. One
// operation is one point; the peer's part is told beside it.
func BenchmarkFollower(b *testing.B) {
	const hosts, metrics = 2500, 20
	from, to := newSide(b, "a"), newSide(b, "b")
	s, f := from.feed.NewSession(), NewFollower("a", from.feed.Self.Incarnation, to.feed.Shards)
	groups := make([][]store.Group, hosts)
	for h := range groups {
		for m := range metrics {
			k, err := series.ParseSeries(fmt.Appendf(nil, "h%d:m%d.some.gauge", h, m))
			if err != nil {
				b.Fatal(err)
			}
			groups[h] = append(groups[h], store.Group{Key: k, Points: make([]series.Point, 1)})
		}
	}
	write := func(tick int, some [][]store.Group) {
		at := noon.UnixMilli() + int64(tick)*2000
		for h, g := range some {
			for m := range g {
				g[m].Key.Period = series.Day.PeriodOf(at)
				g[m].Points[0] = series.Point{TS: at, Value: fmt.Appendf(nil, "%d.%d", m*7+tick%5, (h+tick*m)%100+1)}
			}
			if refused, err := from.sh.Add(b.Context(), g); err != nil || len(refused) > 0 {
				b.Fatal(refused, err)
			}
		}
	}
	var pulls time.Duration
	points, bytes := 0, 0
	b.ResetTimer()
	b.StopTimer()
	for tick := 0; points < b.N; tick++ {
		for some := range slices.Chunk(groups, 250) {
			write(tick, some)
			for drained := false; !drained; {
				began := time.Now()
				answer, err := s.Pull(b.Context(), f.Request(nil, nil, mostAnswer), nil, false)
				if pulls += time.Since(began); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				a, err := f.Apply(answer)
				b.StopTimer()
				if err != nil || len(f.Wants()) > 0 {
					b.Fatal(a, err, f.Wants())
				}
				drained, points, bytes = a.Drained, points+a.Points, bytes+len(answer)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(points), "ns/point")
	b.ReportMetric(float64(pulls.Nanoseconds())/float64(points), "ns/point-peer")
	b.ReportMetric(float64(bytes)/float64(points), "bytes/point")
}
