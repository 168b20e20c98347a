package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dunlin-db/dunlin/internal/series"
)

// MaxLine is the longest line, in bytes.
const MaxLine = 4096

// batchLines is how many points go to the sink at once.
const batchLines = 1000

// The reasons why a line is refused, beside those of the grammar of points.
var (
	ErrFields  = errors.New("want: host metric ts value")
	ErrTooLong = fmt.Errorf("line longer than %d bytes", MaxLine)
)

// Point is one line.
type Point struct {
	Host, Metric string
	TS           int64 // ms since 1970
	Value        string
	Line         int // from 1
}

// Sink takes points. It blocks as long as it can take no more; its error ends the reading.
type Sink func(ctx context.Context, points []Point) error

// ParseLine reads "host metric ts value". Blanks or tabs part the fields, except within the quotes of labels; the value
// is the rest of the line.
func ParseLine(line []byte) (Point, error) {
	host, rest := cutField(line)
	metric, rest := cutMetric(rest)
	ts, value := cutField(rest)
	value = bytes.Trim(value, " \t\r")
	if len(host) == 0 || len(metric) == 0 || len(ts) == 0 || len(value) == 0 {
		return Point{}, ErrFields
	}
	p := Point{Host: string(host), Metric: string(metric), Value: string(value)}
	if _, err := series.ParseSeries(series.AppendSeries(nil, p.Host, p.Metric)); err != nil {
		return Point{}, err
	}
	parsed, err := series.ParseMember(append(append(bytes.Clone(ts), ':'), value...))
	p.TS = parsed.TS
	return p, err
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func cutField(b []byte) (field, rest []byte) {
	b = bytes.TrimLeft(b, " \t")
	for i, c := range b {
		if isBlank(c) {
			return b[:i], b[i:]
		}
	}
	return b, nil
}

// cutMetric is cutField for a metric, whose quoted label values may hold blanks.
func cutMetric(b []byte) (field, rest []byte) {
	b = bytes.TrimLeft(b, " \t")
	braces, quoted := false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && braces:
			quoted = !quoted
		case c == '{':
			braces = true
		case isBlank(c) && !quoted:
			return b[:i], b[i:]
		}
	}
	return b, nil
}

// Lines reads lines to the end of r and gives their points to the sink, in batches. Empty lines and lines that begin
// with # are skipped. bad is told of each line that is no point. The error is that of the reader or the sink.
func Lines(ctx context.Context, r io.Reader, sink Sink, bad func(line int, err error)) error {
	in := bufio.NewReaderSize(r, MaxLine)
	var batch []Point
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := sink(ctx, batch)
		batch = batch[:0]
		return err
	}
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		if err != nil && len(line) == 0 && !tooLong {
			if flushErr := flush(); flushErr != nil {
				return flushErr
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read line %d: %w", n, err)
		}
		trimmed := bytes.TrimSpace(line)
		switch {
		case tooLong:
			bad(n, ErrTooLong)
		case len(trimmed) == 0 || trimmed[0] == '#':
		default:
			p, err := ParseLine(trimmed)
			if err != nil {
				bad(n, err)
				break
			}
			p.Line = n
			batch = append(batch, p)
		}
		// A slow writer on a pipe must not wait for a batch to fill.
		if len(batch) >= batchLines || in.Buffered() == 0 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// readLine gives a line without its line break, or that it is too long; then its rest is skipped.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	line, err = in.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		line, err = in.ReadSlice('\n')
	}
	return bytes.TrimSuffix(line, []byte("\n")), tooLong, err
}
