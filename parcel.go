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

	"github.com/dunlin-db/dunlin/internal/bundle"
	"github.com/dunlin-db/dunlin/internal/upstream"
)

// parcel is points of one cell on their way.
type parcel struct {
	bundle.Bundle
	view *view
	cell *cell
	at   []int  // Write: where each point stands in its argument; nil with Add
	seq  uint64 // Add: the order in which parcels were begun
	loan *loan  // the points lie in the spool still; nil = they do not
	// patience is how long a server may take for it, Config.Timeout if 0
	patience time.Duration
	args     []string

	unsafe bool // a server that did not answer may still read its memory: it is not used again
}

// parcels are used again once nothing refers to their memory any longer.
var parcels = sync.Pool{New: func() any { return &parcel{} }}

func newParcel(v *view, c *cell) *parcel {
	p := parcels.Get().(*parcel)
	p.view, p.cell = v, c
	return p
}

// recycle gives the parcel's memory back, once nobody reads it.
func (p *parcel) recycle() {
	if p.unsafe {
		return
	}
	clear(p.args)
	p.Bundle.Reset()
	p.view, p.cell, p.at, p.args, p.seq, p.loan = nil, nil, p.at[:0], p.args[:0], 0, nil
	p.patience = 0
	parcels.Put(p)
}

// split gives the points of a parcel to the cells of another view. The parcel is used up.
func (p *parcel) split(v *view) []*parcel {
	var out []*parcel
	byCell := map[*cell]*parcel{}
	text := bundle.NewText(v.topo.Layout)
	for i := range p.Len() {
		if err := text.Load(&p.Bundle, i); err != nil {
			panic("BUG: a parcel holds a bad point: " + err.Error())
		}
		to := v.cellFor(&text)
		part := byCell[to]
		if part == nil {
			part = newParcel(v, to)
			part.seq, part.loan = p.seq, p.loan
			p.loan.share()
			byCell[to] = part
			out = append(out, part)
		}
		part.Add(&text)
		if len(p.at) > 0 {
			part.at = append(part.at, p.at[i])
		}
	}
	p.loan.settle(true) // the parts answer for it
	p.recycle()
	return out
}

// settle takes what became of the i-th point of a parcel, or of everyone.
type settle func(p *parcel, i int, r Result)

// deliver sends the parcel to the nearest holder that is up, and what that one can not take now to the next. Points
// that are stored or refused are settled. What is left comes back, with why; nil when nothing is.
func (c *core) deliver(ctx context.Context, p *parcel, done settle) (*parcel, error) {
	var tried []*member
	why := errEveryoneDown(p.cell)
	for {
		m := p.cell.pick(tried)
		if m == nil {
			return p, why
		}
		if len(tried) > 0 {
			c.counts.failedOver.Add(int64(p.Len()))
		}
		tried = append(tried, m)
		verdicts, err := c.send(ctx, m, p)
		switch {
		case errors.Is(err, upstream.ErrGivenUp):
			return p, unavailable(m, err)
		case err != nil:
			why = unavailable(m, err)
			continue
		}
		left := c.judge(p, m, verdicts, done)
		if left == nil {
			return nil, nil
		}
		p, why = left.parcel, left.why
	}
}

func errEveryoneDown(c *cell) error {
	err := fmt.Errorf("%w: every node that holds shard %s is down", ErrUnavailable, numbers(c.shards))
	for _, m := range c.holders {
		if why := m.server.Why(); why != nil {
			err = fmt.Errorf("%w; %s: %w", err, m.info.Name, why)
		}
	}
	return err
}

func numbers(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ", "), "[]") }

func unavailable(m *member, err error) error {
	return fmt.Errorf("%w: node %s: %w", ErrUnavailable, m.info.Name, err)
}

// verdict is a server's complaint about the i-th point of a parcel.
type verdict struct {
	i    int
	text string
}

// everyone is the index of a verdict on all points of a parcel.
const everyone = -1

