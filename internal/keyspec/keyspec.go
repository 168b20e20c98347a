package keyspec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Why a command is refused. Errors of Of wrap one of these.
var (
	ErrUnknown    = errors.New("it is not known where the keys of this command stand: put it into a group, or use Ask")
	ErrConnection = errors.New("it changes the connection, which others share")
	ErrNoKey      = errors.New("it has no key: put it into a group, or use All or Ask")
	ErrArguments  = errors.New("arguments are missing")
	ErrMulti      = errors.New("a transaction is the chain's Multi")
)

// Command is what is known of a command.
type Command struct {
	Keys       []string
	Repeatable bool // executing it twice leaves what executing it once leaves
}

// spec says where keys stand: from first to last (negative: from the end) in steps; or count is the argument that says
// how many follow it, besides the one at first if first is not 0.
type spec struct {
	first, last, step int
	count             int
}

var (
	one       = spec{1, 1, 1, 0}
	two       = spec{1, 2, 1, 0}
	all       = spec{1, -1, 1, 0}
	pairs     = spec{1, -1, 2, 0}
	second    = spec{2, 2, 1, 0}
	counted   = spec{0, 0, 0, 1}
	intoCount = spec{1, 1, 1, 2}
	script    = spec{0, 0, 0, 2}
)

// repeatable commands by where their keys stand. Their second execution changes nothing that their first left.
var repeatable = map[string]spec{
	"get": one, "strlen": one, "getrange": one, "exists": all, "type": one, "ttl": one, "pttl": one, "mget": all,
	"set": one, "mset": pairs, "setex": one, "psetex": one, "setrange": one, "del": all, "unlink": all, "touch": all,
	"expire": one, "pexpire": one, "expireat": one, "pexpireat": one, "persist": one, "expiretime": one,
	"zadd": one, "zrem": one, "zcard": one, "zcount": one, "zlexcount": one, "zscore": one, "zmscore": one,
	"zrank": one, "zrevrank": one, "zrange": one, "zrevrange": one, "zrangebyscore": one, "zrevrangebyscore": one,
	"zrangebylex": one, "zrevrangebylex": one, "zremrangebyscore": one, "zremrangebylex": one, "zscan": one,
	"zrandmember": one, "zunion": counted, "zinter": counted, "zdiff": counted, "zintercard": counted,
	"zunionstore": intoCount, "zinterstore": intoCount, "zdiffstore": intoCount, "zrangestore": two,
	"sadd": one, "srem": one, "scard": one, "smembers": one, "sismember": one, "smismember": one, "sscan": one,
	"sunion": all, "sinter": all, "sdiff": all, "srandmember": one, "sunionstore": all, "sinterstore": all,
	"sdiffstore": all, "sintercard": counted, "smove": two,
	"hset": one, "hmset": one, "hget": one, "hmget": one, "hgetall": one, "hkeys": one, "hvals": one, "hlen": one,
	"hexists": one, "hdel": one, "hstrlen": one, "hscan": one, "hrandfield": one,
	"llen": one, "lrange": one, "lindex": one, "lset": one, "lpos": one,
	"getbit": one, "setbit": one, "bitcount": one, "bitpos": one, "pfadd": one, "pfcount": all, "pfmerge": all,
	"object": second, "memory": second, "dump": one, "sort_ro": one,
	"ts.add": one, "ts.get": one, "ts.range": one, "ts.revrange": one,
}

// once are commands that must not be executed twice.
var once = map[string]spec{
	"append": one, "incr": one, "decr": one, "incrby": one, "decrby": one, "incrbyfloat": one, "setnx": one,
	"getset": one, "getdel": one, "getex": one, "msetnx": pairs, "rename": two, "renamenx": two, "copy": two,
	"zincrby": one, "zpopmin": one, "zpopmax": one, "zmpop": counted, "zremrangebyrank": one, "spop": one,
	"hincrby": one, "hincrbyfloat": one, "hsetnx": one, "lpush": one, "rpush": one, "lpushx": one, "rpushx": one,
	"lpop": one, "rpop": one, "linsert": one, "lrem": one, "ltrim": one, "lmove": two, "rpoplpush": two,
	"eval": script, "evalsha": script, "fcall": script, "xadd": one, "restore": one,
}

var connection = []string{
	"select", "auth", "hello", "reset", "quit", "client", "subscribe", "psubscribe", "ssubscribe", "unsubscribe",
	"punsubscribe", "sunsubscribe", "monitor", "sync", "psync", "watch", "unwatch", "asking", "readonly", "readwrite",
	"blpop", "brpop", "bzpopmin", "bzpopmax", "blmove", "bzmpop", "blmpop", "brpoplpush", "xread", "wait",
}

var keyless = []string{
	"ping", "echo", "info", "dbsize", "time", "keys", "scan", "randomkey", "flushall", "flushdb", "config", "command",
	"slowlog", "latency", "lastsave", "save", "bgsave", "cluster", "script", "debug", "publish", "dn.periods",
	"dn.digest", "dn.drop", "dn.epoch", "dn.heads", "dn.madd", "dn.maddt", "shutdown", "role",
}

// Of reads a command. A command whose keys can not be found has none and an error; where a group routes it, only
// ErrConnection and ErrMulti forbid to send it.
func Of(args []string) (Command, error) {
	if len(args) == 0 {
		return Command{}, fmt.Errorf("%w: an empty command", ErrArguments)
	}
	name := strings.ToLower(args[0])
	refuse := func(why error) (Command, error) { return Command{}, fmt.Errorf("%s: %w", args[0], why) }
	if slices.Contains(connection, name) {
		return refuse(ErrConnection)
	}
	switch name {
	case "multi", "exec", "discard":
		return refuse(ErrMulti)
	}
	if slices.Contains(keyless, name) {
		return refuse(ErrNoKey)
	}
	s, harmless := repeatable[name]
	if !harmless {
		var known bool
		if s, known = once[name]; !known {
			return refuse(ErrUnknown)
		}
	}
	keys, ok := s.keys(args)
	if !ok {
		return refuse(ErrArguments)
	}
	return Command{Keys: keys, Repeatable: harmless && !conditional(name, args)}, nil
}

// conditional: with these options the second execution is not like the first.
func conditional(name string, args []string) bool {
	options := map[string][]string{"zadd": {"incr"}, "set": {"nx", "xx", "get"}}[name]
	return slices.ContainsFunc(args[min(2, len(args)):], func(a string) bool {
		return slices.Contains(options, strings.ToLower(a))
	})
}

func (s spec) keys(args []string) ([]string, bool) {
	var keys []string
	if s.first > 0 {
		last := s.last
		if last < 0 {
			last += len(args)
		}
		for i := s.first; i <= last; i += s.step {
			if i >= len(args) {
				return nil, false
			}
			keys = append(keys, args[i])
		}
	}
	if s.count > 0 {
		if len(args) <= s.count {
			return nil, false
		}
		n, err := strconv.Atoi(args[s.count])
		if err != nil || n < 0 || n > len(args)-s.count-1 {
			return nil, false
		}
		keys = append(keys, args[s.count+1:s.count+1+n]...)
	}
	return keys, len(keys) > 0
}
