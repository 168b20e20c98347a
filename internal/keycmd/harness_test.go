package keycmd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// node executes the command table directly: what package server does, without connections.
type node struct {
	slots []*Slot
	topo  *ring.Topology
	table map[string]Command
	now   time.Time
	w     resp.Writer

	pieces int // of replies that were made without locks
}

func newNode(t testing.TB, shards int, now time.Time, open func(id int) store.Local) *node {
	t.Helper()
	n := &node{topo: ring.Single("n", "redis://127.0.0.1:6390", shards), table: map[string]Command{}, now: now}
	clock := func() time.Time { return n.now }
	for _, cmd := range Commands() {
		n.table[cmd.Name] = cmd
	}
	for id := 1; id <= shards; id++ {
		sh, err := shard.New(context.Background(), shard.Config{
			Origin: replog.Origin{Shard: id}, Layout: n.topo.Layout, Store: open(id), Clock: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		n.slots = append(n.slots, &Slot{Shard: sh, Plain: keyspace.NewDB(clock)})
	}
	return n
}

// do gives the reply of one command, as bytes of protocol proto.
func (n *node) do(proto int, args ...string) string {
	n.w.Buf, n.w.Proto = n.w.Buf[:0], proto
	cmd, ok := n.table[strings.ToLower(args[0])]
	if !ok {
		return "-ERR unknown command\r\n"
	}
	if len(args) != cmd.Arity && (cmd.Arity > 0 || len(args) < -cmd.Arity) {
		return "-ERR wrong number of arguments for '" + cmd.Name + "' command\r\n"
	}
	raw := make([][]byte, len(args))
	for i, a := range args {
		raw[i] = []byte(a)
	}
	for _, s := range n.slots {
		s.Tx = s.Shard.Begin()
	}
	c := &Call{
		Ctx: context.Background(), Args: raw, W: &n.w, Slots: n.slots, Topology: n.topo,
		Clock: func() time.Time { return n.now },
	}
	cmd.Run(c)
	for _, s := range n.slots {
		s.Tx.End()
	}
	if c.Rest != nil {
		for c.Rest.Append(&n.w) {
			n.pieces++
		}
		c.Rest.Close()
	}
	for _, b := range raw { // whoever kept a reference to an argument shows it here
		for i := range b {
			b[i] = '!'
		}
	}
	return string(n.w.Buf)
}

// redis is a real redis-server with one connection.
type redis struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialRedis(t *testing.T, addr string, proto int) *redis {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := &redis{conn: conn, in: bufio.NewReaderSize(conn, 1<<20)}
	r.run(t, [][]string{{"FLUSHALL"}, {"HELLO", strconv.Itoa(proto)}})
	return r
}

// run sends the commands at once and gives their raw replies.
func (r *redis) run(t testing.TB, cmds [][]string) []string {
	t.Helper()
	var out []byte
	for _, cmd := range cmds {
		out = append(out, fmt.Sprintf("*%d\r\n", len(cmd))...)
		for _, a := range cmd {
			out = append(out, fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)...)
		}
	}
	wrote := make(chan error, 1)
	go func() { _, err := r.conn.Write(out); wrote <- err }()
	replies := make([]string, len(cmds))
	for i := range replies {
		var raw bytes.Buffer
		if _, err := readReply(r.in, &raw); err != nil {
			t.Fatalf("read reply to %q: %v", cmds[i], err)
		}
		replies[i] = raw.String()
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	return replies
}

// node of a reply: its text, or its parts.
type reply struct {
	kind  byte
	text  string
	parts []reply
}

// readReply parses one reply and copies its bytes to raw.
func readReply(in *bufio.Reader, raw *bytes.Buffer) (reply, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	raw.WriteString(line)
	rep := reply{kind: line[0], text: strings.TrimRight(line[1:], "\r\n")}
	n, _ := strconv.Atoi(rep.text)
	switch rep.kind {
	case '+', '-', ':', '_', ',', '#':
		return rep, nil
	case '$':
		if n < 0 {
			return rep, nil
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return rep, err
		}
		raw.Write(b)
		rep.text = string(b[:n])
		return rep, nil
	case '%':
		n *= 2
	case '*', '~':
	default:
		return rep, errors.New("reply of unknown type " + line)
	}
	for range n {
		part, err := readReply(in, raw)
		if err != nil {
			return rep, err
		}
		rep.parts = append(rep.parts, part)
	}
	return rep, nil
}

func parseReply(t testing.TB, raw string) reply {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(raw))
	rep, err := readReply(in, new(bytes.Buffer))
	if err != nil || in.Buffered() > 0 {
		t.Fatalf("not one reply: %q: %v", raw, err)
	}
	return rep
}

// unordered is the reply with the parts of its lists sorted; pairs of a scan with scores stay together.
func (r reply) unordered(pair int) string {
	if r.parts == nil {
		return string(r.kind) + r.text
	}
	var parts []string
	for i := 0; i < len(r.parts); i += pair {
		text := ""
		for _, p := range r.parts[i:min(i+pair, len(r.parts))] {
			text += " " + p.unordered(pair)
		}
		parts = append(parts, text)
	}
	sort.Strings(parts)
	return string(r.kind) + r.text + "[" + strings.Join(parts, ",") + "]"
}

// layoutDay is the layout of ring.Single.
const layoutDay = series.Day
