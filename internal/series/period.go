package series

import (
	"fmt"
	"time"
)

// Layout is how a flock writes the period in its keys, and with it how long a period is.
type Layout uint8

// The four layouts. A flock uses exactly one, all in UTC.
const (
	Day         Layout = iota // 2006-01-02
	Hour                      // 2006-01-02T15
	DayCompact                // 20060102
	HourCompact               // 2006010215
)

const (
	hourMillis = int64(time.Hour / time.Millisecond)
	dayMillis  = 24 * hourMillis
	// maxMillis is the last millisecond of the year 9999: later years do not fit the layouts.
	maxMillis = 253402300800000 - 1
)

// Period is a day or an hour (as the flock's layout says), counted from 1970-01-01T00 UTC. It is the unit of dropping.
type Period int32

// String gives the layout in Go's reference time, as the topology file writes it.
func (l Layout) String() string {
	return [...]string{"2006-01-02", "2006-01-02T15", "20060102", "2006010215"}[l]
}

// ParseLayout reads what String writes.
func ParseLayout(s string) (Layout, error) {
	for l := Day; l <= HourCompact; l++ {
		if s == l.String() {
			return l, nil
		}
	}
	return 0, fmt.Errorf("layout %q: want 2006-01-02, 2006-01-02T15, 20060102 or 2006010215", s)
}

// Hourly says whether the periods of the layout are hours.
func (l Layout) Hourly() bool { return l == Hour || l == HourCompact }

// Millis is the length of a period.
func (l Layout) Millis() int64 {
	if l.Hourly() {
		return hourMillis
	}
	return dayMillis
}

// PeriodOf is the period that holds the instant tsMillis (ms since 1970, not negative).
func (l Layout) PeriodOf(tsMillis int64) Period { return Period(tsMillis / l.Millis()) }

// Span is the first and the last millisecond of p.
func (l Layout) Span(p Period) (firstMillis, lastMillis int64) {
	firstMillis = int64(p) * l.Millis()
	return firstMillis, firstMillis + l.Millis() - 1
}

// PeriodString writes p as it stands in keys.
func (l Layout) PeriodString(p Period) string { return string(l.AppendPeriod(nil, p)) }

// AppendPeriod appends p as it stands in keys.
func (l Layout) AppendPeriod(dst []byte, p Period) []byte {
	days, hour := int64(p), int64(0)
	if l.Hourly() {
		days, hour = int64(p)/24, int64(p)%24
	}
	y, m, d := civil(days)
	dst = append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10))
	dashed := l == Day || l == Hour
	for _, n := range [2]int64{m, d} {
		if dashed {
			dst = append(dst, '-')
		}
		dst = append(dst, byte('0'+n/10), byte('0'+n%10))
	}
	if l.Hourly() {
		if dashed {
			dst = append(dst, 'T')
		}
		dst = append(dst, byte('0'+hour/10), byte('0'+hour%10))
	}
	return dst
}

// ParsePeriod reads a period in exactly this layout. It reports false for anything else, impossible dates included.
func (l Layout) ParsePeriod(b []byte) (Period, bool) {
	got, p, ok := scanPeriod(b)
	return p, ok && got == l
}

// scanPeriod reads a period in any layout. ok is false when b is not a date that exists.
func scanPeriod(b []byte) (l Layout, p Period, ok bool) {
	l, shaped := periodShape(b)
	if !shaped {
		return 0, 0, false
	}
	md, hour := b[4:], int64(0)
	if l == Day || l == Hour {
		md = b[5:]
	}
	y, m, d := two(b)*100+two(b[2:]), two(md), two(md[len(md)-2:])
	switch l {
	case Day, DayCompact:
	case Hour:
		d, hour = two(b[8:]), two(b[11:])
	case HourCompact:
		d, hour = two(b[6:]), two(b[8:])
	}
	if y < 1970 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) || hour > 23 {
		return l, 0, false
	}
	days := daysFromCivil(y, m, d)
	if l.Hourly() {
		return l, Period(days*24 + hour), true
	}
	return l, Period(days), true
}

// two reads two digits.
func two(b []byte) int64 { return int64(b[0]-'0')*10 + int64(b[1]-'0') }

// periodShape says whether b has digits and separators where one of the layouts has them.
func periodShape(b []byte) (Layout, bool) {
	switch {
	case len(b) == 10 && b[4] == '-':
		return Day, b[7] == '-' && digits(b[:4]) && digits(b[5:7]) && digits(b[8:])
	case len(b) == 10:
		return HourCompact, digits(b)
	case len(b) == 13:
		return Hour, b[4] == '-' && b[7] == '-' && b[10] == 'T' &&
			digits(b[:4]) && digits(b[5:7]) && digits(b[8:10]) && digits(b[11:])
	case len(b) == 8:
		return DayCompact, digits(b)
	}
	return 0, false
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// daysFromCivil counts the days from 1970-01-01 to y-m-d in the proleptic Gregorian calendar. Years start in March
// here, so that the leap day is the last day of a year; 719468 is the distance from 0000-03-01 to 1970-01-01.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}

// civil is the inverse of daysFromCivil for days at or after 1970-01-01.
func civil(days int64) (y, m, d int64) {
	t := time.Unix(days*86400, 0).UTC()
	return int64(t.Year()), int64(t.Month()), int64(t.Day())
}

func daysIn(y, m int64) int64 {
	switch {
	case m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}
