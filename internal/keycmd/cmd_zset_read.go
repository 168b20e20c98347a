package keycmd

import (
	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/zseries"
)

const (
	errScoreRange = "ERR min or max is not a float"
	errLexRange   = "ERR min or max not valid string range item"
)

// zset finds the sorted set of a key: nil when missing. ok is false when the error reply is written.
func (c *Call) zset(key []byte) (z zview, ok bool) {
	v, ok := c.lookupKind(key, keyspace.ZSetKind)
	return v.zset, ok
}

func cmdZCard(c *Call) {
	z, ok := c.zset(c.Args[1])
	switch {
	case !ok:
	case z == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(z.Card()))
	}
}

// cmdZCount is ZCOUNT and ZLEXCOUNT.
func cmdZCount(c *Call) {
	span, ok := c.span(c.Args[2], c.Args[3], Is(c.Args[0], "zlexcount"))
	if !ok {
		return
	}
	z, ok := c.zset(c.Args[1])
	switch {
	case !ok:
	case z == nil:
		c.W.Int(0)
	default:
		lo, hi := span(z)
		c.W.Int(int64(hi - lo))
	}
}

// span parses a range of scores or members into a function that finds its ranks.
func (c *Call) span(min, max []byte, lex bool) (find func(z zview) (lo, hi int), ok bool) {
	if lex {
		r, ok := keyspace.ParseLexRange(min, max)
		if !ok {
			c.W.Error(errLexRange)
		}
		return func(z zview) (int, int) { return lexSpan(z, r) }, ok
	}
	r, ok := keyspace.ParseScoreRange(min, max)
	if !ok {
		c.W.Error(errScoreRange)
	}
	return func(z zview) (int, int) { return z.Scores(r) }, ok
}

func cmdZScore(c *Call) {
	z, ok := c.zset(c.Args[1])
	if ok {
		writeScore(c.W, z, c.Args[2])
	}
}

func cmdZMScore(c *Call) {
	z, ok := c.zset(c.Args[1])
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		writeScore(c.W, z, member)
	}
}

func writeScore(w *resp.Writer, z zview, member []byte) {
	if z != nil {
		if score, ok := z.Score(member); ok {
			w.Double(score)
			return
		}
	}
	w.Null()
}

// cmdZRank is ZRANK and ZREVRANK.
func cmdZRank(c *Call) {
	z, ok := c.zset(c.Args[1])
	if !ok {
		return
	}
	if z == nil {
		c.W.Null()
		return
	}
	r, ok := z.Rank(c.Args[2])
	switch {
	case !ok:
		c.W.Null()
	case Is(c.Args[0], "zrevrank"):
		c.W.Int(int64(z.Card() - 1 - r))
	default:
		c.W.Int(int64(r))
	}
}

type rangeBy uint8

const (
	byAny rangeBy = iota // ZRANGE before its options are read
	byRank
	byScore
	byLex
)

// rangeQuery is what a command of the ZRANGE family asks for.
type rangeQuery struct {
	by              rangeBy
	desc            bool
	withScores      bool
	offset, limit   int64
	first, last     int64 // by rank
	scores          keyspace.ScoreRange
	members         keyspace.LexRange
	descMayBeChosen bool // ZRANGE: REV is allowed
}

// cmdZRange is ZRANGE, ZREVRANGE, Z[REV]RANGEBYSCORE and Z[REV]RANGEBYLEX.
func cmdZRange(c *Call) {
	q := rangeQuery{limit: -1}
	switch name := c.name(); name {
	case "zrange":
		q.descMayBeChosen = true
	case "zrevrange":
		q.by = byRank
	case "zrangebyscore", "zrevrangebyscore":
		q.by = byScore
	default:
		q.by = byLex
	}
	q.desc = Is(c.Args[0][:4], "zrev")
	if !c.rangeOptions(&q) || !c.rangeBounds(&q) {
		return
	}
	z, ok := c.zset(c.Args[1])
	if !ok {
		return
	}
	if set, isSeries := z.(*zseries.Set); isSeries {
		lo, hi := q.ranks(z)
		c.Rest = set.Reply(c.W, zseries.Run{Lo: lo, Hi: hi, Desc: q.desc, WithScores: q.withScores})
		return
	}
	out := c.rows(q.withScores)
	if z != nil {
		if j, ok := z.(*journalView); ok && q.by == byScore {
			j.byScore(q.score(), out.add)
		} else {
			lo, hi := q.ranks(z)
			z.Each(lo, hi, q.desc, out.add)
		}
	}
	out.reply(c.W)
}

// rangeOptions reads what follows min and max.
func (c *Call) rangeOptions(q *rangeQuery) bool {
	auto := q.by == byAny
	for i := 4; i < len(c.Args); i++ {
		arg := c.Args[i]
		switch {
		case Is(arg, "withscores"):
			q.withScores = true
		case Is(arg, "limit") && i+2 < len(c.Args):
			var ok bool
			if q.offset, ok = c.int(c.Args[i+1]); !ok {
				return false
			}
			if q.limit, ok = c.int(c.Args[i+2]); !ok {
				return false
			}
			i += 2
		case q.descMayBeChosen && !q.desc && Is(arg, "rev"):
			q.desc = true
		case auto && q.by == byAny && Is(arg, "bylex"):
			q.by = byLex
		case auto && q.by == byAny && Is(arg, "byscore"):
			q.by = byScore
		default:
			c.W.Error(ErrSyntax)
			return false
		}
	}
	if q.by == byAny {
		q.by = byRank
	}
	switch {
	case q.limit != -1 && q.by == byRank:
		c.W.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
		return false
	case q.withScores && q.by == byLex:
		c.W.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
		return false
	}
	return true
}

func (c *Call) rangeBounds(q *rangeQuery) (ok bool) {
	lo, hi := c.Args[2], c.Args[3]
	if q.desc && q.by != byRank {
		lo, hi = hi, lo
	}
	switch q.by {
	case byScore:
		if q.scores, ok = keyspace.ParseScoreRange(lo, hi); !ok {
			c.W.Error(errScoreRange)
		}
	case byLex:
		if q.members, ok = keyspace.ParseLexRange(lo, hi); !ok {
			c.W.Error(errLexRange)
		}
	default:
		if q.first, ok = c.int(lo); ok {
			q.last, ok = c.int(hi)
		}
	}
	return ok
}

func (q *rangeQuery) score() scoreQuery { return scoreQuery{q.scores, q.desc, q.offset, q.limit} }

// ranks gives what is asked for as ranks, hi not included.
func (q *rangeQuery) ranks(z zview) (lo, hi int) {
	switch q.by {
	case byScore:
		return q.score().window(z.Scores(q.scores))
	case byLex:
		return q.score().window(lexSpan(z, q.members))
	}
	n := z.Card()
	lo, hi = rankSpan(q.first, q.last, n)
	if q.desc {
		lo, hi = n-hi, n-lo
	}
	return lo, hi
}

// rankSpan turns Redis' ranks, negative from the end and the last included, into lo to hi, hi not included.
func rankSpan(first, last int64, n int) (lo, hi int) {
	if first < 0 {
		first = max(first+int64(n), 0)
	}
	if last < 0 {
		last += int64(n)
	}
	last = min(last, int64(n)-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}
