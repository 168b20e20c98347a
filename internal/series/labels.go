package series

import "bytes"

// checkLabels accepts a metric without braces, or name{a="b",c="d"}: label names sorted and distinct, values quoted
// with \\, \" and \n as the only escapes, no spaces. One set of labels has exactly one spelling, so one series.
func checkLabels(metric []byte) error {
	open := bytes.IndexByte(metric, '{')
	if open < 0 {
		if bytes.IndexByte(metric, '}') >= 0 {
			return ErrLabels
		}
		return nil
	}
	rest := metric[open+1:]
	var last []byte
	for {
		name := labelName(rest)
		if len(name) == 0 || last != nil && bytes.Compare(last, name) >= 0 {
			return ErrLabels
		}
		last = name
		rest = rest[len(name):]
		if len(rest) < 2 || rest[0] != '=' || rest[1] != '"' {
			return ErrLabels
		}
		n := quotedLen(rest[2:])
		if n < 0 {
			return ErrLabels
		}
		rest = rest[2+n+1:]
		if len(rest) == 1 && rest[0] == '}' {
			return nil
		}
		if len(rest) == 0 || rest[0] != ',' {
			return ErrLabels
		}
		rest = rest[1:]
	}
}

// labelName is the longest prefix that may name a label: [a-zA-Z_][a-zA-Z0-9_]*.
func labelName(b []byte) []byte {
	for i, c := range b {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return b[:i]
		}
	}
	return b
}

// quotedLen is the length up to the closing quote, or -1.
func quotedLen(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
			if i == len(b) || b[i] != '\\' && b[i] != '"' && b[i] != 'n' {
				return -1
			}
		}
	}
	return -1
}
