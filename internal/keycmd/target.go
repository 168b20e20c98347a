package keycmd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// keyKind is what the name of a key says about it.
type keyKind uint8

const (
	plainKey    keyKind = iota // an ordinary Redis key
	seriesKey                  // period:host:metric
	journalKey                 // journal or dn:journal: the change order as a sorted set
	lateKey                    // dn:late
	reservedKey                // dn:*, kept for Dunlin's own state on Redis stores
)

// Error replies that package server shares.
const (
	ErrSyntax   = "ERR syntax error"
	ErrNotInt   = "ERR value is not an integer or out of range"
	ErrReserved = "ERR keys that begin with dn: are Dunlin's own and can not be written"
)

const (
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotFloat  = "ERR value is not a valid float"
	errPositive  = "ERR value is out of range, must be positive"
	errJournal   = "ERR the journal is made of the node's own change order and is read-only; " +
		"ZADD journal is accepted, but not kept"
)

// IsJournal says whether key names a virtual journal. It spans all held shards on database 0.
func IsJournal(key []byte) bool {
	_, virtual := journalKind(key)
	return virtual
}

// journalKind says whether key is one of the virtual journals.
func journalKind(key []byte) (kind keyKind, virtual bool) {
	switch string(key) {
	case "journal", "dn:journal":
		return journalKey, true
	case "dn:late":
		return lateKey, true
	}
	return plainKey, false
}

// key tells what the key is. ok is false when the error reply is written.
func (c *Call) key(key []byte) (k series.Key, kind keyKind, ok bool) {
	if kind, virtual := journalKind(key); virtual {
		return k, kind, true
	}
	k, err := c.parse(key)
	switch {
	case err == nil:
		return k, seriesKey, true
	case !errors.Is(err, series.ErrPlain):
		c.W.Error("ERR bad series key: " + err.Error())
		return k, seriesKey, false
	case bytes.HasPrefix(key, []byte("dn:")):
		return k, reservedKey, true
	}
	return k, plainKey, true
}

// slotFor is the slot of a key. nil: the shard is not held here.
func (c *Call) slotFor(key []byte) *Slot {
	if len(c.Slots) == 1 {
		return c.Slots[0]
	}
	if c.First.Slot != nil && c.First.is(key) {
		return c.First.Slot
	}
	id := c.Topology.ShardOf(key)
	for _, s := range c.Slots {
		if s.Shard.ID() == id {
			return s
		}
	}
	return nil
}

// heldSlot is slotFor with an error reply when there is none.
func (c *Call) heldSlot(key []byte) (*Slot, bool) {
	s := c.slotFor(key)
	if s == nil {
		c.W.Error(fmt.Sprintf("UNAVAIL shard %d", c.Topology.ShardOf(key)))
	}
	return s, s != nil
}

// local is the slot's store, which is in memory.
func (s *Slot) local() store.Local { return s.Tx.Store.(store.Local) }

// value is what a key holds.
type value struct {
	kind keyspace.Kind
	obj  *keyspace.Object // plain keys only
	zset zview            // when kind is ZSetKind
}

// lookup finds what a key holds, of any kind of key. ok is false when the error reply is written.
func (c *Call) lookup(key []byte) (v value, ok bool) {
	k, kind, ok := c.key(key)
	if !ok {
		return v, false
	}
	if kind == journalKey || kind == lateKey {
		j := &journalView{c: c, late: kind == lateKey}
		if j.empty() {
			return v, true
		}
		return value{kind: keyspace.ZSetKind, zset: j}, true
	}
	s, ok := c.heldSlot(key)
	if !ok {
		return v, false
	}
	if kind == seriesKey {
		if k.Period < s.Shard.Floor() {
			return v, true
		}
		view := s.local().Open(k)
		if view == nil {
			return v, true
		}
		first, last := c.Topology.Layout.Span(k.Period)
		s.scratch.series.Reset(view, first, last)
		return value{kind: keyspace.ZSetKind, zset: &s.scratch.series}, true
	}
	v.obj = s.Plain.Lookup(key)
	v.kind = v.obj.Kind()
	if v.kind == keyspace.ZSetKind {
		v.zset = plainView{v.obj.ZSet()}
	}
	return v, true
}

// lookupKind is lookup for a command on one kind of value; a missing key has kind None.
func (c *Call) lookupKind(key []byte, want keyspace.Kind) (v value, ok bool) {
	v, ok = c.lookup(key)
	if ok && v.kind != want && v.kind != keyspace.None {
		c.W.Error(errWrongType)
		return v, false
	}
	return v, ok
}

// reapPerWrite is how many expired keys a write removes besides its own, so that keys nobody asks for go, too.
const reapPerWrite = 4

// forWrite gives the DB of a plain key that the command may change. ok is false when the key is of another sort: the
// refusal is written.
func (c *Call) forWrite(key []byte) (db *keyspace.DB, ok bool) {
	_, kind, ok := c.key(key)
	if !ok {
		return nil, false
	}
	switch kind {
	case seriesKey:
		c.W.Error(SeriesHint(c.name()))
		return nil, false
	case journalKey:
		c.W.Error(errJournal)
		return nil, false
	case lateKey, reservedKey:
		c.W.Error(ErrReserved)
		return nil, false
	}
	s, ok := c.heldSlot(key)
	if !ok {
		return nil, false
	}
	s.Plain.Reap(reapPerWrite)
	return s.Plain, true
}

// forWriteKind is forWrite for a command on one kind of value; o is nil when the key is missing.
func (c *Call) forWriteKind(key []byte, want keyspace.Kind) (db *keyspace.DB, o *keyspace.Object, ok bool) {
	db, ok = c.forWrite(key)
	if !ok {
		return nil, nil, false
	}
	o = db.Lookup(key)
	if o != nil && o.Kind() != want {
		c.W.Error(errWrongType)
		return nil, nil, false
	}
	return db, o, true
}

// name is the command's name in lower case.
func (c *Call) name() string { return strings.ToLower(string(c.Args[0])) }

// Is says whether an argument is the keyword, which is in lower case.
func Is(arg []byte, keyword string) bool {
	if len(arg) != len(keyword) {
		return false
	}
	for i := range arg {
		b := arg[i]
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != keyword[i] {
			return false
		}
	}
	return true
}

// int reads an integer argument; ok is false when the error reply is written.
func (c *Call) int(arg []byte) (n int64, ok bool) {
	n, ok = keyspace.ParseInt(arg)
	if !ok {
		c.W.Error(ErrNotInt)
	}
	return n, ok
}

// wrongArity replies as Redis does to a wrong number of arguments.
func (c *Call) wrongArity(name string) {
	c.W.Error("ERR wrong number of arguments for '" + name + "' command")
}
