package keyspace

import (
	"sort"

	"github.com/tidwall/btree"
)

// The largest sorted set that redis-server 7.0 holds as a listpack: members, and bytes of a member.
const (
	maxListpack       = 128
	maxListpackMember = 64
)

// Entry is a member of a sorted set.
type Entry struct {
	Member string
	Score  float64
}

// ZSet is a sorted set: ordered by score, then by the member's bytes.
type ZSet struct {
	scores   dict[float64]
	order    *btree.BTreeG[Entry]
	meter    *meter
	skiplist bool // redis-server would hold it as a skip list; it never turns back
}

func newZSet(m *meter) *ZSet {
	return &ZSet{
		scores: newDict[float64](),
		order:  btree.NewBTreeGOptions(lessEntry, btree.Options{NoLocks: true}),
		meter:  m,
	}
}

func lessEntry(a, b Entry) bool {
	if a.Score != b.Score {
		return a.Score < b.Score
	}
	return a.Member < b.Member
}

// Len is the number of members.
func (z *ZSet) Len() int { return z.order.Len() }

// Score is the score of a member.
func (z *ZSet) Score(member []byte) (float64, bool) {
	if it := z.scores.find(member); it != nil {
		return it.val, true
	}
	return 0, false
}

// Put sets the score of a member, which is added when missing. NaN is a bug of the caller.
func (z *ZSet) Put(member []byte, score float64) {
	it := z.scores.find(member)
	if it == nil && (z.Len() >= maxListpack || len(member) > maxListpackMember) {
		z.skiplist = true
	}
	if !z.skiplist {
		score += 0 // −0 becomes 0, as in a listpack, which holds whole numbers as integers
	}
	if it != nil {
		z.order.Delete(Entry{it.key, it.val})
		it.val = score
	} else {
		it = z.scores.add(string(member), score)
		z.meter.add(memberCost + scoreCost + len(member))
	}
	z.order.Set(Entry{it.key, score})
}

// Remove removes a member and says whether it was in. Whoever removes the last one deletes the key.
func (z *ZSet) Remove(member []byte) bool {
	it := z.scores.find(member)
	if it == nil {
		return false
	}
	z.meter.add(-memberCost - scoreCost - len(member))
	z.order.Delete(Entry{it.key, it.val})
	z.scores.remove(it)
	return true
}

// At is the member of a rank, 0 ≤ rank < Len.
func (z *ZSet) At(rank int) Entry {
	e, _ := z.order.GetAt(rank)
	return e
}

// Rank is the number of members before this one.
func (z *ZSet) Rank(member []byte) (int, bool) {
	it := z.scores.find(member)
	if it == nil {
		return 0, false
	}
	e := Entry{it.key, it.val}
	return sort.Search(z.Len(), func(i int) bool { return !lessEntry(z.At(i), e) }), true
}

// Each calls fn for the members of ranks lo to hi, hi not included, highest rank first if desc.
func (z *ZSet) Each(lo, hi int, desc bool, fn func(e Entry)) {
	if lo >= hi {
		return
	}
	n := hi - lo
	next := func(e Entry) bool {
		fn(e)
		n--
		return n > 0
	}
	if desc {
		z.order.Descend(z.At(hi-1), next)
	} else {
		z.order.Ascend(z.At(lo), next)
	}
}

// Scan calls fn for about n members from the cursor on and gives the next cursor, 0 at the end.
func (z *ZSet) Scan(cursor uint64, n int, fn func(e Entry)) (next uint64) {
	return z.scores.scan(cursor, n, func(it *item[float64]) { fn(Entry{it.key, it.val}) })
}

func (z *ZSet) encoding() string {
	if z.skiplist {
		return "skiplist"
	}
	return "listpack"
}
