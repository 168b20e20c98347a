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

// SkipKnown leaves out the points, in order and without duplicates, that a chunk has, up to the first that it has not;
// behind says that this one and all after it are behind the chunk's last. No copy of the chunk is made.
func SkipKnown(rd *chunk.Reader, points []series.Point) (rest []series.Point, behind bool) {
	var buf [chunk.MaxValue]byte
	for len(points) > 0 && rd.Next() {
		if rd.TS < points[0].TS {
			continue
		}
		has := series.Point{TS: rd.TS, Frac: rd.Frac, Value: rd.AppendValue(buf[:0])}
		switch c := series.Compare(has, points[0]); {
		case c == 0:
			points = points[1:]
		case c > 0:
			return points, false
		}
	}
	return points, true
}
