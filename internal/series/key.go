package series

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// Limits of the grammar, in bytes.
const (
	MaxKey   = 1024 // a whole key
	MaxHost  = 253  // a host, percent-decoded
	MaxValue = 128  // the value of a member
)

// ErrPlain: the key does not start with a period. It is an ordinary Redis key, local to its node.
var ErrPlain = errors.New("plain key")

// The reasons why a key that starts with a period is refused. Each reads on from "bad series key: ".
var (
	ErrKeyTooLong  = errors.New("longer than 1024 bytes")
	ErrDate        = errors.New("no such date")
	ErrLayout      = errors.New("the period is written in another layout than this flock's")
	ErrNoHost      = errors.New("no host: want period:host:metric")
	ErrHostTooLong = errors.New("host longer than 253 bytes")
	ErrHostEscape  = errors.New("host: write ':' as %3A and '%' as %25, nothing else escaped")
	ErrNoMetric    = errors.New("no metric: want period:host:metric")
	ErrText        = errors.New("control characters or invalid UTF-8")
	ErrLabels      = errors.New(`metric: labels must be canonical, name{a="b",c="d"} sorted by name`)
)

// Key is a parsed series key. Its bytes belong to whoever called ParseKey.
type Key struct {
	Period  Period
	Series  []byte // host:metric, as in the key
	hostLen int
}

// Host is the host as in the key, percent-encoded.
func (k Key) Host() []byte { return k.Series[:k.hostLen] }

// Metric is everything after the host's colon.
func (k Key) Metric() []byte { return k.Series[k.hostLen+1:] }

// Clone copies the bytes the key refers to.
func (k Key) Clone() Key {
	k.Series = bytes.Clone(k.Series)
	return k
}

// ParseKey reads a series key in layout l. ErrPlain means an ordinary Redis key; any other error means a key that
// starts with a period but is refused.
func (l Layout) ParseKey(b []byte) (Key, error) {
	colon := bytes.IndexByte(b[:min(len(b), 14)], ':')
	if colon < 0 {
		return Key{}, ErrPlain
	}
	got, p, ok := scanPeriod(b[:colon])
	switch {
	case !ok && dashed(b[:colon]):
		return Key{}, ErrDate
	case !ok: // no period, or eight or ten digits that are no date: a number, such as a Unix time
		return Key{}, ErrPlain
	case got != l:
		return Key{}, ErrLayout
	case len(b) > MaxKey:
		return Key{}, ErrKeyTooLong
	}
	k, err := ParseSeries(b[colon+1:])
	k.Period = p
	return k, err
}

// dashed says whether b is written like a date with dashes, whether or not there is such a date.
func dashed(b []byte) bool {
	l, shaped := periodShape(b)
	return shaped && (l == Day || l == Hour)
}

// ParseSeries reads host:metric. The Period of the result is zero.
func ParseSeries(b []byte) (Key, error) {
	hostLen := bytes.IndexByte(b, ':')
	if hostLen <= 0 {
		return Key{}, ErrNoHost
	}
	if hostLen+1 == len(b) {
		return Key{}, ErrNoMetric
	}
	if err := checkHost(b[:hostLen]); err != nil {
		return Key{}, err
	}
	if !cleanText(b) {
		return Key{}, ErrText
	}
	if err := checkLabels(b[hostLen+1:]); err != nil {
		return Key{}, err
	}
	return Key{Series: b, hostLen: hostLen}, nil
}

// AppendKey appends k as it stands on the wire.
func (l Layout) AppendKey(dst []byte, k Key) []byte {
	dst = l.AppendPeriod(dst, k.Period)
	dst = append(dst, ':')
	return append(dst, k.Series...)
}

// AppendSeries appends host:metric for a host as people write it ("web1:9100", "::1"): it escapes ':' and '%'.
func AppendSeries(dst []byte, host, metric string) []byte {
	for i := range len(host) {
		switch c := host[i]; c {
		case ':':
			dst = append(dst, "%3A"...)
		case '%':
			dst = append(dst, "%25"...)
		default:
			dst = append(dst, c)
		}
	}
	dst = append(dst, ':')
	return append(dst, metric...)
}

// UnescapeHost gives the host as people write it. The host must come from a parsed key.
func UnescapeHost(host []byte) string {
	if bytes.IndexByte(host, '%') < 0 {
		return string(host)
	}
	out := bytes.ReplaceAll(host, []byte("%3A"), []byte(":"))
	return string(bytes.ReplaceAll(out, []byte("%25"), []byte("%")))
}

func checkHost(host []byte) error {
	n := len(host)
	for i := 0; i < len(host); i++ {
		if host[i] != '%' {
			continue
		}
		if i+2 >= len(host) || !(host[i+1] == '3' && host[i+2] == 'A' || host[i+1] == '2' && host[i+2] == '5') {
			return ErrHostEscape
		}
		n -= 2
		i += 2
	}
	if n > MaxHost {
		return ErrHostTooLong
	}
	return nil
}

// cleanText says whether b is valid UTF-8 without control characters (C0, DEL and C1).
func cleanText(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if b[i] < 0x20 || b[i] == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || r <= 0x9f {
			return false
		}
		i += n
	}
	return true
}
