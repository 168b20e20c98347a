package keycmd

import (
	"math"

	"github.com/dunlin-db/dunlin/internal/keyspace"
)

const errNaN = "ERR resulting score is not a number (NaN)"

// zaddFlags are the options of ZADD.
type zaddFlags struct{ nx, xx, gt, lt, ch, incr bool }

// zaddOptions reads the options and gives the score-member pairs. ok is false when the error reply is written.
func (c *Call) zaddOptions() (f zaddFlags, pairs [][]byte, ok bool) {
	i := 2
options:
	for ; i < len(c.Args); i++ {
		switch arg := c.Args[i]; {
		case len(arg) != 2 && len(arg) != 4:
			break options
		case Is(arg, "nx"):
			f.nx = true
		case Is(arg, "xx"):
			f.xx = true
		case Is(arg, "gt"):
			f.gt = true
		case Is(arg, "lt"):
			f.lt = true
		case Is(arg, "ch"):
			f.ch = true
		case Is(arg, "incr"):
			f.incr = true
		default:
			break options
		}
	}
	pairs = c.Args[i:]
	if why := f.conflict(len(pairs)); why != "" {
		c.W.Error(why)
		return f, nil, false
	}
	return f, pairs, true
}

func (f zaddFlags) conflict(args int) string {
	switch {
	case args == 0 || args%2 != 0:
		return ErrSyntax
	case f.nx && f.xx:
		return "ERR XX and NX options at the same time are not compatible"
	case f.gt && f.nx || f.lt && f.nx || f.gt && f.lt:
		return "ERR GT, LT, and/or NX options at the same time are not compatible"
	case f.incr && args > 2:
		return "ERR INCR option supports a single increment-element pair"
	}
	return ""
}

func cmdZAdd(c *Call) {
	f, pairs, ok := c.zaddOptions()
	if !ok {
		return
	}
	k, kind, ok := c.key(c.Args[1])
	if !ok {
		return
	}
	switch kind {
	case seriesKey:
		zaddSeries(c, k, pairs)
	case journalKey:
		zaddJournal(c, f, pairs)
	default:
		zaddPlain(c, f, pairs)
	}
}

func cmdZIncrBy(c *Call) { zaddPlain(c, zaddFlags{incr: true}, c.Args[2:]) }

// scores appends the scores of score-member pairs. ok is false when the error reply is written.
func (c *Call) scores(dst []float64, pairs [][]byte) (scores []float64, ok bool) {
	for i := 0; i < len(pairs); i += 2 {
		f, ok := keyspace.ParseFloat(pairs[i])
		if !ok {
			c.W.Error(errNotFloat)
			return nil, false
		}
		dst = append(dst, f)
	}
	return dst, true
}

func zaddPlain(c *Call, f zaddFlags, pairs [][]byte) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	scores, ok := c.scores(nil, pairs)
	if !ok {
		return
	}
	o := db.Lookup(c.Args[1])
	if o != nil && o.Kind() != keyspace.ZSetKind {
		c.W.Error(errWrongType)
		return
	}
	if o == nil && f.xx {
		f.reply(c, zaddCount{})
		return
	}
	z := db.ZSet(c.Args[1])
	var n zaddCount
	for i, score := range scores {
		if !f.put(z, pairs[2*i+1], score, &n) {
			c.W.Error(errNaN)
			return
		}
	}
	f.reply(c, n)
}

// zaddCount is what a ZADD did.
type zaddCount struct {
	added, updated int
	processed      bool    // INCR: the member was not left alone
	score          float64 // INCR: the new score
}

// put adds or updates one member. It gives false when the new score is not a number.
func (f zaddFlags) put(z *keyspace.ZSet, member []byte, score float64, n *zaddCount) bool {
	old, there := z.Score(member)
	if !there {
		if f.xx {
			return true
		}
		z.Put(member, score)
		n.added++
		n.processed, n.score = true, score
		return true
	}
	if f.nx {
		return true
	}
	if f.incr {
		score += old
		if math.IsNaN(score) {
			return false
		}
	}
	if f.lt && score >= old || f.gt && score <= old {
		return true
	}
	n.processed, n.score = true, score
	if score != old {
		z.Put(member, score)
		n.updated++
	}
	return true
}

func (f zaddFlags) reply(c *Call, n zaddCount) {
	switch {
	case f.incr && n.processed:
		c.W.Double(n.score)
	case f.incr:
		c.W.Null()
	case f.ch:
		c.W.Int(int64(n.added + n.updated))
	default:
		c.W.Int(int64(n.added))
	}
}

