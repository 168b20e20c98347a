package keyspace

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// ParseFloat reads a float argument as Redis' string2d does, that is as C's strtod without leading space, NaN or
// a magnitude out of range.
func ParseFloat(b []byte) (float64, bool) {
	if f, ok := parseDecimal(b); ok {
		return f, true
	}
	if len(b) == 0 || isSpace(b[0]) {
		return 0, false
	}
	f, outOfRange, ok := strtod(b)
	return f, ok && !outOfRange
}

// parseDecimal is the fast path: a sign, at most 15 digits, at most one point. The result is exact, because both the
// digits and the power of ten are.
func parseDecimal(b []byte) (float64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 16 {
		return 0, false
	}
	mantissa, seen, point := int64(0), 0, -1
	for i, ch := range digits {
		switch {
		case ch >= '0' && ch <= '9':
			mantissa = mantissa*10 + int64(ch-'0')
			seen++
		case ch == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	if seen == 0 || seen > 15 {
		return 0, false
	}
	f := float64(mantissa)
	if point >= 0 {
		f /= pow10[len(digits)-1-point]
	}
	if len(digits) < len(b) {
		f = -f // keeps the sign of −0
	}
	return f, true
}

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// strtod reads the whole of b as C does: leading space, sign, inf, hexadecimal. NaN is not ok.
func strtod(b []byte) (f float64, outOfRange, ok bool) {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	s := string(b)
	if strings.ContainsRune(s, '_') {
		return 0, false, false
	}
	if isHex(s) && !strings.ContainsAny(s, "pP") {
		s += "p0" // Go wants the exponent, C does not
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil && math.IsInf(f, 0):
		return f, true, true
	case err != nil || math.IsNaN(f):
		return 0, false, false
	case f == 0 && hasDigit(s):
		return f, true, true // underflow
	}
	return f, false, true
}

func isSpace(ch byte) bool { return ch == ' ' || ch >= '\t' && ch <= '\r' }

func isHex(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')
}

// hasDigit says whether the mantissa of a number has a digit other than 0.
func hasDigit(s string) bool {
	if isHex(s) {
		s = strings.TrimLeft(s, "+-")[2:]
		s, _, _ = strings.Cut(strings.ToLower(s), "p")
		return strings.ContainsAny(s, "123456789abcdef")
	}
	s, _, _ = strings.Cut(strings.ToLower(s), "e")
	return strings.ContainsAny(s, "123456789")
}

// ScoreRange is a range of scores; MinEx and MaxEx say that a bound is not part of it.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

// ParseScoreRange reads min and max as Redis does: strtod with "(" before an exclusive bound; "" is 0.
func ParseScoreRange(min, max []byte) (r ScoreRange, ok bool) {
	var okMin, okMax bool
	r.Min, r.MinEx, okMin = parseBound(min)
	r.Max, r.MaxEx, okMax = parseBound(max)
	return r, okMin && okMax
}

func parseBound(b []byte) (f float64, exclusive, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		exclusive, b = true, b[1:]
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i] // C's string ends here
	}
	if len(b) == 0 {
		return 0, exclusive, true
	}
	if f, ok = parseDecimal(b); ok {
		return f, exclusive, true
	}
	f, _, ok = strtod(b)
	return f, exclusive, ok
}

// Below says that a score lies before the range.
func (r ScoreRange) Below(score float64) bool { return score < r.Min || r.MinEx && score == r.Min }

// Reaches says that a score does not lie behind the range.
func (r ScoreRange) Reaches(score float64) bool { return score < r.Max || !r.MaxEx && score == r.Max }

// lexBound is an end of a range of members: an infinity, or the text.
type lexBound struct {
	inf       int // −1 and +1: the text is not used
	text      []byte
	exclusive bool
}

// LexRange is a range of members.
type LexRange struct{ min, max lexBound }

