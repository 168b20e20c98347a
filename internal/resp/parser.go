package resp

import (
	"bytes"
	"errors"
)

// ErrHTTP: the peer speaks HTTP or TLS. The connection is closed without a word, so that no browser can be talked
// into sending commands.
var ErrHTTP = errors.New("a client that speaks HTTP or TLS")

// ProtocolError is what redis-server 7.0.15 answers before it closes the connection, without "ERR Protocol error: ".
type ProtocolError string

func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// headerMax is the longest line that announces a length: sign, 19 digits, type byte and some slack.
const headerMax = 32

// Parser cuts commands out of a buffer without copying. It keeps its place in an unfinished command, so bytes that
// trickle in are looked at once. The zero value is not usable: set Limits.
type Parser struct {
	Limits *Limits
	Unauth bool // the narrower limits apply

	pos   int    // how far the unfinished command was parsed, from its first byte
	left  int    // arguments still to come
	bulk  int    // length of the argument that is being read, -1 when its header comes next
	spans []span // arguments of the unfinished command so far
	words []byte // memory of the arguments of an inline command with quotes
}

// span is where an argument lies, from the first byte of its command.
type span struct{ at, len int32 }

// Next takes one command from the front of b and appends its arguments, which point into b, to dst. used is its
// length in bytes; 0 means that it is not complete: call again with the same bytes and more. A command without
// arguments (an empty line, "*0") is complete and empty.
func (p *Parser) Next(dst [][]byte, b []byte) (args [][]byte, used int, err error) {
	if len(b) == 0 {
		return dst, 0, nil
	}
	if b[0] != '*' {
		return p.inline(dst, b)
	}
	if p.pos == 0 {
		n, end, err := length(b, 0, "too big mbulk count string", "invalid multibulk length")
		switch {
		case err != nil || end == 0:
			return dst, 0, err
		case n > int64(p.Limits.Args):
			return dst, 0, ProtocolError("invalid multibulk length")
		case p.Unauth && n > int64(p.Limits.UnauthArgs):
			return dst, 0, ProtocolError("unauthenticated multibulk length")
		case n <= 0:
			return dst, end, nil
		}
		p.pos, p.left, p.bulk = end, int(n), -1
	}
	for p.left > 0 {
		if ok, err := p.argument(b); err != nil || !ok {
			return dst, 0, err
		}
	}
	for _, s := range p.spans {
		dst = append(dst, b[s.at:s.at+s.len:s.at+s.len])
	}
	used = p.pos
	p.reset()
	return dst, used, nil
}

// whole is Next for the commands that most are: up to 99 arguments of up to 999 bytes, all of it there, within every
// limit. It gives 0 for anything else and has then changed nothing.
func (p *Parser) whole(args *[][]byte, b []byte) (used int) {
	if p.pos != 0 || p.Unauth || p.Limits.Bulk < 999 || p.Limits.Args < 99 {
		return 0
	}
	n, at := shortLength(b, 0, '*')
	if n <= 0 || n > 99 {
		return 0
	}
	dst := *args
	for ; n > 0; n-- {
		size, from := shortLength(b, at, '$')
		at = from + size + 2
		if size < 0 || at > len(b) || b[at-2] != '\r' || b[at-1] != '\n' {
			return 0
		}
		dst = append(dst, b[from:at-2:at-2])
	}
	if at > p.Limits.Query {
		return 0
	}
	*args = dst
	return at
}

// shortLength reads a line such as "$12\r\n", of one to three digits, at b[at:]. n is -1 when it is anything else.
func shortLength(b []byte, at int, kind byte) (n, end int) {
	if len(b)-at < 6 || b[at] != kind {
		return -1, 0
	}
	line := b[at+1 : at+6]
	n = int(line[0]) - '0'
	if uint(n) > 9 {
		return -1, 0
	}
	i := 1
	for ; i < 3; i++ {
		d := int(line[i]) - '0'
		if uint(d) > 9 {
			break
		}
		n = n*10 + d
	}
	if line[i] != '\r' || line[i+1] != '\n' || i > 1 && line[0] == '0' {
		return -1, 0
	}
	return n, at + i + 3
}

// argument moves over one argument if all of it is there.
func (p *Parser) argument(b []byte) (ok bool, err error) {
	if p.bulk < 0 {
		if p.pos == len(b) {
			return false, nil
		}
		if c := b[p.pos]; c != '$' {
			return false, ProtocolError("expected '$', got '" + printable(c) + "'")
		}
		n, end, err := length(b, p.pos, "too big bulk count string", "invalid bulk length")
		switch {
		case err != nil || end == 0:
			return false, err
		case n < 0 || n > int64(p.Limits.Bulk) || int64(p.pos)+n > int64(p.Limits.Query):
			return false, ProtocolError("invalid bulk length")
		case p.Unauth && n > int64(p.Limits.UnauthBulk):
			return false, ProtocolError("unauthenticated bulk length")
		}
		p.pos, p.bulk = end, int(n)
	}
	end := p.pos + p.bulk
	if len(b) < end+2 {
		return false, nil
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return false, ProtocolError("invalid bulk length")
	}
	p.spans = append(p.spans, span{int32(p.pos), int32(p.bulk)})
	p.pos, p.bulk = end+2, -1
	p.left--
	return true, nil
}

func (p *Parser) reset() {
	p.pos, p.left = 0, 0
	p.spans = p.spans[:0]
	if cap(p.spans) > 128 {
		p.spans = nil // an idle connection keeps little
	}
}

// length reads a line such as "*3\r\n" at b[at:]. end is the offset behind it, 0 when the line is not complete.
func length(b []byte, at int, long, bad ProtocolError) (n int64, end int, err error) {
	line := b[at+1 : min(len(b), at+headerMax)]
	i := bytes.IndexByte(line, '\r')
	if i < 0 {
		if len(line) == headerMax-1 {
			return 0, 0, long
		}
		return 0, 0, nil
	}
	if at+1+i+1 == len(b) {
		return 0, 0, nil
	}
	n, ok := parseInt(line[:i])
	if !ok || b[at+1+i+1] != '\n' {
		return 0, 0, bad
	}
	return n, at + 1 + i + 2, nil
}

// parseInt reads a 64-bit integer as Redis' string2ll does: no plus, no leading zeros, no overflow.
func parseInt(b []byte) (n int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && (len(b) > 1 || neg) {
		return 0, false
	}
	var u uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case neg && u <= 1<<63:
		return -int64(u), true
	case u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

func printable(c byte) string {
	if c < 0x20 || c > 0x7e {
		return "?"
	}
	return string(rune(c))
}
