package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Server is what the load is put on.
type Server struct {
	URL      string // redis://host:port[/db]; http://[user:password@]host:port/path for load.Write
	Password string
	Form     load.Form
	PID      int // 0 = as INFO says, if it runs here
}

// name is the URL as it may be shown.
func (s *Server) name() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return s.URL
	}
	return u.Redacted()
}

// http says that the server speaks HTTP.
func (s *Server) http() bool { return strings.HasPrefix(s.URL, "http:") }

func (s *Server) check() error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "http" {
		return fmt.Errorf("bad url %q: want redis://host:port or, for form write, http://host:port/path", s.name())
	}
	if s.http() != (s.Form == load.Write) {
		return fmt.Errorf("form %s does not go to %s: write goes to http://, every other form to redis://", s.Form, s.name())
	}
	if u.Port() == "" {
		return fmt.Errorf("bad url %q: want a port", s.name())
	}
	return nil
}

// answerTime is how long a server may take for each question that is not load.
const answerTime = 10 * time.Second

// errorReply is what a server answers when it refuses.
type errorReply string

func (e errorReply) Error() string { return string(e) }

// conn is one connection.
type conn struct {
	net.Conn
	in *bufio.Reader
}

// dial connects, authenticates and selects the url's database. The connection has a deadline of answerTime.
func dial(ctx context.Context, s *Server, buffer int) (*conn, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, fmt.Errorf("bad url: %w", err)
	}
	d := net.Dialer{Timeout: answerTime}
	nc, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w; is the server running there?", s.name(), err)
	}
	c := &conn{Conn: nc, in: bufio.NewReaderSize(nc, buffer)}
	// Deadlines can be set but on a closed connection, and that the next call reports.
	_ = c.SetDeadline(time.Now().Add(answerTime))
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
	if s.http() {
		return c, nil
	}
	if s.Password != "" {
		if _, err = c.ask("AUTH", s.Password); err != nil {
			return nil, errors.Join(fmt.Errorf("authenticate at %s: %w", s.name(), err), c.Close())
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if _, err = c.ask("SELECT", db); err != nil {
			return nil, errors.Join(fmt.Errorf("select database %s at %s: %w", db, s.name(), err), c.Close())
		}
	}
	return c, nil
}

// ask sends one command and gives the text of its reply.
func (c *conn) ask(name string, args ...string) (string, error) {
	if _, err := c.Write(load.AppendCommand(nil, name, args...)); err != nil {
		return "", err
	}
	var r reply
	if err := r.read(c.in); err != nil {
		return "", err
	}
	if r.refused > 0 {
		return "", errorReply(r.refusal)
	}
	return r.text, nil
}

// reply is what of a reply counts here.
type reply struct {
	number   int64  // of an integer reply, or the sum of those in an array, not of those further in
	text     string // of a line or a bulk string that is not in an array, or of the last in an array of an array
	elements int    // bulk strings in it
	nested   int    // bulk strings in arrays of an array: what DN.MADD refuses is such a pair of index and text
	refused  int    // error replies in it
	refusal  string // the first of them
}

const (
	mostBulk  = 64 << 20
	mostDepth = 8
)

// read reads one reply, of any depth, adding to r.
func (r *reply) read(in *bufio.Reader) error { return r.readNested(in, 0) }

func (r *reply) readNested(in *bufio.Reader, depth int) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 3 || depth > mostDepth {
		return fmt.Errorf("bad reply %q", line)
	}
	rest := line[1 : len(line)-2]
	switch line[0] {
	case '+':
		if depth == 0 {
			r.text = string(rest)
		}
		return nil
	case '-':
		if r.refused++; r.refused == 1 {
			r.refusal = string(rest)
		}
		return nil
	}
	n, ok := atoi(rest)
	if !ok {
		return fmt.Errorf("bad reply %q", line)
	}
	switch line[0] {
	case ':':
		if depth < 2 {
			r.number += n
		}
		return nil
	case '$':
		return r.bulk(in, n, depth)
	case '*':
		for range n {
			if err := r.readNested(in, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("bad reply %q", line)
}

func (r *reply) bulk(in *bufio.Reader, n int64, depth int) error {
	if n > mostBulk {
		return fmt.Errorf("bad reply: a string of %d bytes", n)
	}
	if n < 0 {
		return nil
	}
	r.elements++
	if depth > 1 {
		r.nested++
	}
	if depth > 0 && (depth < 2 || n > 512) {
		_, err := in.Discard(int(n) + 2)
		return err
	}
	b := make([]byte, n+2)
	_, err := io.ReadFull(in, b)
	r.text = string(bytes.TrimSuffix(b, []byte("\r\n")))
	return err
}

// atoi reads a decimal number; strconv would want a string.
func atoi(b []byte) (n int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// quoted shortens what a server said to one line that fits an error text.
func quoted(text string) string {
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return strconv.Quote(text)
}
