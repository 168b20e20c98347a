package keycmd

import (
	"context"
	"time"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/zseries"
)

// Command is a command on keys.
type Command struct {
	Name  string // lower case
	Arity int    // as COMMAND INFO gives it: counting the name, negative = at least
	// First, Last and Step are the positions of keys as COMMAND INFO gives them; First 0 = no keys.
	First, Last, Step int
	Flags             Flags
	Run               func(c *Call)
}

// Flags are properties of a command.
type Flags uint8

const (
	Write    Flags = 1 << iota // may change keys
	AllSlots                   // runs over all slots of the connection's database
)

// Slot is one held shard on an in-memory store, with the plain keys beside it, under the shard's lock.
type Slot struct {
	Shard *shard.Shard
	Tx    shard.Tx // valid while the slot is locked
	Plain *keyspace.DB

	scratch scratch
}

// scratch is memory that commands of a slot use again.
type scratch struct {
	scores []float64
	points []series.Point
	groups [1]store.Group
	series zseries.Set
}

// Call is one command that is being executed. All slots it may touch are locked.
type Call struct {
	Ctx  context.Context
	Args [][]byte // Args[0] is the name; valid until Run returns
	W    *resp.Writer
	// Slots are the slots of the connection's database in ascending order: all held ones on database 0, one after
	// SELECT i.
	Slots    []*Slot
	Topology *ring.Topology
	Clock    func() time.Time
	// Err says why a store could not be asked, from which a journal was read; the reply is then worth nothing.
	Err   error
	First FirstKey
	// Rest is what a long reply still lacks when Run returns, else nil. Whoever called Run appends it, when no slot
	// needs to be locked any more, and closes it.
	Rest *zseries.Rest
}

// FirstKey is what the router has found out about a command's first key, so that it is parsed and hashed once. The
// zero value is no key: everything is looked at again.
type FirstKey struct {
	Name   []byte // the argument itself
	Parsed series.Key
	Err    error // of ParseKey
	Slot   *Slot // nil = not known
}

// is says whether key is that very argument.
func (f *FirstKey) is(key []byte) bool {
	return len(f.Name) > 0 && len(key) == len(f.Name) && &key[0] == &f.Name[0]
}

// parse reads a key of the command.
func (c *Call) parse(key []byte) (series.Key, error) {
	if c.First.is(key) {
		return c.First.Parsed, c.First.Err
	}
	return c.Topology.Layout.ParseKey(key)
}
