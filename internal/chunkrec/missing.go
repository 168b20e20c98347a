package chunkrec

import (
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
)

// Missing counts the points, in order and without duplicates, that a chunk has not.
func Missing(rd *chunk.Reader, points []series.Point) (n int) {
	var buf [chunk.MaxValue]byte
	n = len(points)
	for at := 0; at < len(points) && rd.Next(); {
		has := series.Point{TS: rd.TS, Frac: rd.Frac, Value: rd.AppendValue(buf[:0])}
		for at < len(points) && series.Compare(points[at], has) < 0 {
			at++
		}
		if at < len(points) && series.Compare(points[at], has) == 0 {
			n--
			at++
		}
	}
	return n
}
