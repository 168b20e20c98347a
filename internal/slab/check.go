package slab

import (
	"encoding/binary"
	"fmt"
)

// Check adds up the free blocks and says whether a block is in two hands. It is for tests of the slab and of its owner.
func (s *Slab) Check() error {
	given := int64(0) // all that blocks may have been cut from
	for i, page := range s.pages {
		if i < len(s.pages)-1 {
			given += int64(len(page))
		}
	}
	given += int64(s.next) << unitShift
	if free := s.freeBytes(); s.used+free > given || s.bytes > given+int64(pageBytes) {
		return fmt.Errorf("%d used, %d free of %d, %d counted: a block is in two hands", s.used, free, given, s.bytes)
	}
	return nil
}

func (s *Slab) freeBytes() int64 {
	total := int64(0)
	for c, r := range s.free {
		for ; r != 0; total += int64(classUnits(c)) << unitShift {
			r = binary.LittleEndian.Uint32(s.At(Ref(r), 4))
		}
	}
	return total
}
