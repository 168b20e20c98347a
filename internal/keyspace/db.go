package keyspace

import (
	"strconv"
	"time"

	"github.com/tidwall/btree"
)

// Kind is the type of a value.
type Kind uint8

// The kinds, named as the command TYPE does.
const (
	None Kind = iota
	String
	SetKind
	ZSetKind
)

func (k Kind) String() string { return [...]string{"none", "string", "set", "zset"}[k] }

// What the bookkeeping of a thing is taken to cost beside its text, bytes.
const (
	keyCost    = 160
	memberCost = 96
	scoreCost  = 64
)

// DB is the plain keys of one shard. It is not safe for concurrent use.
type DB struct {
	clock   func() time.Time
	keys    dict[*Object]
	expires *btree.BTreeG[*item[*Object]] // the keys that expire, soonest first
	bytes   int64
}

// Object is the value of a key with its expiry. Exactly the field of its Kind is in use.
type Object struct {
	kind     Kind
	str      []byte
	encoding stringEncoding
	set      *Set
	zset     *ZSet
	deadline int64 // ms since 1970; 0 = never
	meter    meter
}

// stringEncoding is how redis-server would hold a string; OBJECT ENCODING shows it.
type stringEncoding uint8

const (
	encodeAuto stringEncoding = iota // int where the text is an integer, else by length
	encodeText                       // never int
	encodeRaw
)

// maxEmbedded is the longest string, in bytes, that redis-server 7.0 embeds in its object.
const maxEmbedded = 44

// NewDB makes an empty DB.
func NewDB(clock func() time.Time) *DB {
	db := &DB{clock: clock}
	db.Flush()
	return db
}

// Flush removes all keys.
func (db *DB) Flush() {
	db.bytes = 0
	db.keys = newDict[*Object]()
	db.expires = btree.NewBTreeGOptions(sooner, btree.Options{NoLocks: true})
}

func sooner(a, b *item[*Object]) bool {
	if a.val.deadline != b.val.deadline {
		return a.val.deadline < b.val.deadline
	}
	return a.key < b.key
}

// Now is the clock, ms since 1970.
func (db *DB) Now() int64 { return db.clock().UnixMilli() }

// Len is the number of keys, with those that are expired and not reaped yet.
func (db *DB) Len() int { return len(db.keys.items) }

// Bytes is about what all keys take in memory. It grows and falls with what is stored.
func (db *DB) Bytes() int64 { return db.bytes }

// Reap removes at most n expired keys.
func (db *DB) Reap(n int) {
	if db.expires.Len() == 0 {
		return
	}
	now := db.Now()
	for ; n > 0; n-- {
		it, ok := db.expires.Min()
		if !ok || it.val.deadline >= now {
			return
		}
		db.drop(it)
	}
}

// Lookup finds a key; nil when it is missing or expired.
func (db *DB) Lookup(key []byte) *Object {
	if it := db.find(key); it != nil {
		return it.val
	}
	return nil
}

func (db *DB) find(key []byte) *item[*Object] {
	it := db.keys.find(key)
	if it == nil || it.val.deadline == 0 || db.Now() <= it.val.deadline {
		return it
	}
	db.drop(it)
	return nil
}

func (db *DB) drop(it *item[*Object]) {
	if it.val.deadline != 0 {
		db.expires.Delete(it)
	}
	db.keys.remove(it)
	it.val.meter.add(int(-it.val.meter.own))
}

// Delete removes a key and says whether it was there.
func (db *DB) Delete(key []byte) bool {
	it := db.find(key)
	if it != nil {
		db.drop(it)
	}
	return it != nil
}

// add makes the key, which must be missing.
func (db *DB) add(key []byte, kind Kind) *Object {
	o := &Object{kind: kind, meter: meter{total: &db.bytes}}
	o.meter.add(keyCost + len(key))
	db.keys.add(string(key), o)
	return o
}

// PutString sets a key to a string, whatever it held; its expiry goes unless keepTTL. The bytes are copied.
func (db *DB) PutString(key, val []byte, keepTTL bool) {
	o := db.replace(key, keepTTL)
	o.setStr(val, encodeAuto)
}

// PutText is PutString with the expiry kept and a value that is text even where it reads as an integer, as
// INCRBYFLOAT leaves it.
func (db *DB) PutText(key, val []byte) { db.replace(key, true).setStr(val, encodeText) }

func (db *DB) replace(key []byte, keepTTL bool) *Object {
	it := db.find(key)
	if it != nil && (it.val.kind != String) {
		deadline := it.val.deadline
		db.drop(it)
		o := db.add(key, String)
		if keepTTL && deadline != 0 {
			db.Expire(key, deadline)
		}
		return o
	}
	if it == nil {
		return db.add(key, String)
	}
	if !keepTTL {
		db.expire(it, 0)
	}
	return it.val
}

