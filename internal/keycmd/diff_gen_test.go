package keycmd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// compareAs is how the two replies to an op are compared.
type compareAs uint8

const (
	asBytes   compareAs = iota
	asSet               // lists in any order
	asPairs             // lists of pairs in any order
	asTime              // integers, a minute apart at most
	asRefusal           // ours must hold want; Redis gets op.redis, if anything, and its reply is not looked at
	asPop               // SPOP: what ours took is removed there
)

// op is one command of a stream.
type op struct {
	args  []string
	as    compareAs
	want  string
	redis []string
}

func (o op) String() string { return fmt.Sprintf("%q", o.args) }

// gen makes random commands that often meet: few keys, few members, valid and invalid arguments.
type gen struct {
	r   *rand.Rand
	now time.Time
}

func pick(g *gen, from ...string) string { return from[g.r.IntN(len(from))] }

func (g *gen) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *gen) num(n int) string { return strconv.Itoa(g.r.IntN(n)) }

func (g *gen) str() string { return "s" + g.num(6) }
func (g *gen) set() string { return "set" + g.num(4) }
func (g *gen) zset() string {
	return "z" + g.num(4)
}
func (g *gen) lex() string { return "lex" + g.num(3) }

// plain is any plain key but the lex ones, whose scores must stay equal.
func (g *gen) plain() string {
	switch g.r.IntN(4) {
	case 0:
		return g.str()
	case 1:
		return g.set()
	case 2:
		return g.zset()
	}
	return "missing" + g.num(2)
}

// or gives mostly key, at times one of another kind.
func (g *gen) or(key string) string {
	if g.chance(8) {
		return g.plain()
	}
	return key
}

// series is a series key of today or yesterday.
func (g *gen) series() string {
	day := g.now.Add(-24 * time.Hour * time.Duration(g.r.IntN(2)))
	return day.UTC().Format("2006-01-02") + pick(g, ":h1:cpu", ":h2:cpu", ":h1:load", ":h%3A1:x")
}

// readable is any key at all.
func (g *gen) readable(key string) string {
	if g.chance(20) {
		return g.series()
	}
	return g.or(key)
}

func (g *gen) text() string {
	return pick(g, "", "a", "b", "0", "7", "-1", "10000", "9999", "123456789012", "9223372036854775807",
		"-9223372036854775808", "007", "+1", "1.5", "-0", "3.0e3", "hello", "\x00\xff\r\n", strings.Repeat("x", 44),
		strings.Repeat("y", 45), strings.Repeat("m", 65), g.num(1000))
}

func (g *gen) member() string {
	if g.chance(10) {
		return g.text()
	}
	return "m" + g.num(40)
}

func (g *gen) manyMember() string { return "n" + g.num(400) }

// noise is a short text of some characters.
func (g *gen) noise(chars string) string {
	var b strings.Builder
	for range g.r.IntN(9) {
		b.WriteByte(chars[g.r.IntN(len(chars))])
	}
	return b.String()
}

// numberNoise may be a number in some spelling.
func (g *gen) numberNoise() string {
	if g.chance(20) {
		return "0x" + g.noise("0123456789abcdefp.+-")
	}
	return g.noise("00112345678999..ee+-infa")
}

func (g *gen) score() string {
	if g.chance(4) {
		return g.numberNoise()
	}
	if g.chance(4) {
		return pick(g, "abc", "", "nan", "-nan", " 1", "1 ", "1e400", "1_0", "(1", "0x", "--1", "1e", "1e-400", "1\x00")
	}
	if g.chance(25) {
		return pick(g, "inf", "-inf", "+inf", "Infinity", "-0", "0", "1e308", "-1e308", "1e-320", "0x10", "+5", ".5", "5.",
			"3.14159265358979", "1e5", "1E-7", "123456789012345678", "0.1", "-1.5", "1e15", "1e16", "1e17", "1e18",
			"1.7976931348623157e308", "0.30000000000000004", "100000000000000000000")
	}
	return strconv.Itoa(g.r.IntN(40) - 20)
}

