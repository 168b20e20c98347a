package main

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

// conn is a plain RESP2 connection: a probe must not cost more than what it watches.
type conn struct {
	net.Conn
	in *bufio.Reader
}

// answerTime is how long any reply may take.
const answerTime = 60 * time.Second

func dial(addr, password string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	out := &conn{c, bufio.NewReaderSize(c, 1<<16)}
	if password == "" {
		return out, nil
	}
	if _, err := out.do("AUTH", password); err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

func (c *conn) close() { _ = c.Conn.Close() } // nothing is on its way

// do sends a command and gives its reply: string, int64, nil or a list of those.
func (c *conn) do(args ...string) (any, error) {
	replies, err := c.pipe([][]string{args})
	if err != nil {
		return nil, err
	}
	if err, bad := replies[0].(error); bad {
		return nil, err
	}
	return replies[0], nil
}

// pipe sends commands together. An error reply is a value among the replies.
func (c *conn) pipe(commands [][]string) ([]any, error) {
	var out []byte
	for _, args := range commands {
		out = appendCommand(out, args...)
	}
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := c.Write(out); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	replies := make([]any, len(commands))
	for i := range replies {
		var err error
		if replies[i], err = c.reply(); err != nil {
			return nil, fmt.Errorf("read reply: %w", err)
		}
	}
	return replies, nil
}

func appendCommand(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = strconv.AppendInt(append(dst, '$'), int64(len(a)), 10)
		dst = append(append(append(dst, "\r\n"...), a...), "\r\n"...)
	}
	return dst
}

func (c *conn) reply() (any, error) {
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
		if list[i], err = c.reply(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// info asks INFO and gives its fields.
func (c *conn) info() (map[string]string, error) {
	v, err := c.do("INFO")
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

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
