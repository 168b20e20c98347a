package query

import (
	"bytes"
	"math"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/series"
)

// Stale is the text of Prometheus' stale marker.
const Stale = "stale"

// Sample is the point that a reader sees at one timestamp.
type Sample struct {
	TS     int64 // ms since 1970, UTC
	Text   string
	Value  float64 // finite; 0 unless Number
	Number bool    // Text is a number that can be drawn
}

func sample(p series.Point) Sample {
	s := Sample{TS: p.TS, Text: string(p.Value)}
	if v, ok := number(p.Value); ok && !math.IsInf(v, 0) {
		s.Value, s.Number = v, true
	}
	return s
}

// number reads what people call a number. Go's own spellings (hexadecimal, underscores, "infinity", NaN) are words.
func number(b []byte) (float64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil || math.IsInf(v, 0)
}

// Better says whether, of two points at one timestamp, a is the one to read: a number beats what is none, anything
// beats the stale marker, then the larger value, then the larger bytes of the member. It is a strict total order on
// members, so every replica with the same set gives the same answer.
func Better(a, b series.Point) bool {
	va, na := number(a.Value)
	vb, nb := number(b.Value)
	if na != nb {
		return na
	}
	sa, sb := string(a.Value) == Stale, string(b.Value) == Stale
	if sa != sb {
		return sb
	}
	if va != vb {
		return va > vb
	}
	if a.Frac == b.Frac {
		return bytes.Compare(a.Value, b.Value) > 0
	}
	var x, y [160]byte
	return bytes.Compare(series.AppendMember(x[:0], a), series.AppendMember(y[:0], b)) > 0
}

// Resolve keeps one point per timestamp, in place. The points must be ordered by timestamp, either way round.
func Resolve(points []series.Point) []series.Point {
	out := points[:0]
	for _, p := range points {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].TS != p.TS:
			out = append(out, p)
		case Better(p, out[last]):
			out[last] = p
		}
	}
	return out
}
