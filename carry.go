package dunlin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-db/dunlin/internal/upstream"
)

// unit is commands of one cell that go to one server together, on one connection, in order.
type unit struct {
	cell       *cell
	commands   [][]string
	repeatable bool // executing them twice does no harm
}

// carry sends a unit to the nearest holder that is up, and whole to the next one where that one does not answer or can
// not serve all of it. A unit that is not repeatable goes on only if it was certainly not executed.
func (c *core) carry(ctx context.Context, u unit) []Reply {
	var tried []*member
	var best []Reply
	why := errEveryoneDown(u.cell)
	for {
		m := u.cell.pick(tried)
		if m == nil {
			if best == nil {
				best = u.failed(why)
			}
			return best
		}
		tried = append(tried, m)
		replies, err := c.offer(ctx, m, u)
		if err != nil {
			why = err
			if ctx.Err() != nil || errors.Is(err, upstream.ErrUnsure) && !u.repeatable {
				return u.failed(why)
			}
			continue
		}
		if !u.repeatable || served(replies) {
			return replies
		}
		if best == nil {
			best = replies
		}
	}
}

// offer sends a unit to one server.
func (c *core) offer(ctx context.Context, m *member, u unit) ([]Reply, error) {
	results, err := m.server.Exchange(ctx, upstream.Batch{DB: m.db, Commands: u.commands, Repeatable: u.repeatable})
	if err != nil {
		return nil, unavailable(m, err)
	}
	replies := make([]Reply, len(results))
	for i := range results {
		replies[i] = Reply{Node: m.info.Name}
		replies[i].read(m, results[i])
	}
	return replies, nil
}

// served says that no reply asks to go elsewhere.
func served(replies []Reply) bool {
	return !slices.ContainsFunc(replies, func(r Reply) bool { return errors.Is(r.Err, ErrUnavailable) })
}

// behindLimit is how far a node may be behind its peers and still count as complete: it polls them and looks at itself
// that often.
const behindLimit = 2000 // ms

// read is carry for a unit that reads points: of the holders, the nearest that has all its peers have, else the one
// that is least behind, with an ErrPartial.
func (c *core) read(ctx context.Context, u unit) ([]Reply, error) {
	if len(u.cell.holders) == 1 {
		return c.carry(ctx, u), nil
	}
	asked := unit{cell: u.cell, commands: append(slices.Clone(u.commands), []string{"INFO", "peers"}), repeatable: true}
	var tried []*member
	var best []Reply
	why, least := errEveryoneDown(u.cell), int64(math.MaxInt64)
	for ctx.Err() == nil {
		m := u.cell.pick(tried)
		if m == nil {
			break
		}
		tried = append(tried, m)
		replies, err := c.offer(ctx, m, asked)
		if err != nil {
			why = err
			continue
		}
		n := len(u.commands)
		behind := behindOf(replies[n])
		if !served(replies[:n]) {
			why = cmp.Or(firstError(replies[:n]), why)
			continue
		}
		if behind <= behindLimit {
			return replies[:n], nil
		}
		if best == nil || behind < least {
			best, least = replies[:n], behind
		}
	}
	if best == nil {
		return u.failed(why), nil
	}
	return best, fmt.Errorf("%w: node %s lacks what some of its peers have", ErrPartial, best[0].Node)
}

// behindOf reads how far a node says it is behind. A server that says nothing of it is a plain Redis: it has no peers.
func behindOf(info Reply) int64 {
	text, _ := info.Value.(string)
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "behind_ms:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			if err != nil || n < 0 {
				return math.MaxInt64
			}
			return n
		}
	}
	return 0
}

func firstError(replies []Reply) error {
	for _, r := range replies {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// failed gives every command of the unit the same error.
func (u unit) failed(why error) []Reply {
	out := make([]Reply, len(u.commands))
	for i := range out {
		out[i].Err = why
	}
	return out
}
