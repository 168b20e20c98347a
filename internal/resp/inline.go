package resp

import "bytes"

// inline takes a command that a person typed: words up to the end of the line.
func (p *Parser) inline(dst [][]byte, b []byte) (args [][]byte, used int, err error) {
	if b[0] == 0x16 {
		return dst, 0, ErrHTTP // the first byte of a TLS handshake
	}
	limit := p.Limits.Inline
	if p.Unauth {
		limit = min(limit, p.Limits.UnauthBulk)
	}
	i := bytes.IndexByte(b[p.pos:min(len(b), limit+1)], '\n')
	if i < 0 {
		if len(b) > limit {
			return dst, 0, ProtocolError("too big inline request")
		}
		p.pos = len(b)
		return dst, 0, nil
	}
	end := p.pos + i
	p.pos = 0
	line := bytes.TrimSuffix(b[:end], []byte{'\r'})
	if isHTTP(line) {
		return dst, 0, ErrHTTP
	}
	from := len(dst)
	dst, ok := p.split(dst, line)
	switch {
	case !ok:
		return dst[:from], 0, ProtocolError("unbalanced quotes in request")
	case p.Unauth && len(dst)-from > p.Limits.UnauthArgs:
		return dst[:from], 0, ProtocolError("unauthenticated multibulk length")
	}
	return dst, end + 1, nil
}

// isHTTP recognizes a request line, and the Host header that every browser sends.
func isHTTP(line []byte) bool {
	word, rest, _ := bytes.Cut(line, []byte{' '})
	switch string(bytes.ToUpper(word)) {
	case "POST", "HOST:":
		return true
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE":
		return len(rest) > 0 && rest[0] == '/' || bytes.Contains(rest, []byte(" HTTP/"))
	case "CONNECT", "PRI":
		return bytes.Contains(rest, []byte(" HTTP/"))
	}
	return false
}

// split cuts a line into words as redis-server does (sdssplitargs): words in double quotes know \n \r \t \b \a \xHH
// and \c, words in single quotes only \'. A closing quote must end its word.
func (p *Parser) split(dst [][]byte, line []byte) (words [][]byte, ok bool) {
	if cap(p.words) < len(line) {
		p.words = make([]byte, 0, len(line))
	}
	mem := p.words[:0] // never grows beyond line, so words that point into it stay valid
	for {
		for len(line) > 0 && isSpace(line[0]) {
			line = line[1:]
		}
		if len(line) == 0 {
			p.words = nil // the words belong to the caller until the next read
			return dst, true
		}
		from := len(mem)
		mem, line, ok = word(mem, line)
		if !ok {
			return dst, false
		}
		dst = append(dst, mem[from:len(mem):len(mem)])
	}
}

// word appends the first word of line to dst.
func word(dst, line []byte) (word, rest []byte, ok bool) {
	for len(line) > 0 {
		switch c := line[0]; {
		case isSpace(c) || c == 0:
			return dst, line[1:], true
		case c == '"' || c == '\'':
			dst, line, ok = quoted(dst, line[1:], c)
			if !ok || len(line) > 0 && !isSpace(line[0]) {
				return dst, line, false
			}
			return dst, line, true
		default:
			dst = append(dst, c)
			line = line[1:]
		}
	}
	return dst, line, true
}

// quoted appends up to the closing quote.
func quoted(dst, line []byte, quote byte) (word, rest []byte, ok bool) {
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			return dst, line[i+1:], true
		case c == '\\' && quote == '"' && i+1 < len(line):
			if i+3 < len(line) && line[i+1] == 'x' && hex(line[i+2]) >= 0 && hex(line[i+3]) >= 0 {
				dst = append(dst, byte(hex(line[i+2])<<4|hex(line[i+3])))
				i += 3
				continue
			}
			i++
			dst = append(dst, unescape(line[i]))
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
			dst = append(dst, '\'')
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
