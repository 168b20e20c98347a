package keycmd

import (
	"fmt"
	"math"
	"strings"

	"github.com/dunlin-db/dunlin/internal/keyspace"
)

// cmdExists is EXISTS and TOUCH.
func cmdExists(c *Call) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		v, ok := c.lookup(key)
		if !ok {
			return
		}
		if v.kind != keyspace.None {
			n++
		}
	}
	c.W.Int(n)
}

func cmdType(c *Call) {
	if v, ok := c.lookup(c.Args[1]); ok {
		c.W.Simple(v.kind.String())
	}
}

// cmdDel is DEL and UNLINK. One key that may not be deleted refuses the whole command. Series keys that are dropped
// already count as missing.
func cmdDel(c *Call) {
	floors := 0
	for _, key := range c.Args[1:] {
		if c.isBelowFloor(key) {
			floors++
			continue
		}
		if _, ok := c.forWrite(key); !ok {
			return
		}
	}
	n := int64(0)
	for _, key := range c.Args[1:] {
		if floors > 0 && c.isBelowFloor(key) {
			continue
		}
		if c.slotFor(key).Plain.Delete(key) {
			n++
		}
	}
	c.W.Int(n)
}

// cmdRename is RENAME and RENAMENX. The two keys may be on two shards of this node.
func cmdRename(c *Call) {
	from, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	to, ok := c.forWrite(c.Args[2])
	if !ok {
		return
	}
	nx := Is(c.Args[0], "renamenx")
	switch same := string(c.Args[1]) == string(c.Args[2]); {
	case from.Lookup(c.Args[1]) == nil:
		c.W.Error("ERR no such key")
		return
	case nx && to.Lookup(c.Args[2]) != nil:
		c.W.Int(0)
		return
	case !same:
		from.Rename(c.Args[1], to, c.Args[2])
	}
	if nx {
		c.W.Int(1)
	} else {
		c.W.Simple("OK")
	}
}

// expireOptions are the conditions of the EXPIRE family.
type expireOptions struct{ nx, xx, gt, lt bool }

func (o *expireOptions) parse(args [][]byte) (refusal string) {
	for _, arg := range args {
		switch {
		case Is(arg, "nx"):
			o.nx = true
		case Is(arg, "xx"):
			o.xx = true
		case Is(arg, "gt"):
			o.gt = true
		case Is(arg, "lt"):
			o.lt = true
		default:
			return "ERR Unsupported option " + string(arg)
		}
	}
	switch {
	case o.nx && (o.xx || o.gt || o.lt):
		return "ERR NX and XX, GT or LT options at the same time are not compatible"
	case o.gt && o.lt:
		return "ERR GT and LT options at the same time are not compatible"
	}
	return ""
}

// allow says whether a deadline may replace the old one; 0 = never expires.
func (o expireOptions) allow(deadline, old int64) bool {
	switch {
	case o.nx && old != 0, o.xx && old == 0:
		return false
	case o.gt && (old == 0 || deadline <= old):
		return false
	case o.lt && old != 0 && deadline >= old:
		return false
	}
	return true
}

// cmdExpire is EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
func cmdExpire(c *Call) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	var o expireOptions
	if refusal := o.parse(c.Args[3:]); refusal != "" {
		c.W.Error(refusal)
		return
	}
	n, ok := c.int(c.Args[2])
	if !ok {
		return
	}
	name, now := c.name(), db.Now()
	base := now
	if name == "expireat" || name == "pexpireat" {
		base = 0
	}
	deadline, ok := expireAt(n, base, name[0] == 'e')
	if !ok {
		c.invalidExpire()
		return
	}
	old := db.Lookup(c.Args[1])
	switch {
	case old == nil || !o.allow(deadline, old.Deadline()):
		c.W.Int(0)
		return
	case deadline <= now:
		db.Delete(c.Args[1])
	default:
		db.Expire(c.Args[1], deadline)
	}
	c.W.Int(1)
}

