package names

import "github.com/dunlin-db/dunlin/internal/replog"

// What is known of an id. An id is one that Intern has given and that somebody holds, unless it says otherwise.

// Seed is the key of the digests of the series' members.
func (n *Table) Seed(id uint32) uint64 { return n.info(id).seed }

// Named is where the recorder of a log keeps what it knows of the series; nothing is known of one that is new.
func (n *Table) Named(id uint32) *replog.Named { return &n.info(id).named }

// Generation counts the series that had this id, this one included. With the id it names a series for good.
func (n *Table) Generation(id uint32) uint32 { return n.info(id).generation }

// NameOf is Name for an id that may be anybody's by now: nil unless it is still of that generation.
func (n *Table) NameOf(id, generation uint32) []byte {
	if id >= n.count || n.info(id).len == 0 || n.info(id).generation != generation {
		return nil
	}
	return n.Name(id)
}

// Holders is how many hold an id, 0 when it is free.
func (n *Table) Holders(id uint32) int { return int(n.info(id).holders) }

// NameBytes is what a name takes: its text, what is known of its id, and its slot.
func (n *Table) NameBytes(id uint32) int64 { return int64(n.info(id).len) + infoBytes + slotBytes }

// Used is how many ids somebody holds.
func (n *Table) Used() int { return n.used }

// IDs is how many ids were ever given: all are below it.
func (n *Table) IDs() uint32 { return n.count }

// UsedBytes is NameBytes of all ids in use.
func (n *Table) UsedBytes() int64 { return n.live + int64(n.used)*(infoBytes+slotBytes) }

// Bytes is what was counted of all memory of the table, Tables aside.
func (n *Table) Bytes() int64 { return n.mem.Bytes() }
