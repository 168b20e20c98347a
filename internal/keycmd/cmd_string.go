package keycmd

import (
	"math"
	"math/big"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/keyspace"
)

// maxString is the longest string that APPEND makes, bytes; Redis' own limit.
const maxString = 512 << 20

func cmdGet(c *Call) {
	v, ok := c.lookupKind(c.Args[1], keyspace.String)
	if ok {
		c.replyString(v.obj)
	}
}

// replyString replies with a string, or null for a missing key.
func (c *Call) replyString(o *keyspace.Object) {
	if o == nil {
		c.W.Null()
		return
	}
	c.W.Bulk(o.Str())
}

// setOptions are the options of SET.
type setOptions struct {
	nx, xx, get, keepTTL bool
	unit                 string // ex, px, exat or pxat; "" = none
	at                   []byte
}

func (o *setOptions) parse(args [][]byte) bool {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case Is(arg, "nx") && !o.xx:
			o.nx = true
		case Is(arg, "xx") && !o.nx:
			o.xx = true
		case Is(arg, "get"):
			o.get = true
		case Is(arg, "keepttl") && o.unit == "":
			o.keepTTL = true
		case !o.keepTTL && i+1 < len(args) && o.expiry(arg):
			i++
			o.at = args[i]
		default:
			return false
		}
	}
	return true
}

func (o *setOptions) expiry(arg []byte) bool {
	for _, unit := range [...]string{"ex", "px", "exat", "pxat"} {
		if Is(arg, unit) && (o.unit == "" || o.unit == unit) {
			o.unit = unit
			return true
		}
	}
	return false
}

func cmdSet(c *Call) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	var o setOptions
	if !o.parse(c.Args[3:]) {
		c.W.Error(ErrSyntax)
		return
	}
	deadline := int64(0)
	if o.unit != "" {
		if deadline, ok = c.deadline(db, o.at, o.unit); !ok {
			return
		}
	}
	old := db.Lookup(c.Args[1])
	if o.get {
		if old != nil && old.Kind() != keyspace.String {
			c.W.Error(errWrongType)
			return
		}
		c.replyString(old)
	}
	if o.nx && old != nil || o.xx && old == nil {
		if !o.get {
			c.W.Null()
		}
		return
	}
	db.PutString(c.Args[1], c.Args[2], o.keepTTL)
	if deadline != 0 {
		db.Expire(c.Args[1], deadline)
	}
	if !o.get {
		c.W.Simple("OK")
	}
}

// deadline reads the positive time to live of SET and SETEX. ok is false when the error reply is written.
func (c *Call) deadline(db *keyspace.DB, arg []byte, unit string) (deadlineMillis int64, ok bool) {
	n, ok := c.int(arg)
	if !ok {
		return 0, false
	}
	if n > 0 {
		base := int64(0)
		if unit == "ex" || unit == "px" {
			base = db.Now()
		}
		deadlineMillis, ok = expireAt(n, base, unit == "ex" || unit == "exat")
	}
	if n <= 0 || !ok {
		c.invalidExpire()
		return 0, false
	}
	return deadlineMillis, true
}

// expireAt is the instant n seconds or milliseconds after base (ms); ok is false when it does not fit.
func expireAt(n, base int64, seconds bool) (deadlineMillis int64, ok bool) {
	if seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return 0, false
		}
		n *= 1000
	}
	if n > math.MaxInt64-base {
		return 0, false
	}
	return n + base, true
}

func (c *Call) invalidExpire() { c.W.Error("ERR invalid expire time in '" + c.name() + "' command") }

func cmdSetNX(c *Call) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	if db.Lookup(c.Args[1]) != nil {
		c.W.Int(0)
		return
	}
	db.PutString(c.Args[1], c.Args[2], false)
	c.W.Int(1)
}

