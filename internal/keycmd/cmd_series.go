package keycmd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// CheckSeries says why a command may not be used on a series key, "" when it may: an error reply with a hint.
// It is the same for series in memory and on Redis. name is in lower case; args are those behind the name.
func CheckSeries(name string, args [][]byte) (refusal string) {
	if name != "zadd" {
		return SeriesHint(name)
	}
	for _, arg := range args[min(1, len(args)):] {
		switch {
		case Is(arg, "xx"), Is(arg, "gt"), Is(arg, "lt"), Is(arg, "incr"):
			return SeriesHint("zadd " + strings.ToLower(string(arg)))
		case !Is(arg, "nx") && !Is(arg, "ch"):
			return ""
		}
	}
	return ""
}

// SeriesHint is the refusal of a command on a series key, "" when it is allowed.
func SeriesHint(name string) string {
	why := ""
	switch name {
	case "del", "unlink", "zrem", "zremrangebyrank", "zremrangebyscore", "zremrangebylex", "zpopmin", "zpopmax", "getdel":
		why = "points are only dropped with their whole period, use DN.DROP PERIOD"
	case "expire", "pexpire", "expireat", "pexpireat":
		why = "points live until their period is dropped, use keep in the topology file or DN.DROP PERIOD"
	case "rename", "renamenx":
		why = "the key is part of every point, write the points under the other key with ZADD"
	case "set", "setnx", "setex", "psetex", "getset", "mset", "append", "incr", "decr", "incrby", "decrby",
		"incrbyfloat", "sadd", "srem", "spop":
		why = "it holds points, use ZADD KEY TS TS:VALUE"
	case "zincrby", "zadd xx", "zadd gt", "zadd lt", "zadd incr":
		why = "a point never changes, use ZADD KEY [NX] [CH] TS TS:VALUE"
	default:
		return ""
	}
	return "ERR " + strings.ToUpper(name) + " on a series key: " + why
}

// zaddSeries is ZADD on a series key: every point is admitted or refused for itself.
func zaddSeries(c *Call, k series.Key, pairs [][]byte) {
	if refusal := CheckSeries("zadd", c.Args[1:]); refusal != "" {
		c.W.Error(refusal)
		return
	}
	s, ok := c.heldSlot(c.Args[1])
	if !ok {
		return
	}
	scores, ok := c.scores(s.scratch.scores[:0], pairs)
	if !ok {
		return
	}
	var bad Refusals
	points := s.scratch.points[:0]
	for i, score := range scores {
		p, err := series.ParseMember(pairs[2*i+1])
		if err == nil && !series.ScoreIs(score, p.TS) {
			err = series.ErrScore
		}
		if err != nil {
			bad.Add(err)
			continue
		}
		points = append(points, p)
	}
	s.Shard.CountRefused(bad.N)
	s.scratch.scores, s.scratch.points = scores, points
	group := &s.scratch.groups[0]
	*group = store.Group{Key: k, Points: points}
	if len(points) > 0 {
		refused, err := s.Tx.Add(c.Ctx, s.scratch.groups[:])
		if err != nil {
			c.W.Error(storeError(err))
			return
		}
		for _, r := range refused {
			bad.Add(r.Why)
		}
	}
	if bad.N > 0 {
		c.W.Error(bad.Reply(len(scores)))
		return
	}
	c.W.Int(int64(group.Added))
}

// Refusals are the points of one command that were not stored.
type Refusals struct {
	N   int
	Why error // of the first
}

// Add counts one.
func (r *Refusals) Add(why error) {
	r.Why = cmp.Or(r.Why, why)
	r.N++
}

// Reply is the error that names them, that of redis-server where memory kept everything out; of is how many points the
// command had.
func (r *Refusals) Reply(of int) string {
	if r.N == of && (errors.Is(r.Why, store.ErrMemory) || errors.Is(r.Why, shard.ErrUnwritten)) {
		return RefusalText(r.Why)
	}
	return fmt.Sprintf("ERR %d of %d refused: %v; the rest is stored", r.N, of, r.Why)
}

// RefusalText is the error for one refused point.
func RefusalText(why error) string {
	if errors.Is(why, store.ErrMemory) {
		return "OOM command not allowed when " + why.Error()
	}
	if errors.Is(why, shard.ErrUnwritten) {
		return "MISCONF points are not taken while " + why.Error() + ": see INFO persistence, free the disk"
	}
	return "ERR " + why.Error()
}

// storeError is the error reply for an error of a store.
func storeError(err error) string {
	if errors.Is(err, store.ErrUnavailable) {
		return "UNAVAIL " + err.Error()
	}
	return "ERR " + err.Error()
}

// belowFloor answers 0 for a series key whose period is dropped: there is nothing left to remove.
func (c *Call) belowFloor(key []byte) bool {
	below := c.isBelowFloor(key)
	if below {
		c.W.Int(0)
	}
	return below
}

func (c *Call) isBelowFloor(key []byte) bool {
	k, err := c.parse(key)
	if err != nil {
		return false
	}
	s := c.slotFor(key)
	return s != nil && k.Period < s.Shard.Floor()
}
