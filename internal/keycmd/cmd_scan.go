package keycmd

import (
	"errors"
	"math"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
)

const (
	defaultCount = 10
	maxCount     = 1 << 20
	reapPerCount = 1024 // expired keys that DBSIZE removes before it counts
)

// scanArgs are the options of SCAN, SSCAN and ZSCAN.
type scanArgs struct {
	pattern  []byte
	match    bool
	count    int
	kind     []byte // TYPE
	withKind bool
}

// matches says whether a key or member passes MATCH.
func (a *scanArgs) matches(text []byte) bool { return !a.match || keyspace.GlobMatch(a.pattern, text) }

// scanOptions reads what follows the cursor. ok is false when the error reply is written.
func (c *Call) scanOptions(args [][]byte, typeAllowed bool) (a scanArgs, ok bool) {
	a.count = defaultCount
	for i := 0; i < len(args); i += 2 {
		switch last := i+1 == len(args); {
		case !last && Is(args[i], "count"):
			n, ok := c.int(args[i+1])
			if !ok {
				return a, false
			}
			if n < 1 {
				c.W.Error(ErrSyntax)
				return a, false
			}
			a.count = int(min(n, maxCount))
		case !last && Is(args[i], "match"):
			a.pattern, a.match = args[i+1], true
		case !last && typeAllowed && Is(args[i], "type"):
			a.kind, a.withKind = args[i+1], true
		default:
			c.W.Error(ErrSyntax)
			return a, false
		}
	}
	return a, true
}

// cursor reads a cursor as C's strtoul does. ok is false when the error reply is written.
func (c *Call) cursor(arg []byte) (cursor uint64, ok bool) {
	digits := arg
	negative := false
	if len(arg) > 0 && (arg[0] == '-' || arg[0] == '+') {
		negative = arg[0] == '-'
		digits = arg[1:]
	}
	cursor, err := strconv.ParseUint(string(digits), 10, 64)
	if len(arg) == 0 {
		err = nil
	}
	if err != nil {
		c.W.Error("ERR invalid cursor")
		return 0, false
	}
	if negative {
		cursor = -cursor
	}
	return cursor, true
}

// replyScan replies with the next cursor and what was found.
func (c *Call) replyScan(next uint64, found *rows) {
	c.W.Array(2)
	c.W.BulkString(strconv.FormatUint(next, 10))
	found.reply(c.W)
}

// A cursor of SCAN holds, from its lowest bit: 1 bit half, 11 bits shard, and the cursor within that half of that
// shard, which must be below 2^52. 0 is both the start and the end.
const (
	halfBits  = 1
	placeBits = 12
)

// place is where a SCAN is within a slot.
type place struct {
	half  int    // 0 = plain keys, 1 = series
	inner uint64 // cursor within the half, 0 = its start
}

func (p place) cursor(shard int) uint64 {
	return p.inner<<placeBits | uint64(shard)<<halfBits | uint64(p.half)
}

// cmdScan walks the plain keys, then the series of every slot in turn.
func cmdScan(c *Call) {
	cursor, ok := c.cursor(c.Args[1])
	if !ok {
		return
	}
	a, ok := c.scanOptions(c.Args[2:], true)
	if !ok {
		return
	}
	shard := int(cursor%(1<<placeBits)) >> halfBits
	at := place{half: int(cursor & 1), inner: cursor >> placeBits}
	out := c.rows(false)
	seen := 0
	add := func(key []byte, kind keyspace.Kind) {
		seen++
		if a.matches(key) && (!a.withKind || Is(a.kind, kind.String())) {
			out.add(key, 0)
		}
	}
	for _, s := range c.Slots {
		if s.Shard.ID() < shard {
			continue
		}
		if s.Shard.ID() > shard {
			at = place{}
		}
		for ; at.half < 2; at = (place{half: at.half + 1}) {
			if seen < a.count {
				at.inner = c.scanHalf(s, at, a.count-seen, add)
				if at.inner == 0 {
					continue
				}
			}
			c.replyScan(at.cursor(s.Shard.ID()), out)
			return
		}
	}
	c.replyScan(0, out)
}

