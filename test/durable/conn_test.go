//go:build linux

package durable

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

// conn is a plain RESP2 connection: a test of what was acknowledged wants no retries of a library in between.
type conn struct {
	net.Conn
	in *bufio.Reader
	// patience is how long a reply may take.
	patience time.Duration
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &conn{c, bufio.NewReaderSize(c, 1<<16), 20 * time.Second}, nil
}

// ask dials, sends one command and closes.
func ask(addr string, args ...string) (any, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.do(args...)
}

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

// pipe sends commands together. An error reply is a value among the replies. When the connection breaks, the replies
// that came before are given as well: they are acknowledgements.
func (c *conn) pipe(commands [][]string) ([]any, error) {
	var out []byte
	for _, args := range commands {
		out = appendCommand(out, args...)
	}
	if err := c.SetDeadline(time.Now().Add(c.patience)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := c.Write(out); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	replies := make([]any, 0, len(commands))
	for range commands {
		r, err := c.reply()
		if err != nil {
			return replies, fmt.Errorf("read reply: %w", err)
		}
		replies = append(replies, r)
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

// dump gives all points of a node: key → member → nothing. Scores and ZCARD are checked on the way.
func dump(addr string) (map[string]map[string]bool, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	v, err := c.do("KEYS", "*")
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("KEYS answers %v", v)
	}
	all := map[string]map[string]bool{}
	for len(list) > 0 {
		n := min(len(list), 100)
		var cmds [][]string
		for _, k := range list[:n] {
			cmds = append(cmds, []string{"ZRANGE", k.(string), "0", "-1", "WITHSCORES"}, []string{"ZCARD", k.(string)})
		}
		replies, err := c.pipe(cmds)
		if err != nil {
			return nil, err
		}
		for i, k := range list[:n] {
			if all[k.(string)], err = members(replies[2*i], replies[2*i+1]); err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
		}
		list = list[n:]
	}
	return all, nil
}

// members reads the replies of ZRANGE WITHSCORES and ZCARD of a key.
func members(ranged, card any) (map[string]bool, error) {
	list, ok := ranged.([]any)
	if !ok {
		return nil, fmt.Errorf("ZRANGE answers %v", ranged)
	}
	set := make(map[string]bool, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		member, score := list[i].(string), list[i+1].(string)
		ts, _, _ := strings.Cut(member, ":")
		if ts != score && number(ts) != number(score) {
			return nil, fmt.Errorf("member %q has score %s", member, score)
		}
		if set[member] {
			return nil, fmt.Errorf("member %q is there twice", member)
		}
		set[member] = true
	}
	if n, _ := card.(int64); int(n) != len(set) {
		return nil, fmt.Errorf("ZCARD answers %v, ZRANGE has %d members", card, len(set))
	}
	return set, nil
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return f
}
