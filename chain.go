package dunlin

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/keyspec"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/upstream"
)

// Chain is Redis commands that are sent together, each to a node that holds its keys, when Exec is called:
//
//	replies, err := client.Do().Get("config").ZCard("2026-11-22:web17:cpu.user").Exec(ctx)
//
// What goes to the same nodes goes to one of them, on one connection, in the order of the chain; there is no order
// between the rest. A node that does not answer is passed over for the next, with the whole of what was to go there,
// unless a command in it may have been executed and must not be executed twice (INCR, say): then its error is an
// ErrUnavailable. A chain is used by one goroutine and executed once.
type Chain struct {
	core  *core
	steps []step
	group string // of the commands that follow; "" = none
	multi bool
	bad   error
}

// step is one command of a chain.
type step struct {
	args       []string
	group      string
	keys       []string
	repeatable bool
}

// Do begins a chain.
func (c *Client) Do() *Chain { return &Chain{core: c.core} }

// Cmd appends any Redis command. Several keys of one command must be of one shard, or in a group.
func (ch *Chain) Cmd(args ...string) *Chain {
	command, err := keyspec.Of(args)
	grouped := ch.group != "" && (errors.Is(err, keyspec.ErrNoKey) || errors.Is(err, keyspec.ErrUnknown))
	if err != nil && !grouped && ch.bad == nil {
		ch.bad = err
	}
	ch.steps = append(ch.steps, step{args, ch.group, command.Keys, command.Repeatable})
	return ch
}

// Group makes the commands that follow go where the group's name belongs, whatever their keys: so that data and its
// journal, or several keys, are together. A host's name is a group that is where the host's series are (with hash:
// host). "" ends the group.
func (ch *Chain) Group(name string) *Chain {
	ch.group = name
	return ch
}

// Multi makes the whole chain one transaction, MULTI … EXEC. All of it must belong to one shard.
func (ch *Chain) Multi() *Chain {
	ch.multi = true
	return ch
}

// Get appends GET.
func (ch *Chain) Get(key string) *Chain { return ch.Cmd("GET", key) }

// Set appends SET.
func (ch *Chain) Set(key, value string) *Chain { return ch.Cmd("SET", key, value) }

// Del appends DEL.
func (ch *Chain) Del(keys ...string) *Chain { return ch.Cmd(append([]string{"DEL"}, keys...)...) }

// ZAdd appends ZADD of one member.
func (ch *Chain) ZAdd(key string, score float64, member string) *Chain {
	return ch.Cmd("ZADD", key, strconv.FormatFloat(score, 'f', -1, 64), member)
}

// ZCard appends ZCARD.
func (ch *Chain) ZCard(key string) *Chain { return ch.Cmd("ZCARD", key) }

// ZRange appends ZRANGE by rank: 0 is the first, -1 the last.
func (ch *Chain) ZRange(key string, start, stop int) *Chain {
	return ch.Cmd("ZRANGE", key, strconv.Itoa(start), strconv.Itoa(stop))
}

// ZRangeByScore appends ZRANGEBYSCORE; low and high as Redis writes them: 1795348800, (1795348800, -inf.
func (ch *Chain) ZRangeByScore(key, low, high string) *Chain {
	return ch.Cmd("ZRANGEBYSCORE", key, low, high)
}

// SAdd appends SADD.
func (ch *Chain) SAdd(key string, members ...string) *Chain {
	return ch.Cmd(append([]string{"SADD", key}, members...)...)
}

// SMembers appends SMEMBERS.
func (ch *Chain) SMembers(key string) *Chain { return ch.Cmd("SMEMBERS", key) }

// Exec sends the chain and gives a reply a command, in order. It ends by Config.Deadline. A chain that can not be
// routed is refused whole before anything is sent: then there are no replies, and the error wraps ErrRefused. Otherwise
// the error is that of the first reply that has one.
func (ch *Chain) Exec(ctx context.Context) ([]Reply, error) {
	if len(ch.steps) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ch.core.cfg.Deadline)
	defer cancel()
	var replies []Reply
	for again := true; again; {
		v := ch.core.view.Load()
		where, err := ch.route(v)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		if ch.multi {
			replies = ch.transact(ctx, v.cellOf[where[0]])
		} else {
			replies = ch.send(ctx, v, where)
		}
		again = ctx.Err() == nil && ch.core.view.Load() != v && ch.undone(replies)
	}
	for i, r := range replies {
		if r.Err != nil {
			return replies, fmt.Errorf("%s, command %d of %d: %w", ch.steps[i].args[0], i+1, len(replies), r.Err)
		}
	}
	return replies, nil
}

