package names

import (
	"bytes"
	"hash/maphash"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/offheap"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Table interns host:metric → id. Nothing of it but page tables is in sight of the garbage collector: a slot is the
// upper half of a hash and id+1. An id lives while somebody holds it; then it is given to another series.
type Table struct {
	cfg Config
	mem slab.Memory

	seed  maphash.Seed
	slots []uint64       // hash<<32 | id+1, 0 = free; linear probing, a power of two of them
	block *offheap.Block // the memory of slots
	used  int

	infos []*infoPage // by id
	count uint32      // ids that were ever given
	free  uint32      // id+1 of the first to give again, linked through at; 0 = none

	text     []textPage // of names
	filling  int        // the page that takes new names, -1 = none
	live     int64      // bytes of names that somebody holds
	moveNext uint32     // while names move together: the next id to look at
	moving   bool
}

type nameInfo struct {
	at         uint32 // page<<16 | offset
	len        uint16
	holders    uint16 // Holds that were not released
	hash       uint32
	generation uint32 // counts the series that had this id
	next       uint32 // id+1 of the series that was written after this one, 0 = none: a guess, checked by its name
	missed     bool   // the guess was wrong the last time
	seed       uint64 // of the digests of its members
	named      replog.Named
}

const (
	infoPageIDs   = 1024
	firstNamePage = 4 << 10
	namePage      = 64 << 10
	infoBytes     = int64(unsafe.Sizeof(nameInfo{}))
	slotBytes     = 8
)

type infoPage [infoPageIDs]nameInfo

// textPage is a page of names, one behind the other.
type textPage struct {
	block   *offheap.Block
	buf     []byte // its bytes; len is what is in use, nil when the page was freed
	live    int    // bytes of names that somebody holds
	counted int
	leaving bool // its names move to other pages
}

// Config is what a Table is made of.
type Config struct {
	Meter  slab.Meter    // counts the memory, from 0
	Trash  *slab.Garbage // gets the memory that is not in use any more
	Digest uint64        // store.DigestSeed of the flock: key of the digests of all series
	Count  func(int)     // told how many names there are more, or fewer; nil = nobody is
}

// New makes an empty table. It is a value, so that whoever embeds it saves a step on the way to a name; it must not be
// copied once it is used.
func New(cfg Config) Table {
	n := Table{
		cfg: cfg, mem: slab.Memory{Meter: cfg.Meter},
		seed: maphash.MakeSeed(), filling: -1,
	}
	n.makeSlots(64)
	return n
}

func (n *Table) makeSlots(size int) {
	n.block = offheap.Alloc(size * slotBytes)
	n.slots = unsafe.Slice((*uint64)(unsafe.Pointer(&n.block.Bytes[0])), size)
	n.mem.Add(int64(size) * slotBytes)
}

// info gives what is known of an id; its memory stays where it is.
func (n *Table) info(id uint32) *nameInfo { return &n.infos[id/infoPageIDs][id%infoPageIDs] }

func (n *Table) hash(name []byte) uint32 { return uint32(maphash.Bytes(n.seed, name) >> 32) }

// Name gives the bytes of an id that somebody holds; they are the table's, and good until the next call that is no
// question.
func (n *Table) Name(id uint32) []byte {
	i := n.info(id)
	off := int(i.at & 0xffff)
	return n.text[i.at>>16].buf[off : off+int(i.len) : off+int(i.len)]
}

// Find gives the id of a name, ok = false when it has none.
func (n *Table) Find(name []byte) (id uint32, ok bool) {
	h := n.hash(name)
	mask := uint32(len(n.slots) - 1)
	for i := h & mask; n.slots[i] != 0; i = (i + 1) & mask {
		if s := n.slots[i]; uint32(s>>32) == h && bytes.Equal(n.Name(uint32(s)-1), name) {
			return uint32(s) - 1, true
		}
	}
	return 0, false
}

// NoID is the id of no series.
const NoID = ^uint32(0)

// Trail is where a writer is in the order of its series.
type Trail struct {
	at     uint32 // written last
	before uint32 // where it was when a series came that was not expected: a late point is not where one turns off
}

// NewTrail is the trail of a writer that has written nothing.
func NewTrail() Trail { return Trail{NoID, NoID} }

// Step says that a series was written that Follow did not find.
func (t *Trail) Step(id uint32) { t.at = id }

// Follow is Find for the series that a writer writes next, and steps there. Writers send their series in the same order
// again and again, so one comparison mostly finds it, without a hash and a walk through the table.
func (n *Table) Follow(t *Trail, name []byte) (id uint32, ok bool) {
	if id, ok = n.guess(t.at, name); ok {
		n.info(t.at).missed = false
	} else {
		id, ok = n.guess(t.before, name)
	}
	if ok {
		t.at, t.before = id, NoID
		return id, true
	}
	if id, ok = n.Find(name); !ok {
		return 0, false
	}
	if t.at != NoID {
		n.learn(t.at, id)
		if t.before == NoID {
			t.before = t.at
		}
	}
	t.at = id
	return id, true
}

// guess gives the series that was written after another one the last times, if it has the name.
func (n *Table) guess(after uint32, name []byte) (id uint32, ok bool) {
	if after == NoID {
		return 0, false
	}
	i := n.info(after)
	if i.next == 0 || !n.is(i.next-1, name) {
		return 0, false
	}
	return i.next - 1, true
}

// learn notes what followed a series instead of what was expected: the second time in a row it is believed.
func (n *Table) learn(after, id uint32) {
	i := n.info(after)
	if i.next == 0 || i.missed {
		i.next = id + 1
	}
	i.missed = !i.missed && i.next != id+1
}

// is says whether an id, which somebody had once, is that of a name.
func (n *Table) is(id uint32, name []byte) bool {
	return int(n.info(id).len) == len(name) && string(n.Name(id)) == string(name)
}

// Intern gives the id of a name of at most 4 KiB, a new one if need be. The caller must Hold it, or it is never given
// back.
func (n *Table) Intern(name []byte) uint32 {
	if id, ok := n.Find(name); ok {
		return id
	}
	if n.used*4 >= len(n.slots)*3 {
		n.rehash(len(n.slots) * 2)
	}
	id := n.newID()
	i := n.info(id)
	*i = nameInfo{
		at: n.keep(name), len: uint16(len(name)), hash: n.hash(name), generation: i.generation + 1,
		seed: store.SeriesSeed(n.cfg.Digest, name),
	}
	n.place(uint64(i.hash)<<32 | uint64(id+1))
	n.used++
	n.live += int64(len(name))
	if n.cfg.Count != nil {
		n.cfg.Count(1)
	}
	return id
}

// newID gives an id that nobody has. Ids of series that are gone go first.
func (n *Table) newID() uint32 {
	if n.free != 0 {
		id := n.free - 1
		n.free = n.info(id).at
		return id
	}
	id := n.count
	if id%infoPageIDs == 0 {
		page := n.mem.Take(infoPageIDs * int(infoBytes))
		n.infos = append(n.infos, (*infoPage)(unsafe.Pointer(&page[0])))
	}
	n.mem.Add(int64(slab.PageUp(int(id+1)*int(infoBytes)) - slab.PageUp(int(id)*int(infoBytes))))
	n.count++
	return id
}

// place enters a slot at the first free place of its probe sequence.
func (n *Table) place(slot uint64) {
	mask := uint32(len(n.slots) - 1)
	i := uint32(slot>>32) & mask
	for n.slots[i] != 0 {
		i = (i + 1) & mask
	}
	n.slots[i] = slot
}

// rehash goes through the old table once and writes the new one in at most two streams, without a look at the names:
// 100,000 names take about a millisecond.
func (n *Table) rehash(size int) {
	old, block := n.slots, n.block
	n.makeSlots(size)
	for _, s := range old {
		if s != 0 {
			n.place(s)
		}
	}
	n.mem.Add(-int64(len(old)) * slotBytes)
	block.Free()
}

// keep copies a name into the text pages.
func (n *Table) keep(name []byte) uint32 {
	if n.filling < 0 || len(n.text[n.filling].buf)+len(name) > cap(n.text[n.filling].buf) {
		n.addPage()
	}
	p := &n.text[n.filling]
	at := len(p.buf)
	p.buf = append(p.buf, name...)
	p.live += len(name)
	if more := slab.PageUp(len(p.buf)) - p.counted; more > 0 {
		p.counted += more
		n.mem.Add(int64(more))
	}
	return uint32(n.filling)<<16 | uint32(at)
}

// addPage adds a page of about an eighth of all text: the page that is being filled is not moved together.
func (n *Table) addPage() {
	size := firstNamePage
	for size < namePage && int64(size)*8 < n.live {
		size *= 2
	}
	page := textPage{block: offheap.Alloc(size)}
	page.buf = page.block.Bytes[:0]
	for i := range n.text {
		if n.text[i].buf == nil {
			n.text[i], n.filling = page, i
			return
		}
	}
	n.text = append(n.text, page)
	n.filling = len(n.text) - 1
}

// dropText says that a name is not in its place any more. A page without names is freed.
func (n *Table) dropText(at uint32, length int) {
	i := int(at >> 16)
	p := &n.text[i]
	p.live -= length
	if p.live == 0 && i != n.filling {
		n.mem.Discard(n.cfg.Trash, p.block, int64(p.counted))
		*p = textPage{}
	}
}

// Hold says that one more, a period, holds an id.
func (n *Table) Hold(id uint32) { n.info(id).holders++ }

// Release undoes one Hold. With the last the id is free: it will be that of another name, of the next generation.
func (n *Table) Release(id uint32) {
	i := n.info(id)
	i.holders--
	if i.holders > 0 {
		return
	}
	n.remove(id)
	n.used--
	n.live -= int64(i.len)
	n.dropText(i.at, int(i.len))
	i.len, i.at = 0, n.free
	n.free = id + 1
	if n.cfg.Count != nil {
		n.cfg.Count(-1)
	}
}

// remove takes an id out of the table and closes the gap, so that no probe sequence is cut (Knuth 6.4, algorithm R).
func (n *Table) remove(id uint32) {
	mask := uint32(len(n.slots) - 1)
	gap := n.info(id).hash & mask
	for uint32(n.slots[gap]) != id+1 {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; n.slots[i] != 0; i = (i + 1) & mask {
		home := uint32(n.slots[i]>>32) & mask
		if (i-home)&mask >= (i-gap)&mask {
			n.slots[gap] = n.slots[i]
			gap = i
		}
	}
	n.slots[gap] = 0
}

// Compact moves the living names of thin pages together, and shrinks the table when it is nearly empty: a piece of
// work of about steps names, and whether there is more to do.
func (n *Table) Compact(steps uint32) (more bool) {
	if !n.moving {
		if !n.wasteful() {
			return false
		}
		n.startMoving()
	}
	for end := min(n.moveNext+steps, n.count); n.moveNext < end; n.moveNext++ {
		i := n.info(n.moveNext)
		if i.len == 0 || !n.text[i.at>>16].leaving {
			continue
		}
		from := i.at
		i.at = n.keep(n.Name(n.moveNext))
		n.dropText(from, int(i.len))
	}
	n.moving = n.moveNext < n.count
	return n.moving
}

// wasteful says whether most of the text is of nobody, or most slots are free.
func (n *Table) wasteful() bool {
	if len(n.slots) > 1024 && n.used*8 < len(n.slots) {
		n.rehash(len(n.slots) / 4)
	}
	held, pages := 0, 0
	for i := range n.text {
		if n.text[i].buf != nil && i != n.filling {
			held += len(n.text[i].buf)
			pages++
		}
	}
	filling := 0
	if n.filling >= 0 {
		filling = n.text[n.filling].live
	}
	return pages > 1 && (n.live-int64(filling))*2 < int64(held)
}

// startMoving marks the pages of which more than a quarter is of nobody.
func (n *Table) startMoving() {
	for i := range n.text {
		p := &n.text[i]
		p.leaving = p.buf != nil && i != n.filling && p.live*4 < len(p.buf)*3
	}
	n.moving, n.moveNext = true, 0
}

// Tables is the memory of what the garbage collector does see, bytes. Bytes does not count it.
func (n *Table) Tables() int64 {
	return int64(cap(n.infos))*8 + int64(cap(n.text))*int64(unsafe.Sizeof(textPage{}))
}