// Append appends to a string, which is made when missing, and gives its new length. The key must hold no other kind.
func (db *DB) Append(key, tail []byte) int {
	o := db.Lookup(key)
	if o == nil {
		db.PutString(key, tail, false)
		return len(tail)
	}
	o.meter.add(len(tail))
	o.str = append(o.str, tail...)
	o.encoding = encodeRaw
	return len(o.str)
}

// Set gives the set of a key, made when missing. The key must hold no other kind.
func (db *DB) Set(key []byte) *Set {
	o := db.Lookup(key)
	if o == nil {
		o = db.add(key, SetKind)
		o.set = newSet(&o.meter)
	}
	return o.set
}

// ZSet gives the sorted set of a key, made when missing. The key must hold no other kind.
func (db *DB) ZSet(key []byte) *ZSet {
	o := db.Lookup(key)
	if o == nil {
		o = db.add(key, ZSetKind)
		o.zset = newZSet(&o.meter)
	}
	return o.zset
}

// Rename moves a key, with its expiry, to a name in this or another DB, over whatever is there.
func (db *DB) Rename(from []byte, dst *DB, to []byte) {
	it := db.find(from)
	o, deadline := it.val, it.val.deadline
	own := o.meter.own
	db.drop(it)
	dst.Delete(to)
	o.deadline = 0
	o.meter.own, o.meter.total = 0, &dst.bytes
	o.meter.add(int(own) - len(from) + len(to))
	dst.keys.add(string(to), o)
	if deadline != 0 {
		dst.Expire(to, deadline)
	}
}

// Deadline is when a key expires, ms since 1970; 0 = never.
func (o *Object) Deadline() int64 { return o.deadline }

// Expire sets when a key, which must be there, expires: ms since 1970, 0 = never.
func (db *DB) Expire(key []byte, deadlineMillis int64) { db.expire(db.keys.find(key), deadlineMillis) }

func (db *DB) expire(it *item[*Object], deadlineMillis int64) {
	if it.val.deadline != 0 {
		db.expires.Delete(it)
	}
	it.val.deadline = deadlineMillis
	if deadlineMillis != 0 {
		db.expires.Set(it)
	}
}

// Scan calls fn for about n keys from the cursor on and gives the next cursor, below 2^40, 0 at the end.
func (db *DB) Scan(cursor uint64, n int, fn func(key string, o *Object)) (next uint64) {
	now := db.Now()
	return db.keys.scan(cursor, n, func(it *item[*Object]) {
		if it.val.deadline == 0 || now <= it.val.deadline {
			fn(it.key, it.val)
		}
	})
}

// Kind is the kind of the value; None for a nil Object.
func (o *Object) Kind() Kind {
	if o == nil {
		return None
	}
	return o.kind
}

// Str is the value of a string. It is valid until the key changes.
func (o *Object) Str() []byte { return o.str }

// Set is the value of a set.
func (o *Object) Set() *Set { return o.set }

// ZSet is the value of a sorted set.
func (o *Object) ZSet() *ZSet { return o.zset }

// Bytes is about what the key takes in memory.
func (o *Object) Bytes() int64 { return o.meter.own }

func (o *Object) setStr(val []byte, e stringEncoding) {
	o.meter.add(len(val) - len(o.str))
	if cap(o.str) > 2*len(val)+64 {
		o.str = nil // a long value must not keep its memory behind a short one
	}
	o.str = append(o.str[:0], val...)
	o.encoding = e
}

// Int is the value of a string that redis-server would hold as an integer.
func (o *Object) Int() (n int64, ok bool) {
	if o.encoding != encodeAuto || len(o.str) > 20 {
		return 0, false
	}
	return ParseInt(o.str)
}

// Encoding is how redis-server 7.0 would hold the value.
func (o *Object) Encoding() string {
	switch o.kind {
	case SetKind:
		return o.set.encoding()
	case ZSetKind:
		return o.zset.encoding()
	}
	if _, ok := o.Int(); ok {
		return "int"
	}
	if o.encoding == encodeRaw || len(o.str) > maxEmbedded {
		return "raw"
	}
	return "embstr"
}

// ParseInt reads a 64-bit integer as Redis does: no sign but '-', no leading zeros, no spaces.
func ParseInt(b []byte) (int64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	switch {
	case len(digits) == 0 || len(digits) > 19 || digits[0] < '0' || digits[0] > '9':
		return 0, false
	case digits[0] == '0' && len(b) > 1:
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}
