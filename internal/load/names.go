package load

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// names holds what stays the same of every series, encoded once: a point then costs a copy.
type names struct {
	metrics int
	kind    nameKind
	bytes   []byte
	ends    []uint32 // where series i ends in bytes; it begins where the one before ends
	days    [2]dayText
}

// dayText is the text of a day; the two of a load's present and previous day are kept.
type dayText struct {
	number int64
	text   [len("2006-01-02")]byte
}

type nameKind uint8

const (
	keyNames    nameKind = iota // a bulk string period:host:metric, the period to be filled in
	seriesNames                 // a bulk string host:metric
	labelNames                  // the labels of a TimeSeries message
)

func (f Form) nameKind() nameKind {
	switch f {
	case MADD, MADDT:
		return seriesNames
	case Write:
		return labelNames
	}
	return keyNames
}

func newNames(kind nameKind, f *fleet.Fleet) *names {
	n := &names{metrics: f.Metrics(), kind: kind, days: [2]dayText{{number: -1}, {number: -1}}}
	for h := range f.Hosts() {
		for m := range f.Metrics() {
			n.bytes = n.appendName(n.bytes, hostName(h), f.Name(m))
			n.ends = append(n.ends, uint32(len(n.bytes)))
		}
	}
	return n
}

func hostName(h int) string { return fmt.Sprintf("bench-%05d", h) }

func (n *names) appendName(dst []byte, host, metric string) []byte {
	switch n.kind {
	case seriesNames:
		return appendBulk(dst, []byte(host+":"+metric))
	case labelNames:
		dst = appendLabel(dst, "__name__", strings.ReplaceAll(metric, ".", "_"))
		return appendLabel(dst, "host", host)
	}
	return appendBulk(dst, []byte("2006-01-02:"+host+":"+metric))
}

// clone gives names with days of its own, for one goroutine.
func (n *names) clone() *names {
	c := *n
	return &c
}

// append adds the name of a series for points of the given second.
func (n *names) append(dst []byte, host, metric int32, at int64) []byte {
	i := int(host)*n.metrics + int(metric)
	begin := uint32(0)
	if i > 0 {
		begin = n.ends[i-1]
	}
	name := n.bytes[begin:n.ends[i]]
	if n.kind != keyNames {
		return append(dst, name...)
	}
	number := at / 86400
	d := &n.days[number&1]
	if d.number != number {
		d.number = number
		time.Unix(at, 0).UTC().AppendFormat(d.text[:0], "2006-01-02")
	}
	// A key is 10 to 99 bytes long or more: its day stands behind $ and the digits of the length.
	from := len(dst) + len("$nn\r\n")
	dst = append(dst, name...)
	for dst[from-1] != '\n' {
		from++
	}
	copy(dst[from:], d.text[:])
	return dst
}

// key is the key of a series as text.
func (n *names) key(host, metric int, at int64) string {
	bulk := string(n.append(nil, int32(host), int32(metric), at))
	_, text, _ := strings.Cut(strings.TrimSuffix(bulk, "\r\n"), "\r\n")
	return text
}

func appendBulk[T []byte | string](dst []byte, b T) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(b)), 10)
	dst = append(dst, '\r', '\n')
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// appendHead begins a command of n words.
func appendHead(dst []byte, n int, name string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, '\r', '\n')
	return appendBulk(dst, name)
}

// AppendCommand adds a whole command.
func AppendCommand(dst []byte, name string, args ...string) []byte {
	dst = appendHead(dst, 1+len(args), name)
	for _, a := range args {
		dst = appendBulk(dst, a)
	}
	return dst
}