// undone says that some command found nobody, and that the chain may go to others: the topology changed meanwhile.
func (ch *Chain) undone(replies []Reply) bool {
	some, all, repeatable := false, true, true
	for i, r := range replies {
		away := errors.Is(r.Err, ErrUnavailable)
		some, all = some || away, all && away && !errors.Is(r.Err, upstream.ErrUnsure)
		repeatable = repeatable && ch.steps[i].repeatable
	}
	return some && (all || repeatable)
}

// route gives the shard of every command.
func (ch *Chain) route(v *view) ([]int, error) {
	if ch.bad != nil {
		return nil, ch.bad
	}
	where := make([]int, len(ch.steps))
	for i, s := range ch.steps {
		switch {
		case s.group != "":
			where[i] = v.topo.RingFor(ch.period(v, s.group)).ShardOfGroup([]byte(s.group))
		default:
			for n, key := range s.keys {
				shard := v.topo.ShardOf([]byte(key))
				if n > 0 && shard != where[i] {
					return nil, fmt.Errorf("%s: %s is on shard %d and %s on shard %d: put them into a group", s.args[0],
						s.keys[0], where[i], key, shard)
				}
				where[i] = shard
			}
		}
		if ch.multi && where[i] != where[0] {
			return nil, fmt.Errorf("a transaction is on one shard: %s is on shard %d and %s on shard %d: put them into a group",
				ch.steps[0].args[0], where[0], s.args[0], where[i])
		}
	}
	return where, nil
}

// period is that of the first series key in a group, else the present one: it says which ring counts.
func (ch *Chain) period(v *view, group string) series.Period {
	for _, s := range ch.steps {
		for _, key := range s.keys {
			if k, err := v.topo.Layout.ParseKey([]byte(key)); err == nil && s.group == group {
				return k.Period
			}
		}
	}
	return v.topo.Layout.PeriodOf(max(ch.core.cfg.Clock().UnixMilli(), 0))
}

// send carries the commands of each cell as one unit.
func (ch *Chain) send(ctx context.Context, v *view, where []int) []Reply {
	var units []unit
	var steps [][]int // of each unit
	at := map[*cell]int{}
	for i, s := range ch.steps {
		to := v.cellOf[where[i]]
		n, known := at[to]
		if !known {
			n = len(units)
			at[to] = n
			units, steps = append(units, unit{cell: to, repeatable: true}), append(steps, nil)
		}
		units[n].commands = append(units[n].commands, s.args)
		units[n].repeatable = units[n].repeatable && s.repeatable
		steps[n] = append(steps[n], i)
	}
	out := make([]Reply, len(ch.steps))
	for n, replies := range ch.core.runUnits(ctx, units) {
		for j, i := range steps[n] {
			out[i] = replies[j]
		}
	}
	return out
}

// transact carries the chain as one transaction.
func (ch *Chain) transact(ctx context.Context, to *cell) []Reply {
	u := unit{cell: to, commands: [][]string{{"MULTI"}}, repeatable: true}
	for _, s := range ch.steps {
		u.commands = append(u.commands, s.args)
		u.repeatable = u.repeatable && s.repeatable
	}
	u.commands = append(u.commands, []string{"EXEC"})
	replies := ch.core.carry(ctx, u)
	exec := replies[len(replies)-1]
	values, ok := exec.Value.([]any)
	out := make([]Reply, len(ch.steps))
	for i := range out {
		out[i] = Reply{Node: exec.Node, Shard: exec.Shard, Err: exec.Err}
		switch queued := replies[i+1]; {
		case exec.Err != nil && queued.Err != nil:
			out[i].Err = queued.Err // why the whole was given up
		case exec.Err != nil:
		case !ok || len(values) != len(out):
			out[i].Err = fmt.Errorf("%w: node %s: EXEC gave %v", ErrRefused, exec.Node, exec.Value)
		default:
			out[i].Value = values[i]
			if err, failed := values[i].(error); failed {
				out[i].Value, out[i].Err = nil, replyError(exec.Node, err.Error())
			}
		}
	}
	return out
}