// cmdTTL is TTL, PTTL, EXPIRETIME and PEXPIRETIME.
func cmdTTL(c *Call) {
	v, ok := c.lookup(c.Args[1])
	switch {
	case !ok:
		return
	case v.kind == keyspace.None:
		c.W.Int(-2)
		return
	case v.obj == nil || v.obj.Deadline() == 0:
		c.W.Int(-1)
		return
	}
	n := v.obj.Deadline()
	name := c.name()
	if name == "ttl" || name == "pttl" {
		n = max(0, n-c.Clock().UnixMilli())
	}
	if name[0] != 'p' {
		n = n/1000 + (n%1000+500)/1000
	}
	c.W.Int(n)
}

func cmdPersist(c *Call) {
	v, ok := c.lookup(c.Args[1])
	switch {
	case !ok:
	case v.obj == nil || v.obj.Deadline() == 0:
		c.W.Int(0)
	default:
		c.slotFor(c.Args[1]).Plain.Expire(c.Args[1], 0)
		c.W.Int(1)
	}
}

const maxSharedInt = 10_000 // redis-server shares the objects of the integers below this

// cmdObject is OBJECT ENCODING, REFCOUNT, IDLETIME, FREQ and HELP.
func cmdObject(c *Call) {
	sub := c.Args[1]
	switch {
	case Is(sub, "help") && len(c.Args) == 2:
		c.W.Array(1)
		c.W.Simple("OBJECT ENCODING|REFCOUNT|IDLETIME|FREQ <key>")
		return
	case !Is(sub, "encoding") && !Is(sub, "refcount") && !Is(sub, "idletime") && !Is(sub, "freq"):
		c.W.Error(fmt.Sprintf("ERR unknown subcommand '%.128s'. Try OBJECT HELP.", sub))
		return
	case len(c.Args) != 3:
		c.wrongArity("object|" + strings.ToLower(string(sub)))
		return
	}
	v, ok := c.lookup(c.Args[2])
	switch {
	case !ok:
	case v.kind == keyspace.None:
		c.W.Null()
	case Is(sub, "encoding"):
		c.W.BulkString(v.encoding())
	case Is(sub, "refcount"):
		c.W.Int(v.refcount())
	case Is(sub, "idletime"):
		c.W.Int(0)
	default:
		c.W.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that " +
			"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
}

// encoding is how redis-server would hold the value. Series and journals answer skiplist, which Redis' tools know.
func (v value) encoding() string {
	if v.obj == nil {
		return "skiplist"
	}
	return v.obj.Encoding()
}

func (v value) refcount() int64 {
	if v.kind == keyspace.String {
		if n, ok := v.obj.Int(); ok && n >= 0 && n < maxSharedInt {
			return math.MaxInt32
		}
	}
	return 1
}

// cmdMemory is MEMORY USAGE key [SAMPLES n].
func cmdMemory(c *Call) {
	if !Is(c.Args[1], "usage") {
		c.W.Error(fmt.Sprintf("ERR unknown subcommand '%.128s'. Try MEMORY HELP.", c.Args[1]))
		return
	}
	if len(c.Args) < 3 {
		c.wrongArity("memory|usage")
		return
	}
	if len(c.Args) > 3 {
		if len(c.Args) != 5 || !Is(c.Args[3], "samples") {
			c.W.Error(ErrSyntax)
			return
		}
		if n, ok := c.int(c.Args[4]); !ok || n < 0 {
			if ok {
				c.W.Error(ErrSyntax)
			}
			return
		}
	}
	v, ok := c.lookup(c.Args[2])
	if !ok {
		return
	}
	if k, err := c.parse(c.Args[2]); err == nil && v.zset != nil {
		c.W.Int(c.slotFor(c.Args[2]).local().KeyBytes(k))
		return
	}
	if v.obj == nil {
		c.W.Null()
		return
	}
	c.W.Int(v.obj.Bytes())
}

// cmdFlush is FLUSHALL and FLUSHDB: plain keys only. Points go with their period.
func cmdFlush(c *Call) {
	if len(c.Args) > 2 || len(c.Args) == 2 && !Is(c.Args[1], "async") && !Is(c.Args[1], "sync") {
		c.W.Error(ErrSyntax)
		return
	}
	for _, s := range c.Slots {
		s.Plain.Flush()
	}
	c.W.Simple("OK")
}
