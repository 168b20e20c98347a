package flockbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/load"
)

// cadence is between two points of a series. Some come a second late: at a shorter one they would meet the next.
const cadence = 2 * time.Second

// writer writes the metrics of some hosts to one node, the hosts spread over the cadence: as one program that collects
// for all, what is due over one connection together, or as agents do, each host's tick by itself.
type writer struct {
	to     *node
	agents bool
	first  int
	hosts  int
	set    *load.Set
	stream *load.Stream
	sent   int64 // points that were acknowledged
}

// perTick is how many points so many hosts write in a cadence.
func perTick(hosts int) int { return hosts * fleet.PerHost }

// hostsFor is how many hosts write so many points a second.
func hostsFor(rate int) int { return rate * int(cadence/time.Second) / fleet.PerHost }

// newWriter makes a writer of hosts, of which first is the first.
func newWriter(to *node, first, hosts int, start time.Time) *writer {
	return newWriterEvery(cadence, to, [2]int{first, first + hosts}, start)
}

// newWriterEvery makes one whose series have a point in every interval, of the hosts from one up to another.
func newWriterEvery(interval time.Duration, to *node, hosts [2]int, start time.Time) *writer {
	set := load.New(load.Config{
		Shape: load.Shape{
			Hosts: hosts[1], Metrics: fleet.PerHost, Interval: interval, Mix: fleet.Standard, Seed: 1,
			Start: start.Truncate(time.Second),
		},
		Form: load.ZADD, Commands: fleet.PerHost,
	})
	return &writer{to: to, first: hosts[0], hosts: hosts[1] - hosts[0], set: set, stream: set.Stream(hosts[0], hosts[1])}
}

// mostConns is how many connections agents have: each is that of a few hosts, whose ticks are far apart.
const mostConns = 1000

// runFor writes at its pace until a time has passed.
func (w *writer) runFor(ctx context.Context, d time.Duration) error {
	ticks := max(int(d/cadence), 1)
	w.stream.Until(w.stream.Tick()+ticks, false)
	conns, err := w.dialAll()
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	began, done := time.Now(), 0
	all := ticks * w.hosts
	gap := time.Duration(ticks) * cadence / time.Duration(all)
	for done < all && ctx.Err() == nil {
		due := min(int(time.Since(began)/gap), all)
		if w.agents {
			err = w.each(conns, done, due)
		} else {
			err = conns[0].batches(w, due-done)
		}
		if err != nil {
			return err
		}
		done = due
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond): // and then what is due by then
		}
	}
	return nil
}

// dialAll makes the connections that runFor writes over.
func (w *writer) dialAll() (conns []*conn, err error) {
	n := 1
	if w.agents {
		n = min(w.hosts, mostConns)
	}
	for len(conns) < n {
		c, err := w.dial()
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// each writes the next ticks, from one number up to another, over their connections, and reads the replies.
func (w *writer) each(conns []*conn, from, to int) error {
	sent := make([]load.Batch, to-from)
	for i := range sent {
		w.stream.Next(&sent[i])
		if err := conns[(from+i)%len(conns)].write(w, sent[i]); err != nil {
			return err
		}
	}
	for i, b := range sent {
		if err := conns[(from+i)%len(conns)].read(w, b); err != nil {
			return err
		}
	}
	return nil
}

// runFast writes so many ticks as fast as they are taken.
func (w *writer) runFast(ctx context.Context, ticks int) error {
	w.stream.Until(w.stream.Tick()+ticks, false)
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for left := ticks * w.hosts; left > 0 && ctx.Err() == nil; left -= atOnce {
		if err := c.batches(w, min(atOnce, left)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// atOnce is how many hosts' ticks go out together where there is no pace.
const atOnce = 50

// runFill writes the ticks before one, many points of a series in a command.
func (w *writer) runFill(ctx context.Context, ticks int) error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	var b load.Batch
	for ctx.Err() == nil {
		w.stream.Fill(&b, ticks)
		if b.Commands == 0 {
			return nil
		}
		if err := c.send(w, b); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// conn is a connection that writes.
type conn struct {
	net.Conn
	in *bufio.Reader
}

func (w *writer) dial() (*conn, error) {
	c, err := net.DialTimeout("tcp", w.to.addr, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", w.to.name, err)
	}
	return &conn{c, bufio.NewReader(c)}, nil
}

// batches writes the next n hosts' ticks together and reads the replies.
func (c *conn) batches(w *writer, n int) error {
	var all load.Batch
	var b load.Batch
	for range n {
		w.stream.Next(&b)
		all.Bytes = append(all.Bytes, b.Bytes...)
		all.Commands, all.Points = all.Commands+b.Commands, all.Points+b.Points
	}
	if n == 0 {
		return nil
	}
	return c.send(w, all)
}

var errRefused = errors.New("a point was refused")

// send writes commands and reads their replies.
func (c *conn) send(w *writer, b load.Batch) error {
	if err := c.write(w, b); err != nil {
		return err
	}
	return c.read(w, b)
}

func (c *conn) write(w *writer, b load.Batch) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return fmt.Errorf("write to %s: %w", w.to.name, err)
	}
	if _, err := c.Write(b.Bytes); err != nil {
		return fmt.Errorf("write to %s: %w", w.to.name, err)
	}
	return nil
}

// read reads the replies, which must be numbers.
func (c *conn) read(w *writer, b load.Batch) error {
	for range b.Commands {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read from %s: %w", w.to.name, err)
		}
		if line[0] != ':' {
			return fmt.Errorf("%w by %s: %s", errRefused, w.to.name, line)
		}
	}
	w.sent += int64(b.Points)
	return nil
}
