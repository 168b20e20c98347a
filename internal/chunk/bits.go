package chunk

import "encoding/binary"

// putBits writes the low n ≤ 64 bits of v at bit position at, the highest first. It clears what follows, so buf must
// reach 16 bytes beyond.
func putBits(buf []byte, at uint32, v uint64, n uint8) uint32 {
	if n > 32 {
		at = putBits(buf, at, v>>32, n-32)
		v, n = v&0xffffffff, 32
	}
	b := buf[at>>3:]
	off := at & 7
	keep := binary.BigEndian.Uint64(b) &^ (^uint64(0) >> off)
	binary.BigEndian.PutUint64(b, keep|v<<(64-off-uint32(n)))
	return at + uint32(n)
}

// bitReader reads what putBits wrote. Reading past the end gives zeros and sets over.
type bitReader struct {
	buf  []byte
	at   uint64
	over bool
}

func (r *bitReader) bits(n uint8) uint64 {
	if n > 32 {
		hi := r.bits(n - 32)
		return hi<<32 | r.bits(32)
	}
	if n == 0 {
		return 0
	}
	return r.peek() >> (64 - n) & (1<<n - 1) * r.skip(n)
}

// skip moves on and gives 1, or 0 when the bits were not there.
func (r *bitReader) skip(n uint8) uint64 {
	r.at += uint64(n)
	if r.at > uint64(len(r.buf))*8 {
		r.over = true
		return 0
	}
	return 1
}

// peek gives at least 57 bits, left aligned, zeros after the end.
func (r *bitReader) peek() uint64 {
	i := r.at >> 3
	if i+8 <= uint64(len(r.buf)) {
		return binary.BigEndian.Uint64(r.buf[i:]) << (r.at & 7)
	}
	var tail [8]byte
	if i < uint64(len(r.buf)) {
		copy(tail[:], r.buf[i:])
	}
	return binary.BigEndian.Uint64(tail[:]) << (r.at & 7)
}