func (g *gen) bound() string {
	switch g.r.IntN(14) {
	case 4:
		return pick(g, "", "(", "((") + g.numberNoise()
	case 0:
		return pick(g, "-inf", "+inf", "inf", "(inf", "(-inf")
	case 1:
		return pick(g, "abc", "(", "", "(nan", "nan", "1 ", " 1", "((1", "1e400", "[1")
	case 2, 3:
		return "(" + g.score()
	}
	return g.score()
}

func (g *gen) lexBound() string {
	switch g.r.IntN(8) {
	case 0:
		return "-"
	case 1:
		return "+"
	case 2:
		return pick(g, "", "m1", "[", "(", "++", "-x")
	case 3:
		return "(" + g.member()
	}
	return "[" + g.member()
}

func (g *gen) rank() string {
	if g.chance(3) {
		return pick(g, "a", "", "1.5", "99999999999999999999", " 1")
	}
	return strconv.Itoa(g.r.IntN(60) - 30)
}

func (g *gen) limit() []string {
	if !g.chance(40) {
		return nil
	}
	offset, n := pick(g, "0", "1", "3", "10", "-1", "x"), pick(g, "0", "1", "5", "100", "-1", "-3", "")
	return []string{pick(g, "limit", "LIMIT"), offset, n}
}

func (g *gen) list(n int, f func() string) []string {
	out := make([]string, 1+g.r.IntN(n))
	for i := range out {
		out[i] = f()
	}
	return out
}

func (g *gen) glob() string {
	if g.chance(40) {
		return g.noise("sz*?[]^-\\0123*set")
	}
	return pick(g, "*", "s*", "*1", "s?", "[sz]?", "[^s]*", "z[0-2]", "lex*", "s\\1", "m*1*", "m[1-",
		"", "\\", "n?*", "**x", "*:cpu")
}

// op makes one command. The weights keep keys alive: writers before deleters.
func (g *gen) op() op {
	switch n := g.r.IntN(100); {
	case n < 2:
		return g.short()
	case n < 26:
		return g.stringOp()
	case n < 40:
		return g.setOp()
	case n < 58:
		return g.zsetOp()
	case n < 64:
		return g.lexOp()
	case n < 78:
		return g.seriesOp()
	case n < 80:
		return g.refusedOp()
	}
	return g.genericOp()
}

// short is a command without arguments.
func (g *gen) short() op {
	for {
		cmd := Commands()[g.r.IntN(len(Commands()))]
		if cmd.Flags&AllSlots == 0 {
			return op{args: []string{cmd.Name}}
		}
	}
}

func cat(parts ...any) []string {
	var out []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		}
	}
	return out
}

func (g *gen) ttl() string {
	if g.chance(10) {
		return pick(g, "0", "-1", "x", "9223372036854775807", "-9223372036854775808", "9223372036854775", "", "1.5")
	}
	return strconv.Itoa(1000 * (1 + g.r.IntN(1_000_000)))
}

func (g *gen) at(unit int64) string {
	if g.chance(10) {
		return pick(g, "0", "1", "-1", "x", "9223372036854775807", "1000")
	}
	return g.future(unit)
}

func (g *gen) future(unit int64) string {
	return strconv.FormatInt((g.now.Unix()+1000*int64(1+g.r.IntN(1_000_000)))*unit, 10)
}

