package slab

import (
	"encoding/binary"
	"math/bits"
)

// Slab hands out blocks of memory for one owner. They are freed with the owner's Memory, without looking at them. The
// zero Slab is empty; all calls of one Slab must name the same Memory.
//
// A block has no header: whoever holds it knows the size it asked for.
type Slab struct {
	pages [][]byte
	next  uint32                          // unit in the last page from where on it is free
	end   uint32                          // unit up to which the last page is counted
	free  [sizeClasses]uint32             // freed blocks by class, linked through their first 4 bytes
	some  [(sizeClasses + 63) / 64]uint64 // a bit for each class that has a free block
	bytes int64                           // counted, of all pages
	used  int64                           // of these, in blocks that somebody holds
}

// Ref is a block's place: page in the upper half, 4-byte unit within the page in the lower. Ref 0 is none.
type Ref uint32

const (
	unitShift   = 2  // a unit is 4 bytes: sealed chunks fit closely
	pageShift   = 16 // units in a page: 256 KiB
	pageUnits   = 1 << pageShift
	pageBytes   = pageUnits << unitShift
	firstPage   = 32 << 10
	exactUnits  = 256              // up to 1 KiB there is a class for each size
	sizeClasses = exactUnits + 104 // above, eight for each power of two, up to 8 MiB
	maxPages    = 1 << (32 - pageShift)
)

// class gives the size class of n bytes, and the units a block of that class has.
func class(n int) (c int, units uint32) {
	u := uint32(n+1<<unitShift-1) >> unitShift
	if u <= exactUnits {
		u = max(u, 1)
		return int(u - 1), u
	}
	shift := bits.Len32(u-1) - 4
	u = (u + 1<<shift - 1) >> shift // 9..16 eighths
	return exactUnits + (shift-5)*8 + int(u-9), u << shift
}

// classUnits is the units a block of a class has.
func classUnits(c int) uint32 {
	if c < exactUnits {
		return uint32(c + 1)
	}
	c -= exactUnits
	return uint32(9+c%8) << (5 + c/8)
}

// BlockBytes is the size of the block that Alloc gives for n bytes.
func BlockBytes(n int) int {
	_, units := class(n)
	return int(units) << unitShift
}

// grain keeps the blocks of open chunks, which come and go, to few sizes, so that one that was freed suits another.
const grain = 32

// OpenBytes is the size of the block for an open chunk that needs n bytes. Asking for it gives exactly such a block.
func OpenBytes(n int) int { return BlockBytes((n + grain - 1) &^ (grain - 1)) }

// Alloc gives a block of at least n > 0 bytes, of any content: a freed one of that size, a piece of a larger one, or
// new memory, which m gives and counts. It panics when no Ref is left: ask Full before something new begins.
func (s *Slab) Alloc(m *Memory, n int) Ref {
	c, units := class(n)
	s.used += int64(units) << unitShift
	if s.free[c] != 0 {
		return s.pop(c)
	}
	from := s.near(c, units)
	if from == sizeClasses && (s.bytes-s.used)*cutAbove > s.bytes {
		from = s.larger(c + leastRest)
	}
	if from < sizeClasses && classUnits(from) < pageUnits {
		r := s.pop(from)
		s.giveUp(r+Ref(units), classUnits(from)-units)
		return r
	}
	if s.next+units > s.end || s.next >= pageUnits {
		s.extend(m, units)
	}
	r := Ref(uint32(len(s.pages)-1)<<pageShift | s.next)
	s.next += units
	return r
}

// near gives a class with a free block that is hardly larger and no block of an open chunk, which another open chunk
// will want: outgrown directories find their use as sealed chunks. It gives sizeClasses when there is none.
func (s *Slab) near(c int, units uint32) int {
	for c++; c < exactUnits; c++ {
		has := classUnits(c)
		if has > units+units/8 {
			break
		}
		if s.free[c] != 0 && has<<unitShift%grain != 0 {
			return c
		}
	}
	return sizeClasses
}

// leastRest is how many units must be left of a block that is cut: less would be of no use to anybody.
const leastRest = 4