// zaddJournal answers a seed-style writer, who keeps a journal by hand, about as Redis would: how many of the members
// are new. Nothing is stored: the shard's own change order is the journal, and whatever has points is in it.
func zaddJournal(c *Call, f zaddFlags, pairs [][]byte) {
	if string(c.Args[1]) != "journal" || f.incr {
		c.W.Error(errJournal)
		return
	}
	scores, ok := c.scores(nil, pairs)
	if !ok {
		return
	}
	var n zaddCount
	for i := range scores {
		switch there := c.hasPoints(pairs[2*i+1]); {
		case !there && !f.xx:
			n.added++
		case there && !f.nx:
			n.updated++
		}
	}
	f.reply(c, n)
}

// hasPoints says whether key is a series key with points on one of the call's shards.
func (c *Call) hasPoints(key []byte) bool {
	k, err := c.parse(key)
	s := c.slotFor(key)
	return err == nil && s != nil && s.local().Card(k) > 0
}

func cmdZRem(c *Call) {
	if c.belowFloor(c.Args[1]) {
		return
	}
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.ZSetKind)
	if !ok {
		return
	}
	removed := 0
	if o != nil {
		for _, member := range c.Args[2:] {
			if o.ZSet().Remove(member) {
				removed++
			}
		}
		deleteEmpty(db, c.Args[1], o)
	}
	c.W.Int(int64(removed))
}

// deleteEmpty deletes a set or sorted set without members.
func deleteEmpty(db *keyspace.DB, key []byte, o *keyspace.Object) {
	if o.Kind() == keyspace.ZSetKind && o.ZSet().Len() == 0 || o.Kind() == keyspace.SetKind && o.Set().Len() == 0 {
		db.Delete(key)
	}
}

// cmdZRemRange is ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.
func cmdZRemRange(c *Call) {
	if c.belowFloor(c.Args[1]) {
		return
	}
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	var span func(z zview) (lo, hi int)
	if Is(c.Args[0], "zremrangebyrank") {
		first, okFirst := c.int(c.Args[2])
		if !okFirst {
			return
		}
		last, okLast := c.int(c.Args[3])
		span, ok = func(z zview) (int, int) { return rankSpan(first, last, z.Card()) }, okLast
	} else {
		span, ok = c.span(c.Args[2], c.Args[3], Is(c.Args[0], "zremrangebylex"))
	}
	if !ok {
		return
	}
	o := db.Lookup(c.Args[1])
	if o.Kind() != keyspace.ZSetKind {
		c.zeroOrWrongType(o)
		return
	}
	lo, hi := span(plainView{o.ZSet()})
	for _, e := range entries(o.ZSet(), lo, hi, false) {
		o.ZSet().Remove([]byte(e.Member))
	}
	deleteEmpty(db, c.Args[1], o)
	c.W.Int(int64(max(0, hi-lo)))
}

// zeroOrWrongType replies for a key that does not hold the wanted kind: 0 when it is missing.
func (c *Call) zeroOrWrongType(o *keyspace.Object) {
	if o == nil {
		c.W.Int(0)
		return
	}
	c.W.Error(errWrongType)
}

func entries(z *keyspace.ZSet, lo, hi int, desc bool) []keyspace.Entry {
	var out []keyspace.Entry
	z.Each(lo, hi, desc, func(e keyspace.Entry) { out = append(out, e) })
	return out
}

// cmdZPop is ZPOPMIN and ZPOPMAX.
func cmdZPop(c *Call) {
	n, counted, ok := c.popCount()
	if !ok {
		return
	}
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.ZSetKind)
	if !ok {
		return
	}
	if o == nil || n == 0 {
		c.W.Array(0)
		return
	}
	z, desc := o.ZSet(), Is(c.Args[0], "zpopmax")
	n = min(n, int64(z.Len()))
	lo, hi := 0, int(n)
	if desc {
		lo, hi = z.Len()-int(n), z.Len()
	}
	out := c.rows(true)
	out.nested = out.nested && counted // without a count RESP3 has no pair either
	for _, e := range entries(z, lo, hi, desc) {
		out.add([]byte(e.Member), e.Score)
		z.Remove([]byte(e.Member))
	}
	deleteEmpty(db, c.Args[1], o)
	out.reply(c.W)
}

// popCount reads the optional count of ZPOP* and SPOP, 1 when there is none.
func (c *Call) popCount() (n int64, counted, ok bool) {
	switch len(c.Args) {
	case 2:
		return 1, false, true
	case 3:
		n, ok = keyspace.ParseInt(c.Args[2])
		if ok = ok && n >= 0; !ok {
			c.W.Error(errPositive)
		}
		return n, true, ok
	}
	c.W.Error(ErrSyntax)
	return 0, false, false
}