// ParseLexRange reads min and max: - and + are the ends, ( and [ stand before an exclusive and an inclusive bound.
func ParseLexRange(min, max []byte) (r LexRange, ok bool) {
	var okMin, okMax bool
	r.min, okMin = parseLexBound(min)
	r.max, okMax = parseLexBound(max)
	return r, okMin && okMax
}

func parseLexBound(b []byte) (lexBound, bool) {
	switch {
	case string(b) == "-":
		return lexBound{inf: -1}, true
	case string(b) == "+":
		return lexBound{inf: 1}, true
	case len(b) > 0 && (b[0] == '(' || b[0] == '['):
		return lexBound{text: b[1:], exclusive: b[0] == '('}, true
	}
	return lexBound{}, false
}

// compare is like bytes.Compare of member and bound.
func (l lexBound) compare(member []byte) int {
	if l.inf != 0 {
		return -l.inf
	}
	return bytes.Compare(member, l.text)
}

// Below says that a member lies before the range.
func (r LexRange) Below(member []byte) bool {
	n := r.min.compare(member)
	return n < 0 || n == 0 && r.min.exclusive
}

// Reaches says that a member does not lie behind the range.
func (r LexRange) Reaches(member []byte) bool {
	n := r.max.compare(member)
	return n < 0 || n == 0 && !r.max.exclusive
}

// LongDoubleBits and LongDoubleMax are the precision of C's long double on x86-64, in bits of mantissa, and its range,
// as a binary exponent.
const (
	LongDoubleBits    = 64
	LongDoubleMax     = 16384
	longDoubleDecimal = 5000
)

// ParseLongDouble reads a number as C's strtold does. nil: not a number, or out of range.
func ParseLongDouble(b []byte) *big.Float {
	s := strings.ToLower(string(b))
	if len(s) == 0 || len(s) > 5*1024 || isSpace(s[0]) || strings.Contains(s, "_") {
		return nil
	}
	if mark := strings.LastIndexAny(s, "ep"); mark >= 0 && !isHex(s) {
		// Checked first: a huge exponent would cost a huge power.
		if n, err := strconv.Atoi(s[mark+1:]); err == nil && (n > longDoubleDecimal || n < -longDoubleDecimal) {
			if strings.Trim(s[:mark], "+-.0") != "" {
				return nil
			}
			s = s[:mark] // zero, whatever its exponent
		}
	} else if isHex(s) {
		return parseLongHex(s, b)
	}
	if strings.HasPrefix(strings.TrimLeft(s, "+-"), "0") && strings.ContainsAny(s, "bo") {
		return nil // Go's binary and octal prefixes
	}
	f, _, err := big.ParseFloat(s, 10, LongDoubleBits, big.ToNearestEven)
	if err != nil || !f.IsInf() && f.MantExp(nil) > LongDoubleMax || underflows(f) {
		return nil
	}
	return f
}

// parseLongHex is ParseLongDouble of a hexadecimal number; s is b in lower case.
func parseLongHex(s string, b []byte) *big.Float {
	if _, _, ok := strtod(b); !ok {
		return nil
	}
	if !hasDigit(s) {
		return new(big.Float).SetPrec(LongDoubleBits) // zero, whatever its exponent
	}
	if !strings.Contains(s, "p") {
		s += "p0"
	}
	f, _, err := big.ParseFloat(s, 0, LongDoubleBits, big.ToNearestEven)
	if err != nil || f.IsInf() || f.MantExp(nil) > LongDoubleMax || underflows(f) {
		return nil
	}
	return f
}

// underflows says whether f, which is not zero, becomes zero as a long double: it is at most half the smallest one.
func underflows(f *big.Float) bool {
	half := new(big.Float).SetMantExp(big.NewFloat(1), -16446)
	return f.Sign() != 0 && new(big.Float).Abs(f).Cmp(half) <= 0
}

// AppendLongDouble prints as Redis' ld2string does: %.17Lf without trailing zeros.
func AppendLongDouble(dst []byte, f *big.Float) []byte {
	text := f.Text('f', 17)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		text = "0"
	}
	return append(dst, text...)
}
