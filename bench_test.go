package dunlin

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkClient_Add is the client's own work a point: to a server that takes everything.
func BenchmarkClient_Add(b *testing.B) {
	f := newFake(b, stored)
	c, err := Open(b.Context(), Config{URL: f.url(), Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	points := make([]Point, 1000)
	for i := range points {
		points[i] = Point{fmt.Sprintf("web%d.sfo", i/20), fmt.Sprintf("metric.%d", i%20), noon, "12.50"}
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(points) {
		if err := c.Add(b.Context(), points...); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}
