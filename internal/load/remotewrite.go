package load

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/url"
	"strconv"

	"github.com/klauspost/compress/s2"
)

// post gathers the points of one remote write request (prometheus.WriteRequest of remote write 1.0): field 1 of the
// request is a TimeSeries, whose field 1 is a Label {1: name, 2: value} and whose field 2 is a Sample {1: double, 2:
// int64 milliseconds}.
type post struct {
	host, path, auth string // of the URL; auth is the Authorization header or ""

	request []byte
	series  []byte
	labels  []byte
	body    []byte
	samples int
}

func newPost(u *url.URL) *post {
	p := &post{host: u.Host, path: u.RequestURI()}
	if password, ok := u.User.Password(); ok {
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p
}

// add appends a series of one sample; labels are its encoded labels, in memory that post keeps.
func (r *post) add(labels []byte, p *point) {
	r.labels = labels
	r.series = append(r.series[:0], labels...)
	r.series = appendSample(r.series, p)
	r.flushSeries()
}

func (r *post) flushSeries() {
	r.request = append(r.request, 1<<3|2)
	r.request = binary.AppendUvarint(r.request, uint64(len(r.series)))
	r.request = append(r.request, r.series...)
	r.samples++
}

// end appends the request to dst as HTTP/1.1 and starts anew.
func (r *post) end(dst []byte) []byte {
	r.body = s2.EncodeSnappy(r.body[:cap(r.body)], r.request)
	dst = append(dst, "POST "+r.path+" HTTP/1.1\r\nHost: "+r.host+"\r\nUser-Agent: dunlin-bench\r\n"...)
	if r.auth != "" {
		dst = append(dst, "Authorization: "+r.auth+"\r\n"...)
	}
	dst = append(dst, "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"+
		"X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(r.body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, r.body...)
	r.request, r.samples = r.request[:0], 0
	return dst
}

func appendLabel(dst []byte, name, value string) []byte {
	dst = append(dst, 1<<3|2, byte(4+len(name)+len(value))) // the fields' heads are 4 bytes while each is shorter than 128
	dst = append(dst, 1<<3|2, byte(len(name)))
	dst = append(dst, name...)
	dst = append(dst, 2<<3|2, byte(len(value)))
	return append(dst, value...)
}

func appendSample(dst []byte, p *point) []byte {
	v, err := strconv.ParseFloat(string(p.value), 64)
	if err != nil {
		panic("BUG: the fleet made " + string(p.value))
	}
	millis := uint64(p.at * 1000)
	dst = append(dst, 2<<3|2, byte(1+8+1+uvarintSize(millis)), 1<<3|1)
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	dst = append(dst, 2<<3)
	return binary.AppendUvarint(dst, millis)
}

func uvarintSize(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}
