package load

import (
	"strconv"
)

// Batch is commands that go out with one write.
type Batch struct {
	Bytes    []byte
	Commands int
	Points   int // without the repeated
	Repeated int
}

func (b *Batch) reset() { *b = Batch{Bytes: b.Bytes[:0]} }

// encoder turns points into commands of a form.
type encoder struct {
	form   Form
	names  *names
	keys   *names // of the sorted sets that a fill writes
	dup    bool   // RedisTimeSeries refuses a point it has, unless told otherwise
	stamps [2]stamp

	args   []byte // of the command that a host's points are gathered for
	words  int
	at     int64 // timestamp of the gathered command
	post   *post // Write
	member []byte
}

// stamp is the text of a second.
type stamp struct {
	at   int64
	text []byte
}

func (e *encoder) seconds(at int64) []byte {
	s := &e.stamps[at&1]
	if s.at != at {
		s.at = at
		s.text = strconv.AppendInt(s.text[:0], at, 10)
	}
	return s.text
}

// add encodes one point. Grouped forms gather it until end.
func (e *encoder) add(b *Batch, p *point) {
	if p.repeat {
		b.Repeated++
	} else {
		b.Points++
	}
	switch e.form {
	case ZADD, ZADDJournal:
		e.zadd(b, p)
	case TSAdd:
		e.tsAdd(b, p)
	case Write:
		e.post.add(e.names.append(e.post.labels[:0], p.host, p.metric, p.at), p)
	case MADD:
		if e.words > 0 && e.at != p.at {
			e.end(b)
		}
		e.at = p.at
		e.args = e.names.append(e.args, p.host, p.metric, p.at)
		e.args = appendBulk(e.args, p.value)
		e.words += 2
	case MADDT:
		e.args = appendBulk(e.args, e.seconds(p.at))
		e.args = e.names.append(e.args, p.host, p.metric, p.at)
		e.args = appendBulk(e.args, p.value)
		e.words += 3
	case TSMAdd:
		e.args = e.names.append(e.args, p.host, p.metric, p.at)
		e.args = appendMillis(e.args, e.seconds(p.at))
		e.args = appendBulk(e.args, p.value)
		e.words += 3
	}
}

// perPoint is how many commands a point takes in forms that are not grouped.
func (e *encoder) perPoint() int {
	if e.form == ZADDJournal {
		return 2
	}
	return 1
}

func (e *encoder) zadd(b *Batch, p *point) {
	at := e.seconds(p.at)
	b.Bytes = append(b.Bytes, "*4\r\n$4\r\nZADD\r\n"...)
	key := len(b.Bytes)
	b.Bytes = e.names.append(b.Bytes, p.host, p.metric, p.at)
	keyEnd := len(b.Bytes)
	b.Bytes = appendBulk(b.Bytes, at)
	b.Bytes = appendMember(b.Bytes, at, p.value)
	b.Commands++
	if e.form == ZADDJournal {
		e.member = append(e.member[:0], b.Bytes[key:keyEnd]...)
		e.journal(b, at)
	}
}

// journal notes the key in e.member, encoded, as changed.
func (e *encoder) journal(b *Batch, at []byte) {
	b.Bytes = append(b.Bytes, "*4\r\n$4\r\nZADD\r\n$7\r\njournal\r\n"...)
	b.Bytes = appendBulk(b.Bytes, at)
	b.Bytes = append(b.Bytes, e.member...)
	b.Commands++
}

func (e *encoder) tsAdd(b *Batch, p *point) {
	if e.dup {
		b.Bytes = append(b.Bytes, "*6\r\n$6\r\nTS.ADD\r\n"...)
	} else {
		b.Bytes = append(b.Bytes, "*4\r\n$6\r\nTS.ADD\r\n"...)
	}
	b.Bytes = e.names.append(b.Bytes, p.host, p.metric, p.at)
	b.Bytes = appendMillis(b.Bytes, e.seconds(p.at))
	b.Bytes = appendBulk(b.Bytes, p.value)
	if e.dup {
		b.Bytes = append(b.Bytes, "$12\r\nON_DUPLICATE\r\n$4\r\nLAST\r\n"...)
	}
	b.Commands++
}

// end closes the command of a host's points.
func (e *encoder) end(b *Batch) {
	if e.words == 0 {
		return
	}
	switch e.form {
	case MADD:
		b.Bytes = appendHead(b.Bytes, 2+e.words, "DN.MADD")
		b.Bytes = appendBulk(b.Bytes, e.seconds(e.at))
	case MADDT:
		b.Bytes = appendHead(b.Bytes, 1+e.words, "DN.MADDT")
	case TSMAdd:
		b.Bytes = appendHead(b.Bytes, 1+e.words, "TS.MADD")
	}
	b.Bytes = append(b.Bytes, e.args...)
	b.Commands++
	e.args, e.words = e.args[:0], 0
}

// appendMember adds ts:value as a bulk string.
func appendMember(dst, at, value []byte) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(at)+1+len(value)), 10)
	dst = append(dst, '\r', '\n')
	dst = append(dst, at...)
	dst = append(dst, ':')
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}

// appendMillis adds a second as milliseconds, a bulk string.
func appendMillis(dst, seconds []byte) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(seconds)+3), 10)
	dst = append(dst, '\r', '\n')
	dst = append(dst, seconds...)
	return append(dst, "000\r\n"...)
}
