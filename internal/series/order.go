package series

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// CompareValues is the total order by which reading picks one of several values at one timestamp.
func CompareValues(a, b string) int {
	rank := func(s string) (int, float64) {
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case s == "stale":
			return 0, 0
		case err == nil && math.IsNaN(f):
			return 1, 0
		case err != nil:
			return 2, 0
		}
		return 3, f
	}
	x, fx := rank(a)
	y, fy := rank(b)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(fx, fy), strings.Compare(a, b))
}