// A block is cut only while more than this part, 1/cutAbove, of the slab is free: what is cut off stays a crumb, and a
// few whole free blocks that wait for one of their size are less than all those crumbs.
const cutAbove = 5

// larger gives the first class from c on with a free block, sizeClasses when there is none.
func (s *Slab) larger(c int) int {
	for w := c / 64; w < len(s.some); w++ {
		bitsOf := s.some[w]
		if w == c/64 {
			bitsOf &= ^uint64(0) << (c % 64)
		}
		if bitsOf != 0 {
			return w*64 + bits.TrailingZeros64(bitsOf)
		}
	}
	return sizeClasses
}

func (s *Slab) pop(c int) Ref {
	r := Ref(s.free[c])
	if s.free[c] = binary.LittleEndian.Uint32(s.At(r, 4)); s.free[c] == 0 {
		s.some[c/64] &^= 1 << (c % 64)
	}
	return r
}

func (s *Slab) push(c int, r Ref) {
	binary.LittleEndian.PutUint32(s.At(r, 4), s.free[c])
	s.free[c] = uint32(r)
	s.some[c/64] |= 1 << (c % 64)
}

// giveUp frees a stretch of units, which no block need ever have been.
func (s *Slab) giveUp(r Ref, units uint32) {
	for units > 0 {
		c, u := class(int(units) << unitShift)
		if u > units {
			c--
			u = classUnits(c)
		}
		s.push(c, r)
		r += Ref(u)
		units -= u
	}
}

// extend counts more of the last page, or adds one, so that a block of so many units fits behind next.
func (s *Slab) extend(m *Memory, units uint32) {
	if len(s.pages) == 0 || s.next >= pageUnits || int(s.next+units)<<unitShift > len(s.pages[len(s.pages)-1]) {
		s.grow(m, int(units)<<unitShift)
	}
	step := 4 << 10
	if s.bytes >= 16*int64(step) {
		step *= 4
	}
	page := len(s.pages[len(s.pages)-1])
	end := min((int(s.next+units)<<unitShift+step-1)&^(step-1), page)
	grown := int64(end) - int64(s.end)<<unitShift
	s.end = uint32(end >> unitShift)
	s.bytes += grown
	m.Add(grown)
}

// grow adds a page. A block larger than a page gets a page of its own length. No ref leads behind the first pageUnits
// of it: no block begins there, and when the large one is free it is not cut.
func (s *Slab) grow(m *Memory, need int) {
	if len(s.pages) == maxPages {
		panic("BUG: slab: no ref is left, which admission should have kept it from")
	}
	if s.next < min(s.end, pageUnits) {
		s.giveUp(Ref(uint32(len(s.pages)-1)<<pageShift|s.next), s.end-s.next)
	}
	size := pageBytes
	if n := len(s.pages); n < 3 {
		size = firstPage << n
	}
	s.next, s.end = 0, 0
	if len(s.pages) == 0 {
		s.next = 1 // ref 0 is none
		need += 1 << unitShift
	}
	s.pages = append(s.pages, m.Take(max(size, PageUp(need))))
}

// Full says that there is hardly a Ref left to give: what is under way still fits, nothing more should begin.
func (s *Slab) Full() bool { return len(s.pages) >= maxPages-64 }

// At gives the first n bytes of a block, at most those it was asked for with. They are the block's until Release, and
// gone with the Memory. It is called several times a point, and small enough to be inlined.
func (s *Slab) At(r Ref, n int) []byte {
	off := int(r&(1<<pageShift-1)) << unitShift
	return s.pages[r>>pageShift][off : off+n : off+n]
}

// Used is the bytes of the blocks that somebody holds, rounded up as BlockBytes does.
func (s *Slab) Used() int64 { return s.used }

// Bytes is what was counted for all pages: blocks that are held, blocks that are free, and what is lost between them.
func (s *Slab) Bytes() int64 { return s.bytes }

// Release frees the block that was asked for with n bytes. Of Ref 0 it does nothing.
func (s *Slab) Release(r Ref, n int) {
	if r == 0 {
		return
	}
	c, units := class(n)
	s.used -= int64(units) << unitShift
	s.push(c, r)
}
