package engine

import (
	"bytes"
	"hash/maphash"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/store"
)

// names interns host:metric → id. The table has no pointers: a slot is the upper half of a hash and id+1. An id lives
// while a live period holds it; then it is given to another series.
type names struct {
	seed   maphash.Seed
	digest uint64   // key of the digests of all series
	slots  []uint64 // hash<<32 | id+1, 0 = free; linear probing, a power of two of them
	used   int
	infos  []nameInfo // by id
	free   []uint32   // ids to give again
	text   [][]byte   // pages of names
	dead   int        // bytes in text that belong to nobody
	bytes  int64      // of text pages
}

type nameInfo struct {
	at         uint32 // page<<16 | offset
	len        uint16
	holders    uint16 // periods that hold the id
	hash       uint32
	generation uint32 // counts the series that had this id
	next       uint32 // id+1 of the series that was written after this one, 0 = none: a guess, checked by its name
	seed       uint64 // of the digests of its members
}

const namePage = 1 << 16

func newNames(digestSeed uint64) names {
	return names{seed: maphash.MakeSeed(), digest: digestSeed, slots: make([]uint64, 64)}
}

func (n *names) hash(name []byte) uint32 { return uint32(maphash.Bytes(n.seed, name) >> 32) }

// name gives the bytes of an id; they are the table's.
func (n *names) name(id uint32) []byte {
	i := &n.infos[id]
	off := int(i.at & 0xffff)
	return n.text[i.at>>16][off : off+int(i.len) : off+int(i.len)]
}

// find gives the id of a name.
func (n *names) find(name []byte) (id uint32, ok bool) {
	h := n.hash(name)
	mask := uint32(len(n.slots) - 1)
	for i := h & mask; n.slots[i] != 0; i = (i + 1) & mask {
		if s := n.slots[i]; uint32(s>>32) == h && bytes.Equal(n.name(uint32(s)-1), name) {
			return uint32(s) - 1, true
		}
	}
	return 0, false
}

// noID is the id of no series.
const noID = ^uint32(0)

// follow is find for a series that is written after another (noID: after none). Writers send their series in the same
// order again and again, so one comparison mostly finds it, without a hash and a walk through the table.
func (n *names) follow(after uint32, name []byte) (id uint32, ok bool) {
	if after == noID {
		return n.find(name)
	}
	if guess := n.infos[after].next; guess != 0 && string(n.name(guess-1)) == string(name) {
		return guess - 1, true
	}
	if id, ok = n.find(name); ok {
		n.infos[after].next = id + 1
	}
	return id, ok
}

// intern gives the id of a name, a new one if need be. The caller must hold it in a period.
func (n *names) intern(name []byte) uint32 {
	if id, ok := n.find(name); ok {
		return id
	}
	if n.used*4 >= len(n.slots)*3 {
		n.rehash(len(n.slots) * 2)
	}
	var id uint32
	if last := len(n.free) - 1; last >= 0 {
		id = n.free[last]
		n.free = n.free[:last]
	} else {
		id = uint32(len(n.infos))
		n.infos = append(n.infos, nameInfo{})
	}
	i := &n.infos[id]
	*i = nameInfo{
		at: n.keep(name), len: uint16(len(name)), hash: n.hash(name), generation: i.generation + 1,
		seed: store.SeriesSeed(n.digest, name),
	}
	n.place(id)
	n.used++
	return id
}

// place enters an id into the first free slot of its probe sequence.
func (n *names) place(id uint32) {
	h := n.infos[id].hash
	mask := uint32(len(n.slots) - 1)
	i := h & mask
	for n.slots[i] != 0 {
		i = (i + 1) & mask
	}
	n.slots[i] = uint64(h)<<32 | uint64(id+1)
}

func (n *names) rehash(size int) {
	old := n.slots
	n.slots = make([]uint64, size)
	for _, s := range old {
		if s != 0 {
			n.place(uint32(s) - 1)
		}
	}
}

// keep copies a name into the text pages.
func (n *names) keep(name []byte) uint32 {
	last := len(n.text) - 1
	if last < 0 || len(n.text[last])+len(name) > cap(n.text[last]) {
		size := namePage
		if last < 0 {
			size = 4 << 10
		}
		n.text = append(n.text, make([]byte, 0, size))
		n.bytes += int64(size)
		last++
	}
	at := len(n.text[last])
	n.text[last] = append(n.text[last], name...)
	return uint32(last)<<16 | uint32(at)
}

// release gives an id back when its last period is gone.
func (n *names) release(id uint32) {
	i := &n.infos[id]
	i.holders--
	if i.holders > 0 {
		return
	}
	n.remove(id)
	n.used--
	n.dead += int(i.len)
	i.len = 0
	n.free = append(n.free, id)
}

// remove takes an id out of the table and closes the gap, so that no probe sequence is cut (Knuth 6.4, algorithm R).
func (n *names) remove(id uint32) {
	mask := uint32(len(n.slots) - 1)
	gap := n.infos[id].hash & mask
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

// compact copies the living names together when half of the text is dead.
func (n *names) compact() {
	if int64(n.dead)*2 < n.bytes {
		return
	}
	old := *n // its infos are n's, its text is the old one
	n.text, n.bytes, n.dead = nil, 0, 0
	for id := range n.infos {
		if n.infos[id].len > 0 {
			n.infos[id].at = n.keep(old.name(uint32(id)))
		}
	}
}

// size is the memory of the table.
func (n *names) size() int64 {
	return n.bytes + int64(cap(n.slots))*8 + int64(cap(n.infos))*int64(unsafe.Sizeof(nameInfo{})) +
		int64(cap(n.free))*4 + int64(cap(n.text))*24
}
