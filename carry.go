package dunlin

import (
	"context"
	"errors"

	"github.com/dunlin-db/dunlin/internal/upstream"
)

// unit is commands of one shard that go to one server together, on one connection, in order.
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
		results, err := m.server.Exchange(ctx, upstream.Batch{DB: m.db, Commands: u.commands, Repeatable: u.repeatable})
		if err != nil {
			why = unavailable(m, err)
			if errors.Is(err, upstream.ErrGivenUp) || errors.Is(err, upstream.ErrUnsure) && !u.repeatable {
				return u.failed(why)
			}
			continue
		}
		replies, served := make([]Reply, len(results)), true
		for i := range results {
			replies[i] = Reply{Node: m.info.Name, Shard: m.db}
			replies[i].read(m, results[i])
			served = served && !errors.Is(replies[i].Err, ErrUnavailable)
		}
		if served || !u.repeatable {
			return replies
		}
		if best == nil {
			best = replies
		}
	}
}

// failed gives every command of the unit the same error.
func (u unit) failed(why error) []Reply {
	out := make([]Reply, len(u.commands))
	for i := range out {
		out[i].Err = why
	}
	return out
}
