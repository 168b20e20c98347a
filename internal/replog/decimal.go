package replog

// The flags of a point. The value's are six bits: a decimal's sign and decimals, or a text's length.
const (
	flagNext     = 1 << 0 // the series is the one after the one before, and not spelled
	flagSameTime = 1 << 1 // time and fraction digits are those of the point before
	flagNegative = 1 << 6
	flagText     = 1 << 7 // the value is text

	decimalsShift = 2
	mostDecimals  = 15
	textShift     = 2
	longText      = 31 // the length follows

	mostDigits = 18
)

// decimal is a number as it is written: its digits without the point, and how many of them are behind it.
type decimal struct {
	mant     uint64
	decimals uint8
	negative bool
}

// parseDecimal reads -?(0|[1-9][0-9]*)(\.[0-9]+)? of at most 18 digits, 15 of them behind the point. Whatever it reads
// append writes.
func parseDecimal(b []byte) (d decimal, ok bool) {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		d.negative = true
		i = 1
	}
	if len(b)-i > mostDigits+1 || i == len(b) {
		return d, false
	}
	first, dot := i, len(b)
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			if b[i] != '.' || dot < len(b) {
				return d, false
			}
			dot = i
			continue
		}
		d.mant = d.mant*10 + uint64(c)
	}
	digits := len(b) - first
	if dot < len(b) {
		d.decimals = uint8(len(b) - dot - 1)
		digits--
	}
	whole := dot - first
	return d, whole > 0 && (whole == 1 || b[first] != '0') && digits <= mostDigits &&
		(dot == len(b) || d.decimals > 0 && d.decimals <= mostDecimals)
}

func (d decimal) flags() byte {
	f := d.decimals << decimalsShift
	if d.negative {
		f |= flagNegative
	}
	return f
}

// append writes the number. A mantissa of more than 18 digits, which parseDecimal does not read, has at most 20.
func (d decimal) append(dst []byte) []byte {
	var buf [24]byte
	i := len(buf)
	m, left := d.mant, int(d.decimals)
	for {
		i--
		buf[i] = byte('0' + m%10)
		m /= 10
		if left--; left == 0 {
			i--
			buf[i] = '.'
		}
		if m == 0 && left < 0 {
			break
		}
	}
	if d.negative {
		i--
		buf[i] = '-'
	}
	return append(dst, buf[i:]...)
}
