package dunlin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeNode answers each command with what reply gives: a whole encoded reply, "" = hang up.
type fakeNode struct {
	ln    net.Listener
	reply func(args []string) string
	// silentPing says that PING gets no reply; nil = it does
	silentPing func() bool

	mu   sync.Mutex
	seen [][]string
	open map[net.Conn]bool
	wg   sync.WaitGroup
}

func newFake(t testing.TB, reply func(args []string) string) *fakeNode {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeNode{ln: ln, reply: reply, open: map[net.Conn]bool{}}
	f.wg.Add(1)
	go f.run()
	t.Cleanup(f.stop)
	return f
}

func (f *fakeNode) url() string { return "redis://" + f.ln.Addr().String() }

func (f *fakeNode) stop() {
	_ = f.ln.Close()
	f.mu.Lock()
	for c := range f.open {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *fakeNode) run() {
	defer f.wg.Done()
	for {
		c, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.open[c] = true
		f.mu.Unlock()
		f.wg.Add(1)
		go f.serve(c)
	}
}

func (f *fakeNode) serve(c net.Conn) {
	defer f.wg.Done()
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		answer := "+OK\r\n"
		switch args[0] {
		case "HELLO":
			answer = "*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"
			answer = "%2" + answer[2:]
		case "CLIENT", "SELECT":
		case "PING":
			answer = "+PONG\r\n"
			if f.silentPing != nil && f.silentPing() {
				return
			}
		default:
			f.mu.Lock()
			f.seen = append(f.seen, args)
			f.mu.Unlock()
			answer = f.reply(args)
		}
		if answer == "" {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// commands are those seen so far, joined by spaces.
func (f *fakeNode) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, args := range f.seen {
		out = append(out, strings.Join(args, " "))
	}
	return out
}

func readCommand(r *bufio.Reader) ([]string, error) {
	number := func(kind string) (int, error) {
		line, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, kind) {
			return 0, fmt.Errorf("got %q", line)
		}
		return strconv.Atoi(line[1:])
	}
	n, err := number("*")
	if err != nil {
		return nil, err
	}
	args := make([]string, n)
	for i := range args {
		size, err := number("$")
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		args[i] = string(b[:size])
	}
	return args, nil
}