func (g *gen) stringOp() op {
	k := g.readable(g.str())
	w := g.or(g.str())
	switch g.r.IntN(22) {
	case 0, 1, 2:
		return op{args: []string{"GET", k}}
	case 3, 4, 5, 6:
		return op{args: cat("set", w, g.text(), g.setOptions())}
	case 7:
		return op{args: []string{"SETNX", w, g.text()}}
	case 8:
		return op{args: []string{pick(g, "SETEX", "psetex"), w, g.ttl() + pick(g, "", "000"), g.text()}}
	case 9:
		return op{args: []string{"getset", w, g.text()}}
	case 10:
		return op{args: []string{"GetDel", w}}
	case 11:
		return op{args: []string{"STRLEN", k}}
	case 12:
		return op{args: []string{"APPEND", w, pick(g, "", "x", "1", "tail")}}
	case 13:
		return op{args: cat("MGET", g.list(4, func() string { return g.readable(g.str()) }))}
	case 14:
		return op{args: cat("MSET", g.list(5, func() string { return g.or(g.str()) }), g.text())}
	case 15, 16:
		return op{args: []string{pick(g, "INCR", "DECR"), w}}
	case 17, 18:
		return op{args: []string{pick(g, "INCRBY", "DECRBY"), w, g.text()}}
	}
	return op{args: []string{"INCRBYFLOAT", w, pick(g,
		g.numberNoise(), g.numberNoise(), "0.1", "-0.1", "10.5", "1e5", "3", "-7", "1e-10", "0.000001", "abc", "",
		"nan", "inf", "1e5000", "0x10", " 1", "5.0e3", "1e18", "3.3333333333333333333", "-0")}}
}

func (g *gen) setOptions() (out []string) {
	for g.chance(30) {
		switch g.r.IntN(8) {
		case 0:
			out = append(out, pick(g, "NX", "nx"))
		case 1:
			out = append(out, "xx")
		case 2:
			out = append(out, "GET")
		case 3:
			out = append(out, "KEEPTTL")
		case 4:
			out = append(out, "EX", g.ttl())
		case 5:
			out = append(out, "px", g.ttl()+"000")
		case 6: // never in the past: Redis keeps such a key until it finds it
			out = append(out, pick(g, "EXAT", "PXAT"),
				pick(g, "0", "-1", "x", g.future(1000), g.future(1000), g.future(1_000_000)))
		case 7:
			out = append(out, pick(g, "EX", "what", ""))
		}
	}
	return out
}

func (g *gen) setOp() op {
	k := g.readable(g.set())
	w := g.or(g.set())
	member := func() string {
		if g.chance(50) {
			return g.num(700)
		}
		return g.member()
	}
	if w == "set0" { // stays a set of integers
		member = func() string { return g.num(700) }
	}
	switch g.r.IntN(12) {
	case 0, 1, 2, 3:
		return op{args: cat("SADD", w, g.list(30, member))}
	case 4:
		return op{args: cat("SREM", w, g.list(5, member))}
	case 5:
		return op{args: []string{"SMEMBERS", k}, as: asSet}
	case 6:
		return op{args: []string{"SISMEMBER", k, member()}}
	case 7:
		return op{args: cat("SMISMEMBER", k, g.list(4, member))}
	case 8:
		return op{args: []string{"SCARD", k}}
	case 9:
		return op{args: cat("SPOP", w, pick(g, "", "1", "3", "0", "-1", "x")), as: asPop}.trim()
	}
	return op{args: cat("SSCAN", k, g.scanOptions(false)), as: asSet}
}

// trim drops empty arguments.
func (o op) trim() op {
	var out []string
	for _, a := range o.args {
		if a != "" {
			out = append(out, a)
		}
	}
	o.args = out
	return o
}

// scanOptions ask for everything at once, so that the cursors, which differ, play no part.
func (g *gen) scanOptions(typed bool) []string {
	if g.chance(5) {
		return []string{pick(g, "x", "1x", " 1", "99999999999999999999999")}
	}
	out := []string{"0", "COUNT", "1000000"}
	if g.chance(30) {
		out = append(out, "match", g.glob())
	}
	if typed && g.chance(30) {
		out = append(out, "TYPE", pick(g, "string", "zset", "SET", "hash", "nonsense"))
	}
	if g.chance(5) {
		out = append(out, pick(g, "COUNT", "MATCH", "TYPE", "x"))
	}
	if g.chance(5) {
		out = append(out, "COUNT", pick(g, "0", "-1", "x"))
	}
	return out
}

