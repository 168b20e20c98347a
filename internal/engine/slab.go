package engine

import "math/bits"

// A slab hands out blocks of memory for one period and frees them all at once, with itself.
//
// A ref is a block's place: page in the upper bits, 16-byte unit within the page in the lower. Ref 0 is none. A block
// has no header: whoever holds it knows the size it asked for.
type slab struct {
	pages [][]byte
	next  uint32              // unit in the last page from where on it is free
	free  [sizeClasses]uint32 // freed blocks by class, linked through their first 4 bytes
	bytes int64               // of all pages
}

type ref uint32

const (
	unitShift   = 4  // a unit is 16 bytes
	pageShift   = 14 // units in a page: 256 KiB
	firstPage   = 8 << 10
	pageBytes   = 1 << (unitShift + pageShift)
	sizeClasses = 128 // blocks up to 128 MiB
)

// class gives the size class of n bytes, and the units a block of that class has. Up to 64 units there is a class for
// each; above, four for each power of two.
func class(n int) (c int, units uint32) {
	u := uint32(n+15) >> unitShift
	if u <= 64 {
		u = max(u, 1)
		return int(u - 1), u
	}
	shift := bits.Len32(u-1) - 3
	u = (u + 1<<shift - 1) >> shift // 5..8 quarters
	return 63 + (shift-4)*4 + int(u-4), u << shift
}

// blockBytes is the size of the block that alloc gives for n bytes.
func blockBytes(n int) int {
	_, units := class(n)
	return int(units) << unitShift
}

// alloc gives a block of at least n > 0 bytes, of any content.
func (s *slab) alloc(n int) ref {
	c, units := class(n)
	if r := s.free[c]; r != 0 {
		b := s.at(ref(r), 4)
		s.free[c] = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		return ref(r)
	}
	if len(s.pages) == 0 || int(s.next+units)<<unitShift > len(s.pages[len(s.pages)-1]) {
		s.grow(int(units) << unitShift)
	}
	r := ref(uint32(len(s.pages)-1)<<pageShift | s.next)
	s.next += units
	return r
}

// grow adds a page. A block larger than a page gets a page of its own length; only its first unit has a ref.
func (s *slab) grow(need int) {
	size := pageBytes
	if n := len(s.pages); n < 5 {
		size = firstPage << n
	}
	s.next = 0
	if len(s.pages) == 0 {
		s.next = 1 // ref 0 is none
		need += 1 << unitShift
	}
	size = max(size, need)
	s.pages = append(s.pages, make([]byte, size))
	s.bytes += int64(size)
}

// at gives the first n bytes of a block.
func (s *slab) at(r ref, n int) []byte {
	off := int(r&(1<<pageShift-1)) << unitShift
	return s.pages[r>>pageShift][off : off+n : off+n]
}

// release frees the block that was asked for with n bytes.
func (s *slab) release(r ref, n int) {
	if r == 0 {
		return
	}
	c, _ := class(n)
	b, next := s.at(r, 4), s.free[c]
	b[0], b[1], b[2], b[3] = byte(next), byte(next>>8), byte(next>>16), byte(next>>24)
	s.free[c] = uint32(r)
}

// size is the memory of the slab, its page table included.
func (s *slab) size() int64 { return s.bytes + int64(cap(s.pages))*24 }