// scanHalf gives about n keys of a slot from a place on, and the cursor to go on from within the same half.
func (c *Call) scanHalf(s *Slot, at place, n int, fn func(key []byte, kind keyspace.Kind)) (inner uint64) {
	if at.half == 0 {
		return s.Plain.Scan(at.inner, n, func(key string, o *keyspace.Object) { fn([]byte(key), o.Kind()) })
	}
	keys, next := s.local().ScanKeys(at.inner, n)
	var buf []byte
	for _, k := range keys {
		buf = c.Topology.Layout.AppendKey(buf[:0], k)
		fn(buf, keyspace.ZSetKind)
	}
	return next
}

func cmdKeys(c *Call) {
	out := c.rows(false)
	for _, s := range c.Slots {
		for half := range 2 {
			for at := (place{half: half}); ; {
				at.inner = c.scanHalf(s, at, maxCount, func(key []byte, _ keyspace.Kind) {
					if keyspace.GlobMatch(c.Args[1], key) {
						out.add(key, 0)
					}
				})
				if at.inner == 0 {
					break
				}
			}
		}
	}
	out.reply(c.W)
}

func cmdDBSize(c *Call) {
	n := 0
	for _, s := range c.Slots {
		s.Plain.Reap(reapPerCount)
		st, err := s.Tx.Store.Stats(c.Ctx)
		if err != nil {
			c.W.Error(storeError(err))
			return
		}
		n += s.Plain.Len() + st.Series
	}
	c.W.Int(int64(n))
}

// errScanned stops a scan command after its error reply.
var errScanned = errors.New("replied")

// scanOne reads the arguments of SSCAN and ZSCAN and finds the value. As in Redis a missing key answers before the
// options are looked at.
func (c *Call) scanOne(want keyspace.Kind) (v value, cursor uint64, a scanArgs, err error) {
	cursor, ok := c.cursor(c.Args[2])
	if !ok {
		return v, 0, a, errScanned
	}
	if v, ok = c.lookupKind(c.Args[1], want); !ok {
		return v, 0, a, errScanned
	}
	if v.kind == keyspace.None {
		c.replyScan(0, c.rows(false))
		return v, 0, a, errScanned
	}
	if a, ok = c.scanOptions(c.Args[3:], false); !ok {
		return v, 0, a, errScanned
	}
	return v, cursor, a, nil
}

func cmdSScan(c *Call) {
	v, cursor, a, err := c.scanOne(keyspace.SetKind)
	if err != nil {
		return
	}
	out := c.rows(false)
	next := v.obj.Set().Scan(cursor, a.count, func(member string) {
		if a.matches([]byte(member)) {
			out.add([]byte(member), 0)
		}
	})
	c.replyScan(next, out)
}

// cmdZScan replies with scores as text, in RESP3 too, as Redis does.
func cmdZScan(c *Call) {
	v, cursor, a, err := c.scanOne(keyspace.ZSetKind)
	if err != nil {
		return
	}
	out := c.rows(false)
	packed := v.encoding() == "listpack"
	var text [32]byte
	next := v.zset.Scan(cursor, a.count, func(member []byte, score float64) {
		if a.matches(member) {
			out.add(member, 0)
			out.add(appendScanScore(text[:0], score, packed), 0)
		}
	})
	c.replyScan(next, out)
}

// appendScanScore prints a score of ZSCAN: redis-server keeps whole numbers in a listpack as integers.
func appendScanScore(dst []byte, score float64, packed bool) []byte {
	if packed && math.Abs(score) <= math.MaxInt64/2 && score == math.Trunc(score) {
		return strconv.AppendInt(dst, int64(score), 10)
	}
	return resp.AppendDouble(dst, score)
}
