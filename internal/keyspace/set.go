package keyspace

import "math/rand/v2"

// maxIntset is the largest set of integers that redis-server 7.0 holds as an intset.
const maxIntset = 512

// Set is a set of strings.
type Set struct {
	members dict[struct{}]
	meter   *meter
	hashed  bool // redis-server would hold it as a hash table; it never turns back
}

func newSet(m *meter) *Set { return &Set{members: newDict[struct{}](), meter: m} }

// Len is the number of members.
func (s *Set) Len() int { return len(s.members.items) }

// Has says whether the member is in.
func (s *Set) Has(member []byte) bool { return s.members.find(member) != nil }

// Add adds a member and says whether it was new.
func (s *Set) Add(member []byte) bool {
	if s.Has(member) {
		return false
	}
	s.meter.add(memberCost + len(member))
	s.members.add(string(member), struct{}{})
	if !s.hashed {
		_, isInt := ParseInt(member)
		s.hashed = !isInt || s.Len() > maxIntset
	}
	return true
}

// Remove removes a member and says whether it was in. Whoever removes the last one deletes the key.
func (s *Set) Remove(member []byte) bool {
	it := s.members.find(member)
	if it != nil {
		s.remove(it)
	}
	return it != nil
}

func (s *Set) remove(it *item[struct{}]) {
	s.meter.add(-memberCost - len(it.key))
	s.members.remove(it)
}

// Pop removes a random member. The set must not be empty.
func (s *Set) Pop() string {
	if o := s.members.order; o != nil {
		it, _ := o.GetAt(rand.IntN(o.Len()))
		s.remove(it)
		return it.key
	}
	skip := rand.IntN(s.Len())
	for _, it := range s.members.items {
		if skip == 0 {
			s.remove(it)
			return it.key
		}
		skip--
	}
	panic("BUG: Pop of an empty set")
}

// Each calls fn for every member.
func (s *Set) Each(fn func(member string)) {
	for m := range s.members.items {
		fn(m)
	}
}

// Scan calls fn for about n members from the cursor on and gives the next cursor, 0 at the end.
func (s *Set) Scan(cursor uint64, n int, fn func(member string)) (next uint64) {
	return s.members.scan(cursor, n, func(it *item[struct{}]) { fn(it.key) })
}

func (s *Set) encoding() string {
	if s.hashed {
		return "hashtable"
	}
	return "intset"
}
