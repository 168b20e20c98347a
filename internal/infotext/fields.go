package infotext

import (
	"strconv"
	"strings"
)

// Fields are names and values.
type Fields map[string]string

// Parse reads the text of INFO, without the names of its sections.
func Parse(text string) Fields {
	f := Fields{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			f[k] = v
		}
	}
	return f
}

// Pairs reads a=1,b=2.
func Pairs(text string) Fields {
	f := Fields{}
	for part := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			f[k] = v
		}
	}
	return f
}

// Number gives a field that is a whole number.
func (f Fields) Number(name string) int64 { return Number(f[name]) }

// Number reads a whole number, 0 for what is none.
func Number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
