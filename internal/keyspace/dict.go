package keyspace

import (
	"hash/maphash"

	"github.com/tidwall/btree"
)

// smallDict is the size up to which a dict keeps no order and is scanned in one step.
const smallDict = 128

// dict is a hash table that can be scanned with a stateless cursor: once it is large its items are also kept in the
// order of a keyed hash of their keys, and the cursor is the hash to go on from. Items that come and go do not move
// the others, so whatever stays is seen.
type dict[V any] struct {
	seed  maphash.Seed
	items map[string]*item[V]
	order *btree.BTreeG[*item[V]] // nil while small
}

type item[V any] struct {
	hash uint64
	key  string
	val  V
}

func newDict[V any]() dict[V] {
	return dict[V]{seed: maphash.MakeSeed(), items: map[string]*item[V]{}}
}

func (d *dict[V]) find(key []byte) *item[V] { return d.items[string(key)] }

// add stores a value under a key that is not there.
func (d *dict[V]) add(key string, val V) *item[V] {
	it := &item[V]{hash: d.hash(key), key: key, val: val}
	d.items[key] = it
	switch {
	case d.order != nil:
		d.order.Set(it)
	case len(d.items) > smallDict:
		d.order = btree.NewBTreeGOptions(lessItem[V], btree.Options{NoLocks: true})
		for _, it := range d.items {
			d.order.Set(it)
		}
	}
	return it
}

func (d *dict[V]) remove(it *item[V]) {
	delete(d.items, it.key)
	if d.order != nil {
		d.order.Delete(it)
	}
}

// scan calls fn for about n items from the cursor on and gives the next cursor, 0 at the end.
func (d *dict[V]) scan(cursor uint64, n int, fn func(it *item[V])) (next uint64) {
	if d.order == nil {
		for _, it := range d.items {
			fn(it)
		}
		return 0
	}
	last := uint64(0)
	d.order.Ascend(&item[V]{hash: cursor}, func(it *item[V]) bool {
		if n <= 0 && it.hash != last { // equal hashes stay together: the cursor can not tell them apart
			next = it.hash
			return false
		}
		n--
		last = it.hash
		fn(it)
		return true
	})
	return next
}

// hash has 40 bits, to leave room in a cursor for the shard's number, and is never 0, the cursor's start and end.
func (d *dict[V]) hash(key string) uint64 { return maphash.String(d.seed, key)>>24 | 1 }

func lessItem[V any](a, b *item[V]) bool {
	if a.hash != b.hash {
		return a.hash < b.hash
	}
	return a.key < b.key
}

// meter counts the bytes of one object and, with it, those of its DB.
type meter struct {
	own   int64
	total *int64
}

func (m *meter) add(n int) {
	m.own += int64(n)
	*m.total += int64(n)
}