// send stores the parcel's points at a server and gives its complaints. An error means that there was no reply.
func (c *core) send(ctx context.Context, m *member, p *parcel) ([]verdict, error) {
	if !m.plain.Load() {
		p.args = p.Bundle.MAdd(p.args[:0])
		results, err := m.server.Exchange(ctx, upstream.Batch{
			DB: m.db, Commands: [][]string{p.args}, Weight: p.Len(), Repeatable: true, Timeout: p.patience,
		})
		if err != nil {
			p.args, p.unsafe = nil, true
			return nil, err
		}
		verdicts, known := readMAdd(results[0])
		if known {
			return verdicts, nil
		}
		m.plain.Store(true)
	}
	results, err := m.server.Exchange(ctx, upstream.Batch{
		DB: m.db, Commands: p.Bundle.ZAdds(p.view.topo.Layout), Weight: p.Len(), Repeatable: true, Timeout: p.patience,
	})
	if err != nil {
		return nil, err
	}
	var verdicts []verdict
	for i, r := range results {
		if err := r.Error(); err != nil {
			verdicts = append(verdicts, verdict{i, err.Error()})
		}
	}
	return verdicts, nil
}

// readMAdd reads the reply of DN.MADD. known is false when the server does not know the command.
func readMAdd(r rueidis.RedisResult) (verdicts []verdict, known bool) {
	if err := r.Error(); err != nil {
		if strings.Contains(strings.ToLower(err.Error()), "unknown command") {
			return nil, false
		}
		return []verdict{{everyone, err.Error()}}, true
	}
	list, err := r.ToArray()
	if err != nil {
		return nil, true // a number: all are stored
	}
	for _, pair := range list[1:] {
		parts, err := pair.ToArray()
		if err != nil || len(parts) != 2 {
			return []verdict{{everyone, "ERR the reply of DN.MADD can not be read"}}, true
		}
		i, err1 := parts[0].AsInt64()
		text, err2 := parts[1].ToString()
		if errors.Join(err1, err2) != nil {
			return []verdict{{everyone, "ERR the reply of DN.MADD can not be read"}}, true
		}
		verdicts = append(verdicts, verdict{int(i), text})
	}
	return verdicts, true
}

// leftover is what a server could not take now.
type leftover struct {
	*parcel
	why error
}

// judge settles the points that are stored or refused for good and gives what another server may take. When nothing is
// left the parcel's memory is given back.
func (c *core) judge(p *parcel, m *member, verdicts []verdict, done settle) *leftover {
	if len(verdicts) == 0 {
		c.counts.stored.Add(int64(p.Len()))
		done(p, everyone, Result{Status: Stored, Node: m.info.Name})
		p.recycle()
		return nil
	}
	var left *leftover
	keep := func(i int, err error) {
		if left == nil {
			left = &leftover{newParcel(p.view, p.cell), err}
			left.seq, left.loan, left.patience = p.seq, p.loan, p.patience
		}
		left.AddFrom(&p.Bundle, i)
		if len(p.at) > 0 {
			left.at = append(left.at, p.at[i])
		}
	}
	next := 0
	for i := range p.Len() {
		text := ""
		if len(verdicts) == 1 && verdicts[0].i == everyone {
			text = verdicts[0].text
		} else if next < len(verdicts) && verdicts[next].i == i {
			text = verdicts[next].text
			next++
		}
		err := replyError(m.info.Name, text)
		switch {
		case err == nil:
			c.counts.stored.Add(1)
			done(p, i, Result{Status: Stored, Node: m.info.Name})
		case errors.Is(err, ErrUnavailable):
			keep(i, err)
		default:
			c.counts.refused.Add(1)
			done(p, i, Result{Status: Refused, Node: m.info.Name, Err: err})
		}
	}
	p.recycle()
	return left
}

// elsewhere are the codes of error replies that say: not by this node, or not now. Every other error reply is final.
var elsewhere = []string{
	"UNAVAIL", "WRONGSHARD", "LOADING", "CATCHUP", "NOAUTH", "WRONGPASS", "NOPERM", "OOM", "MISCONF", "READONLY",
	"MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MOVED", "ASK",
}

// replyError turns the text of an error reply into ours; "" is none.
func replyError(node, text string) error {
	if text == "" {
		return nil
	}
	code, _, _ := strings.Cut(text, " ")
	kind := ErrRefused
	if slices.Contains(elsewhere, code) {
		kind = ErrUnavailable
	}
	return fmt.Errorf("%w: node %s: %s", kind, node, text)
}