func (g *gen) zaddFlags() []string {
	if !g.chance(40) {
		return nil
	}
	return g.list(2, func() string { return pick(g, "NX", "XX", "GT", "LT", "CH", "ch", "INCR") })
}

func (g *gen) pairs(member func() string) (out []string) {
	for range 1 + g.r.IntN(4) {
		out = append(out, g.score(), member())
	}
	return out
}

func (g *gen) zsetOp() op {
	key := g.zset()
	member := g.member
	if key == "z0" {
		member = g.manyMember
	}
	switch g.r.IntN(16) {
	case 0, 1, 2, 3, 4:
		args := cat("ZADD", g.or(key), g.zaddFlags(), g.pairs(member))
		if g.chance(3) {
			args = args[:len(args)-1]
		}
		return op{args: args}
	case 5:
		return op{args: []string{"ZINCRBY", g.or(key), g.score(), member()}}
	case 6:
		return op{args: cat("ZREM", g.or(key), g.list(4, member))}
	case 7:
		if g.chance(70) {
			return op{args: []string{"ZCARD", key}}
		}
		return op{args: []string{"ZREMRANGEBYSCORE", g.or(key), g.bound(), g.bound()}}
	case 8:
		if g.chance(50) {
			return op{args: []string{"ZREMRANGEBYRANK", g.or(key), g.rank(), g.rank()}}
		}
		return op{args: []string{pick(g, "ZPOPMIN", "ZPOPMAX"), g.or(key), pick(g, "1", "2", "0", "-1", "x")}}
	case 9:
		return op{args: []string{pick(g, "ZPOPMIN", "ZPOPMAX"), g.or(key)}}
	}
	return g.zread(g.or(key), member, g.bound)
}

