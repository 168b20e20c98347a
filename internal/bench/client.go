package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// client is one connection's share of the work. It keeps its place from round to round.
type client struct {
	target *target
	stream *load.Stream
	ready  load.Batch // encoded, not yet sent
	spare  [][]byte
}

// sent is a batch on its way.
type sent struct {
	load.Batch
	at time.Time
}

// commands is how many commands a batch has.
func (t *target) commands() int { return t.load.Pipeline / t.batches() }

// batches is how many are on their way at once. A request of HTTP/1.1 waits for its answer; the next one is encoded
// meanwhile.
func (t *target) batches() int {
	if t.server.Form == load.Write || t.load.Realtime {
		return 1
	}
	return t.load.Batches
}

// run sends batches until the round is done or ctx ends: while some are on their way, the next is encoded.
func (c *client) run(ctx context.Context, nc *conn, t *totals) error {
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("prepare the load on %s: %w", c.target.server.name(), err)
	}
	defer context.AfterFunc(ctx, func() { giveUp(ctx, nc) })()
	if c.ready.Commands == 0 {
		c.stream.Next(&c.ready)
	}
	var flying []sent
	for {
		for len(flying) < c.target.batches() && c.ready.Commands > 0 && ctx.Err() == nil {
			if !c.await(ctx, t) {
				break
			}
			flying = append(flying, sent{c.ready, time.Now()})
			if _, err := nc.Write(c.ready.Bytes); err != nil {
				return fmt.Errorf("write to %s: %w", c.target.server.name(), err)
			}
			c.ready = load.Batch{Bytes: c.buffer()}
			c.stream.Next(&c.ready)
		}
		if len(flying) == 0 {
			return nil
		}
		if err := c.settle(nc.in, &flying[0], t); err != nil {
			return err
		}
		c.spare = append(c.spare, flying[0].Bytes)
		flying = append(flying[:0], flying[1:]...)
	}
}

func (c *client) buffer() []byte {
	if len(c.spare) == 0 {
		return nil
	}
	b := c.spare[len(c.spare)-1]
	c.spare = c.spare[:len(c.spare)-1]
	return b
}

// settle reads the replies of a batch.
func (c *client) settle(in *bufio.Reader, s *sent, t *totals) error {
	var r reply
	var err error
	if c.target.server.Form == load.Write {
		err = readHTTP(in, &r)
	} else {
		err = c.replies(in, s.Commands, &r)
	}
	if err != nil {
		return fmt.Errorf("read from %s: %w", c.target.server.name(), err)
	}
	t.done(s, &r, time.Since(s.at))
	if r.refused > 0 {
		return c.target.fatal(r.refusal)
	}
	return nil
}

// replies reads n replies of commands; of a pair with the journal only the point's counts as added.
func (c *client) replies(in *bufio.Reader, n int, sum *reply) error {
	form := c.target.server.Form
	for i := range n {
		var r reply
		if err := r.read(in); err != nil {
			return err
		}
		if r.nested > 0 && (form == load.MADD || form == load.MADDT) {
			r.refused, r.refusal = r.refused+r.nested, r.text
		}
		if form != load.ZADDJournal || i%2 == 0 {
			sum.number += r.number
		}
		if r.refused > 0 && sum.refused == 0 {
			sum.refusal = r.refusal
		}
		sum.refused += r.refused
	}
	return nil
}

// await waits, in realtime, for the time of the batch; false when ctx ends first.
func (c *client) await(ctx context.Context, t *totals) bool {
	l := c.target.load
	if !l.Realtime {
		return true
	}
	due := c.due()
	wait := time.Until(due)
	if wait <= 0 {
		t.behind(-wait)
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// due is when the host of the ready batch sends: hosts are spread over the interval in order, each a little off.
func (c *client) due() time.Time {
	l := c.target.load
	host, tick := c.stream.Last()
	jitter := float64(load.MixBits(l.Seed^uint64(host))>>11) / (1 << 53)
	offset := (float64(host) + jitter) / float64(l.Hosts) * float64(l.Interval)
	return l.Start.Add(time.Duration(tick)*l.Interval + time.Duration(offset))
}

// lastReplies is how long the replies of the last batches may take when the duration is over.
const lastReplies = 10 * time.Second

// giveUp sees to it that a server which answers no more does not keep a load whose time is over, or that was
// interrupted.
func giveUp(ctx context.Context, c *conn) {
	wait := lastReplies
	if errors.Is(ctx.Err(), context.Canceled) {
		wait = 0
	}
	_ = c.SetDeadline(time.Now().Add(wait)) // fails only when it is closed, and then nobody waits
}

func readHTTP(in *bufio.Reader, r *reply) error {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		r.refused = 1
		r.refusal = resp.Status + " " + strings.TrimSpace(string(text))
	}
	if resp.Close {
		return errors.New("the server closes the connection after a request: " + resp.Status)
	}
	return nil
}
