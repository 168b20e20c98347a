package keycmd

import "github.com/dunlin-db/dunlin/internal/keyspace"

// set finds the set of a key: nil when missing. ok is false when the error reply is written.
func (c *Call) set(key []byte) (s *keyspace.Set, ok bool) {
	v, ok := c.lookupKind(key, keyspace.SetKind)
	if !ok || v.obj == nil {
		return nil, ok
	}
	return v.obj.Set(), true
}

func cmdSAdd(c *Call) {
	db, _, ok := c.forWriteKind(c.Args[1], keyspace.SetKind)
	if !ok {
		return
	}
	s, added := db.Set(c.Args[1]), 0
	for _, member := range c.Args[2:] {
		if s.Add(member) {
			added++
		}
	}
	c.W.Int(int64(added))
}

func cmdSRem(c *Call) {
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.SetKind)
	if !ok {
		return
	}
	removed := 0
	if o != nil {
		for _, member := range c.Args[2:] {
			if o.Set().Remove(member) {
				removed++
			}
		}
		deleteEmpty(db, c.Args[1], o)
	}
	c.W.Int(int64(removed))
}

func cmdSPop(c *Call) {
	n, counted, ok := c.popCount()
	if !ok {
		return
	}
	db, o, ok := c.forWriteKind(c.Args[1], keyspace.SetKind)
	if !ok {
		return
	}
	switch {
	case o == nil && !counted:
		c.W.Null()
		return
	case o == nil || n == 0:
		c.W.Set(0)
		return
	}
	s := o.Set()
	n = min(n, int64(s.Len()))
	if counted {
		c.W.Set(int(n))
	}
	for range n {
		c.W.BulkString(s.Pop())
	}
	deleteEmpty(db, c.Args[1], o)
}

func cmdSMembers(c *Call) {
	s, ok := c.set(c.Args[1])
	switch {
	case !ok:
	case s == nil:
		c.W.Set(0)
	default:
		c.W.Set(s.Len())
		s.Each(c.W.BulkString)
	}
}

// cmdSIsMember is SISMEMBER and SMISMEMBER.
func cmdSIsMember(c *Call) {
	s, ok := c.set(c.Args[1])
	if !ok {
		return
	}
	if Is(c.Args[0], "smismember") {
		c.W.Array(len(c.Args) - 2)
	}
	for _, member := range c.Args[2:] {
		if s != nil && s.Has(member) {
			c.W.Int(1)
		} else {
			c.W.Int(0)
		}
	}
}

func cmdSCard(c *Call) {
	s, ok := c.set(c.Args[1])
	switch {
	case !ok:
	case s == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(s.Len()))
	}
}
