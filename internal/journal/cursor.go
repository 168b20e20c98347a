package journal

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Lengths in ms.
const (
	HourMillis = int64(time.Hour / time.Millisecond)
	// SlackMillis is how far below the newest timestamp a member may land without an entry in dn:late.
	SlackMillis = 60_000
)

// HourLayout is how an hour stands in dn:late and in DN.HOURSUMS.
const HourLayout = "2006-01-02T15"

var errCursor = errors.New("want journal score, late score and epoch")

// Micros reads a journal score of unknown unit by its magnitude: seconds below 1e11 (the year 5138), ms below 1e14,
// µs above. It gives µs since 1970, 0 for what is no time.
func Micros(score float64) int64 {
	switch {
	case math.IsNaN(score) || score <= 0 || score >= 1e17:
		return 0
	case score < 1e11:
		return int64(score * 1e6)
	case score < 1e14:
		return int64(score * 1e3)
	}
	return int64(score)
}

// Window is a range of scores, both ends inclusive.
type Window struct{ From, To float64 }

// Windows gives the ranges of a seed-style journal that hold everything from the instant fromMicros on, one per unit.
func Windows(fromMicros int64) [3]Window {
	us := float64(max(fromMicros, 0))
	return [3]Window{
		{math.Floor(us / 1e6), 1e11 - 1},
		{max(math.Floor(us/1e3), 1e11), 1e14 - 1},
		{max(us, 1e14), math.Inf(1)},
	}
}

// TailFrom is the timestamp (ms) from which a key is pulled whose newest known timestamp is markMillis; 0 = never seen.
func TailFrom(markMillis int64) int64 { return max(markMillis-SlackMillis, 0) }

// HourOf is the hour (since 1970) of a timestamp in ms.
func HourOf(tsMillis int64) int64 { return tsMillis / HourMillis }

// HourSpan is the first and the last ms of an hour.
func HourSpan(hour int64) (firstMillis, lastMillis int64) {
	return hour * HourMillis, hour*HourMillis + HourMillis - 1
}

// FormatHour writes an hour as 2006-01-02T15.
func FormatHour(hour int64) string { return time.Unix(hour*3600, 0).UTC().Format(HourLayout) }

// ParseHour reads what FormatHour writes.
func ParseHour(s string) (hour int64, ok bool) {
	t, err := time.Parse(HourLayout, s)
	if err != nil || t.Unix() < 0 || len(s) != len(HourLayout) {
		return 0, false
	}
	return t.Unix() / 3600, true
}

// LateMember is the member of dn:late for an hour of a key.
func LateMember(key string, hour int64) string { return key + "#" + FormatHour(hour) }

// SplitLate reads a member of dn:late. A metric may hold '#': the last one counts.
func SplitLate(member string) (key string, hour int64, ok bool) {
	i := strings.LastIndexByte(member, '#')
	if i < 0 {
		return "", 0, false
	}
	hour, ok = ParseHour(member[i+1:])
	return member[:i], hour, ok
}

// FormatCursor writes a cursor as it stands in dn:cursors. The epoch comes last: it is the peer's, and may be any text.
func FormatCursor(epoch string, journal, late int64) string {
	return fmt.Sprintf("%d %d %s", journal, late, epoch)
}

// ParseCursor reads what FormatCursor writes. The empty string is the zero cursor.
func ParseCursor(s string) (epoch string, journal, late int64, err error) {
	if s == "" {
		return "", 0, 0, nil
	}
	f := strings.SplitN(s, " ", 3)
	if len(f) != 3 {
		return "", 0, 0, fmt.Errorf("cursor %q: %w", s, errCursor)
	}
	if journal, late, err = ParseMark(f[0] + " " + f[1]); err != nil {
		return "", 0, 0, fmt.Errorf("cursor %q: %w", s, errCursor)
	}
	return f[2], journal, late, nil
}

// FormatMark writes a mark as it stands in dn:marks: timestamp in ms, journal score in µs.
func FormatMark(tsMillis, score int64) string {
	return strconv.FormatInt(tsMillis, 10) + " " + strconv.FormatInt(score, 10)
}

// ParseMark reads what FormatMark writes. The empty string is the zero mark.
func ParseMark(s string) (tsMillis, score int64, err error) {
	if s == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(s, " ")
	if tsMillis, err = strconv.ParseInt(a, 10, 64); err == nil {
		score, err = strconv.ParseInt(b, 10, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("mark %q: %w", s, err)
	}
	return tsMillis, score, nil
}
