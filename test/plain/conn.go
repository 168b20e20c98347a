package plain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is a connection. It is for one goroutine.
type Conn struct {
	net.Conn
	in *bufio.Reader
	// Patience is how long the replies to one Pipe may take.
	Patience time.Duration
}

// Dial connects.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return New(c), nil
}

// New makes a Conn of a connection, at either end.
func New(c net.Conn) *Conn { return &Conn{c, bufio.NewReaderSize(c, 1<<16), 20 * time.Second} }

// Buffered is how many bytes have come that were not asked for yet.
func (c *Conn) Buffered() int { return c.in.Buffered() }

// Ask dials, sends one command and closes.
func Ask(addr string, args ...string) (any, error) {
	c, err := Dial(addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	return c.Do(args...)
}

// Do sends a command and gives its reply: string, int64, nil or a list of those. An error reply is an error.
func (c *Conn) Do(args ...string) (any, error) {
	replies, err := c.Pipe([][]string{args})
	if err != nil {
		return nil, err
	}
	if err, bad := replies[0].(error); bad {
		return nil, err
	}
	return replies[0], nil
}

// Pipe sends commands together. An error reply is a value among the replies. When the connection breaks, the replies
// that came before are given as well: they are acknowledgements.
func (c *Conn) Pipe(commands [][]string) ([]any, error) {
	var out []byte
	for _, args := range commands {
		out = appendCommand(out, args...)
	}
	if err := c.SetDeadline(time.Now().Add(c.Patience)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := c.Write(out); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	replies := make([]any, 0, len(commands))
	for range commands {
		r, err := c.Reply()
		if err != nil {
			return replies, fmt.Errorf("read reply: %w", err)
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// Info asks INFO and gives its fields.
func (c *Conn) Info() (map[string]string, error) {
	v, err := c.Do("INFO")
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(fmt.Sprint(v)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

func appendCommand(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = strconv.AppendInt(append(dst, '$'), int64(len(a)), 10)
		dst = append(append(append(dst, "\r\n"...), a...), "\r\n"...)
	}
	return dst
}

// Reply reads a reply, or a command: a list of texts.
func (c *Conn) Reply() (any, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("an empty line")
	}
	switch line[0] {
	case '+':
		return line[1:], nil
	case '-':
		return errors.New(line[1:]), nil
	case ':':
		return strconv.ParseInt(line[1:], 10, 64)
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 {
		return nil, err
	}
	if line[0] == '$' {
		b := make([]byte, n+2)
		_, err = io.ReadFull(c.in, b)
		return string(b[:n]), err
	}
	list := make([]any, n)
	for i := range list {
		if list[i], err = c.Reply(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
