package dunlin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// maxBatch is how many commands go to a node between two waits for replies.
const maxBatch = 1000

// call is one command on its way to some holder of a shard.
type call struct {
	shard int
	args  []string
	next  int // index into the shard's holders: who is asked next

	node  string               // who answered
	reply rueidis.RedisMessage // valid if err is nil
	err   error                // an error reply wraps ErrRefused, everything else ErrUnavailable
}

// batch is what goes to one database of one node.
type batch struct {
	node  *node
	db    int
	calls []*call
}

// target is a database of a node.
type target struct {
	node *node
	db   int
}

// do sends each call to the nearest holder of its shard and, where that one can not serve it, to the next ones.
func (c *Client) do(ctx context.Context, calls []*call) {
	left := slices.Clone(calls)
	for len(left) > 0 {
		batches := c.plan(left)
		c.runBatches(ctx, batches)
		left = left[:0]
		for _, b := range batches {
			for _, cl := range b.calls {
				if cl.err != nil && !errors.Is(cl.err, ErrRefused) && ctx.Err() == nil {
					left = append(left, cl)
				}
			}
		}
	}
}

// plan gives each call to the next holder of its shard that may be asked now. Calls without one keep their last error
// and are left out.
func (c *Client) plan(calls []*call) []*batch {
	now := c.clock()
	admitted := map[*node]bool{}
	byTarget := map[target]*batch{}
	var out []*batch
	for _, cl := range calls {
		n := c.nextHolder(cl, now, admitted)
		if n == nil {
			if cl.err == nil {
				cl.err = fmt.Errorf("%w: every node that holds shard %d is down", ErrUnavailable, cl.shard)
			}
			continue
		}
		at := target{n, n.database(cl.shard)}
		b := byTarget[at]
		if b == nil {
			b = &batch{node: n, db: at.db}
			byTarget[at] = b
			out = append(out, b)
		}
		b.calls = append(b.calls, cl)
	}
	return out
}

func (c *Client) nextHolder(cl *call, now time.Time, admitted map[*node]bool) *node {
	holders := c.byShard[cl.shard]
	for cl.next < len(holders) {
		n := holders[cl.next]
		cl.next++
		ok, known := admitted[n]
		if !known {
			ok = n.admit(now)
			admitted[n] = ok
		}
		if ok {
			return n
		}
	}
	return nil
}

// runBatches sends the batches side by side and returns when all have their replies.
func (c *Client) runBatches(ctx context.Context, batches []*batch) {
	if len(batches) == 1 {
		c.send(ctx, batches[0])
		return
	}
	var wg sync.WaitGroup
	for _, b := range batches {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.send(ctx, b)
		}()
	}
	wg.Wait()
}

// send gives every call of the batch a reply or an error and notes whether the node answers.
func (c *Client) send(ctx context.Context, b *batch) {
	var down error
	for calls := range slices.Chunk(b.calls, maxBatch) {
		if down == nil {
			down = c.sendChunk(ctx, b, calls)
			continue
		}
		for _, cl := range calls {
			cl.err = down
		}
	}
}

// sendChunk is send for as many calls as go out at once. It returns an error when the node did not answer.
func (c *Client) sendChunk(ctx context.Context, b *batch, calls []*call) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	client, err := b.node.dial(limited, b.db)
	if err != nil {
		err = c.noteFailure(ctx, b.node, err)
		for _, cl := range calls {
			cl.err = err
		}
		return err
	}
	lost, err := b.node.exchange(limited, client, calls)
	if err != nil && limited.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		// The connection may have died while it was idle, say because the node restarted: dial again, once.
		lost, err = b.node.exchange(limited, client, lost)
	}
	if err == nil {
		b.node.answered()
		return nil
	}
	err = c.noteFailure(ctx, b.node, err)
	for _, cl := range lost {
		cl.err = err
	}
	return err
}

// exchange sends the calls and takes their replies. lost are the calls without a reply, err why the first has none.
func (n *node) exchange(ctx context.Context, client rueidis.Client, calls []*call) (lost []*call, err error) {
	commands := make(rueidis.Commands, len(calls))
	for i, cl := range calls {
		commands[i] = client.B().Arbitrary(cl.args...).Build()
	}
	for i, r := range client.DoMulti(ctx, commands...) {
		cl := calls[i]
		msg, problem := r.ToMessage()
		if rueidis.IsRedisNil(problem) {
			problem = nil
		}
		if problem != nil && !isReply(problem) {
			lost = append(lost, cl)
			if err == nil {
				err = problem
			}
			continue
		}
		cl.node, cl.reply, cl.err = n.info.Name, msg, nil
		if problem != nil {
			cl.err = n.replyError(problem)
		}
	}
	return lost, err
}

// noteFailure marks the node down, unless it was the caller who gave up or the node did answer, with an error.
func (c *Client) noteFailure(ctx context.Context, n *node, err error) error {
	if !gaveUp(ctx, err) && !isReply(err) && !errors.Is(err, errClosed) {
		n.failed(c.clock())
	}
	return fmt.Errorf("%w: node %s: %w", ErrUnavailable, n.info.Name, err)
}

// gaveUp says whether the call ended because the caller's context did. A connection's deadline may fire a moment before
// the context's own timer.
func gaveUp(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && errors.Is(err, context.DeadlineExceeded) && time.Until(deadline) < time.Millisecond
}

func isReply(err error) bool {
	_, ok := rueidis.IsRedisErr(err)
	return ok
}

// elsewhere are the codes of error replies that say: not by this node, or not now. Every other error reply is final.
var elsewhere = []string{
	"UNAVAIL", "WRONGSHARD", "LOADING", "CATCHUP", "NOAUTH", "WRONGPASS", "NOPERM", "OOM", "MISCONF", "READONLY",
	"MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MOVED", "ASK",
}

// replyError turns an error reply into ours.
func (n *node) replyError(err error) error {
	code, _, _ := strings.Cut(err.Error(), " ")
	kind := ErrRefused
	if slices.Contains(elsewhere, code) {
		kind = ErrUnavailable
	}
	return fmt.Errorf("%w: node %s: %s", kind, n.info.Name, err.Error())
}
