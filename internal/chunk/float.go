package chunk

import (
	"math"
	"strconv"
)

// Floats beyond these have texts too long for a point, or are none.
const (
	hugeFloat = 1e100
	tinyFloat = 1e-100
)

func plainFloat(f float64) bool {
	a := math.Abs(f)
	return a < hugeFloat && (a > tinyFloat || a == 0)
}

// parseFloat reads a value that is the shortest decimal text of a float64: strconv's 'f' with precision -1.
func parseFloat(text []byte) (f float64, ok bool) {
	if len(text) > MaxValue || len(text) == 0 || text[len(text)-1]-'0' > 9 {
		return 0, false
	}
	var local [MaxValue]byte
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !plainFloat(f) {
		return 0, false
	}
	return f, string(strconv.AppendFloat(local[:0], f, 'f', -1, 64)) == string(text)
}

// appendFloat prints the float64 of these bits.
func appendFloat(dst []byte, bits int64) []byte {
	return strconv.AppendFloat(dst, math.Float64frombits(uint64(bits)), 'f', -1, 64)
}

const (
	maxUlps    = 8  // a value further from a short decimal is not one
	maxUlpDecs = 12 // decimals of a short decimal
)

var floatPow10 = [maxUlpDecs + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// nearDecimal gives the decimal nearest to the float64 of these bits, as a mantissa, and how many floats it is away.
func nearDecimal(bits int64, decs int) (mant, ulps int64, ok bool) {
	f := math.Float64frombits(uint64(bits))
	m := math.RoundToEven(f * floatPow10[decs])
	if math.Abs(m) > 1e14 {
		return 0, 0, false
	}
	mant = int64(m)
	ulps = bits - ulpBase(mant, decs)
	return mant, ulps, ulps >= -maxUlps && ulps <= maxUlps
}

// ulpBase is the bits of the float64 nearest to a decimal.
func ulpBase(mant int64, decs int) int64 {
	return int64(math.Float64bits(float64(mant) / floatPow10[decs]))
}

// nearDecimals gives the least number of decimals under which all floats are near decimals; false if there is none.
func nearDecimals(bits []int64) (decs int, ok bool) {
	for i := 0; i < len(bits); {
		if _, _, near := nearDecimal(bits[i], decs); near {
			i++
		} else if decs++; decs > maxUlpDecs {
			return 0, false
		} else {
			i = 0
		}
	}
	return decs, true
}