// zread is a reading command on a sorted set or series.
func (g *gen) zread(key string, member, bound func() string) op {
	scores := func() []string {
		if g.chance(50) {
			return []string{pick(g, "WITHSCORES", "withscores")}
		}
		return nil
	}
	switch g.r.IntN(13) {
	case 0:
		return op{args: []string{"ZCARD", key}}
	case 1:
		return op{args: []string{"ZCOUNT", key, bound(), bound()}}
	case 2:
		return op{args: []string{"ZSCORE", key, member()}}
	case 3:
		return op{args: cat("ZMSCORE", key, g.list(4, member))}
	case 4, 5:
		return op{args: []string{pick(g, "ZRANK", "ZREVRANK"), key, member()}}
	case 6:
		return op{args: cat(pick(g, "ZRANGE", "ZREVRANGE"), key, g.rank(), g.rank(), scores(), g.limit())}
	case 7:
		return op{args: cat("ZRANGE", key, bound(), bound(), "BYSCORE", g.limit(), scores())}
	case 8:
		return op{args: cat("ZRANGE", key, bound(), bound(), "byscore", "REV", scores(), g.limit())}
	case 9:
		return op{args: cat("ZRANGE", key, g.rank(), g.rank(), pick(g, "REV", "BYRANK", "rev"), scores())}
	case 10:
		return op{args: cat("ZSCAN", key, g.scanOptions(false)), as: asPairs}
	}
	return op{args: cat(pick(g, "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), key, bound(), bound(), scores(), g.limit())}
}

func (g *gen) lexOp() op {
	key := g.lex()
	switch g.r.IntN(8) {
	case 0, 1, 2:
		args := []string{"ZADD", key}
		for range 1 + g.r.IntN(4) {
			args = append(args, "0", g.member())
		}
		return op{args: args}
	case 3:
		if g.chance(30) {
			return op{args: []string{"ZREMRANGEBYLEX", key, g.lexBound(), g.lexBound()}}
		}
		return op{args: cat("ZREM", key, g.member())}
	case 4:
		return op{args: []string{"ZLEXCOUNT", key, g.lexBound(), g.lexBound()}}
	case 5:
		more := pick(g, "REV", "BYLEX", "LIMIT", "WITHSCORES")
		return op{args: cat("ZRANGE", key, g.lexBound(), g.lexBound(), "BYLEX", more, g.limit())}
	case 6:
		return op{args: cat("ZRANGE", key, g.lexBound(), g.lexBound(), "BYLEX", g.limit())}
	}
	return op{args: cat(pick(g, "ZRANGEBYLEX", "ZREVRANGEBYLEX"), key, g.lexBound(), g.lexBound(), g.limit())}
}

func (g *gen) genericOp() op {
	any := func() string { return g.readable(pick(g, g.plain(), g.lex())) }
	switch g.r.IntN(22) {
	case 0:
		return op{args: cat(pick(g, "EXISTS", "TOUCH"), g.list(3, any))}
	case 1:
		return op{args: []string{"TYPE", any()}}
	case 2:
		if g.chance(70) {
			return op{args: []string{"TYPE", any()}}
		}
		return op{args: cat(pick(g, "DEL", "UNLINK"), g.list(2, g.plain))}
	case 3:
		return op{args: []string{pick(g, "RENAME", "RENAMENX"), g.str(), pick(g, g.str(), g.set())}}
	case 4, 5, 6:
		return op{args: cat(pick(g, "EXPIRE", "PEXPIRE"), g.plain(), g.ttl()+"000", g.expireOptions())}
	case 7, 8:
		return op{args: cat("EXPIREAT", g.plain(), g.at(1), g.expireOptions())}
	case 9:
		return op{args: cat("PEXPIREAT", g.plain(), g.at(1000), g.expireOptions())}
	case 10, 11, 12, 13:
		return op{args: []string{pick(g, "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"), any()}, as: asTime}
	case 14:
		return op{args: []string{"PERSIST", g.plain()}}
	case 15:
		return op{args: []string{"OBJECT", pick(g, "ENCODING", "encoding", "REFCOUNT", "nonsense", "FREQ"), g.plain()}}
	case 16:
		return op{args: cat("OBJECT", "REFCOUNT", any(), g.list(1, func() string { return "x" })[:g.r.IntN(2)])}
	case 17:
		return op{args: []string{"DBSIZE"}}
	case 18:
		return op{args: []string{"KEYS", g.glob()}, as: asSet}
	case 19, 20:
		return op{args: cat("SCAN", g.scanOptions(true)), as: asSet}
	}
	if g.chance(3) {
		del := []string{"DEL", "missing0", "missing1"}
		for i := range 6 {
			n := strconv.Itoa(i)
			del = append(del, "s"+n, "set"+n, "z"+n, "lex"+n)
		}
		return op{args: cat(pick(g, "FLUSHALL", "FLUSHDB"), pick(g, "ASYNC", "sync")), as: asRefusal, want: "+OK", redis: del}
	}
	return op{args: []string{"FLUSHALL", "now"}}
}

func (g *gen) expireOptions() []string {
	if !g.chance(50) {
		return nil
	}
	return g.list(2, func() string { return pick(g, "NX", "XX", "GT", "LT", "gt", "nonsense") })
}

// instant is a time that lies in the period of the key and not in the future, with its fraction digits.
func (g *gen) instant(key string) string {
	day, _ := time.Parse("2006-01-02", key[:10])
	last := min(day.Add(24*time.Hour).Unix(), g.now.Unix())
	span := max(1, min(last-day.Unix(), 400))
	ts := strconv.FormatInt(day.Unix()+g.r.Int64N(span), 10)
	if g.chance(30) {
		ts += pick(g, ".0", ".1", ".10", ".100", ".5", ".250", ".25", ".999", ".001")
	}
	return ts
}

func (g *gen) seriesMember(key string) string {
	return g.instant(key) + ":" + pick(g, "1", "1.5", "1.50", "0.25", "-3", "nan", "9.74:8.55", "1e-05", "100",
		"x y", "é")
}

func (g *gen) seriesOp() op {
	key := g.series()
	member := func() string {
		if g.chance(10) {
			return g.text()
		}
		return g.seriesMember(key)
	}
	bound := func() string {
		if g.chance(20) {
			return g.bound()
		}
		return pick(g, "", "", "(") + g.instant(key)
	}
	if g.chance(55) {
		return g.zread(key, member, bound)
	}
	o := op{args: []string{"ZADD", key}}
	o.args = append(o.args, pick(g, "NX", "ch", "CH", "nx"))
	o.args = o.args[:2+g.r.IntN(2)]
	head := append([]string(nil), o.args...)
	good := head
	n, refused := 1+g.r.IntN(6), 0
	for range n {
		m := g.seriesMember(key)
		ts, _, _ := strings.Cut(m, ":")
		if g.chance(4) {
			refused++
			bad := g.badPoint(key, ts)
			o.args = append(o.args, bad...)
			continue
		}
		o.args = append(o.args, ts, m)
		good = append(good[:len(good):len(good)], ts, m)
	}
	if g.chance(3) {
		o.args = append(o.args, pick(g, "abc", "", "nan"), "1:1")
		return o // Redis' own error, nothing stored
	}
	if refused == 0 {
		return o
	}
	o.as, o.want = asRefusal, fmt.Sprintf("-ERR %d of %d refused: ", refused, n)
	if len(good) > len(head) {
		o.redis = good
	}
	return o
}

func (g *gen) badPoint(key, ts string) []string {
	day, _ := time.Parse("2006-01-02", key[:10])
	other := strconv.FormatInt(day.Unix()-1-g.r.Int64N(1e6), 10)
	switch g.r.IntN(5) {
	case 0:
		return []string{ts, other + ":1"}
	case 1:
		return []string{other, other + ":1"}
	case 2:
		return []string{ts, ts + ":"}
	case 3:
		return []string{ts, ts + ":a\x00b"}
	}
	return []string{ts, ts}
}

// refusedOp is what a series key, a journal or a reserved key refuses.
func (g *gen) refusedOp() op {
	k, hint := g.series(), "on a series key: "
	if g.chance(20) {
		k, hint = pick(g, "journal", "dn:journal"), "read-only"
	} else if g.chance(20) {
		k, hint = pick(g, "dn:late", "dn:floor"), "Dunlin's own"
	} else if g.chance(20) {
		k, hint = pick(g, "2026-13-01:h:m", "2026-11-22:h", "20261122:h:m", "2026-11-22:h%:m"), "bad series key: "
	}
	args := [][]string{
		{"DEL", k},
		{"UNLINK", "missing0", k},
		{"EXPIRE", k, "100"},
		{"PEXPIREAT", k, "100"},
		{"SET", k, "v"},
		{"SADD", k, "v"},
		{"RENAME", k, "s1"},
		{"RENAMENX", "s1", k},
		{"ZREM", k, "1:1"},
		{"ZREMRANGEBYRANK", k, "0", "-1"},
		{"INCR", k},
		{"ZINCRBY", k, "1", "1:1"},
		{"APPEND", k, "x"},
		{"ZPOPMIN", k},
		{"SPOP", k},
		{"GETDEL", k},
		{"MSET", "s1", "v", k, "v"},
		{"ZREMRANGEBYSCORE", k, "0", "1"},
		{"SETEX", k, "100", "v"},
		{"GETSET", k, "x"},
		{"INCRBYFLOAT", k, "1"},
		{"SREM", k, "a"},
	}[g.r.IntN(22)]
	return op{args: args, as: asRefusal, want: hint}
}