// cmdSetEX is SETEX and PSETEX.
func cmdSetEX(c *Call) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	unit := "ex"
	if Is(c.Args[0], "psetex") {
		unit = "px"
	}
	deadline, ok := c.deadline(db, c.Args[2], unit)
	if !ok {
		return
	}
	db.PutString(c.Args[1], c.Args[3], false)
	db.Expire(c.Args[1], deadline)
	c.W.Simple("OK")
}

func cmdGetSet(c *Call) {
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.String)
	if ok {
		c.replyString(o)
		db.PutString(c.Args[1], c.Args[2], false)
	}
}

func cmdGetDel(c *Call) {
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.String)
	if ok {
		c.replyString(o)
		db.Delete(c.Args[1])
	}
}

func cmdStrlen(c *Call) {
	v, ok := c.lookupKind(c.Args[1], keyspace.String)
	switch {
	case !ok:
	case v.obj == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(len(v.obj.Str())))
	}
}

func cmdAppend(c *Call) {
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.String)
	if !ok {
		return
	}
	if o != nil && len(o.Str())+len(c.Args[2]) > maxString {
		c.W.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
		return
	}
	c.W.Int(int64(db.Append(c.Args[1], c.Args[2])))
}

func cmdMGet(c *Call) {
	for _, key := range c.Args[1:] {
		if _, _, ok := c.key(key); !ok {
			return
		}
	}
	c.W.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		if v, ok := c.lookup(key); ok {
			if v.kind != keyspace.String {
				v.obj = nil
			}
			c.replyString(v.obj)
		}
	}
}

func cmdMSet(c *Call) {
	if len(c.Args)%2 == 0 {
		c.wrongArity("mset")
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if _, ok := c.forWrite(c.Args[i]); !ok {
			return
		}
	}
	for i := 1; i < len(c.Args); i += 2 {
		c.slotFor(c.Args[i]).Plain.PutString(c.Args[i], c.Args[i+1], false)
	}
	c.W.Simple("OK")
}

// cmdIncr is INCR, DECR, INCRBY and DECRBY.
func cmdIncr(c *Call) {
	db, ok := c.forWrite(c.Args[1])
	if !ok {
		return
	}
	by := int64(1)
	if len(c.Args) > 2 {
		if by, ok = c.int(c.Args[2]); !ok {
			return
		}
	}
	if Is(c.Args[0][:4], "decr") {
		if by == math.MinInt64 {
			c.W.Error("ERR decrement would overflow")
			return
		}
		by = -by
	}
	_, o, ok := c.forWriteKind(c.Args[1], keyspace.String)
	if !ok {
		return
	}
	n := int64(0)
	if o != nil {
		if n, ok = c.int(o.Str()); !ok {
			return
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		c.W.Error("ERR increment or decrement would overflow")
		return
	}
	var buf [20]byte
	db.PutString(c.Args[1], strconv.AppendInt(buf[:0], n+by, 10), true)
	c.W.Int(n + by)
}

// cmdIncrByFloat counts in the precision of C's long double, as Redis does.
func cmdIncrByFloat(c *Call) {
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.String)
	if !ok {
		return
	}
	old := new(big.Float).SetPrec(keyspace.LongDoubleBits)
	if o != nil {
		old = keyspace.ParseLongDouble(o.Str())
	}
	by := keyspace.ParseLongDouble(c.Args[2])
	if old == nil || by == nil {
		c.W.Error(errNotFloat)
		return
	}
	if old.IsInf() || by.IsInf() {
		c.W.Error("ERR increment would produce NaN or Infinity")
		return
	}
	sum := new(big.Float).SetPrec(keyspace.LongDoubleBits).Add(old, by)
	if sum.MantExp(nil) > keyspace.LongDoubleMax {
		c.W.Error("ERR increment would produce NaN or Infinity")
		return
	}
	text := keyspace.AppendLongDouble(nil, sum)
	db.PutText(c.Args[1], text)
	c.W.Bulk(text)
}
