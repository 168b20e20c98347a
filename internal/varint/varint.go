package varint

import "encoding/binary"

// Zigzag makes small unsigned numbers of small signed ones: 0, -1, 1, -2, … give 0, 1, 2, 3, ….
func Zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// Unzigzag is the inverse of Zigzag.
func Unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// AppendSigned appends the zigzag of a number as an unsigned one.
func AppendSigned(dst []byte, v int64) []byte { return binary.AppendUvarint(dst, Zigzag(v)) }

// Reader reads from B, from At on.
type Reader struct {
	B   []byte
	At  int
	Bad bool // something was not there, or larger than it may be
}

// Left is the number of bytes that were not read.
func (r *Reader) Left() int { return len(r.B) - r.At }

// Byte gives the next byte.
func (r *Reader) Byte() byte {
	if r.At >= len(r.B) {
		r.Bad = true
		return 0
	}
	r.At++
	return r.B[r.At-1]
}

// Unsigned gives a number of 7 bits a byte, the lowest first.
func (r *Reader) Unsigned() uint64 {
	u, n := binary.Uvarint(r.B[r.At:])
	if n <= 0 {
		r.Bad = true
		return 0
	}
	r.At += n
	return u
}

// Signed gives what AppendSigned wrote.
func (r *Reader) Signed() int64 { return Unzigzag(r.Unsigned()) }

// Uint64 gives 8 bytes, the lowest first.
func (r *Reader) Uint64() uint64 {
	b := r.Bytes(8, 8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// Bytes gives the next n bytes, nil when there are not so many or they are more than most.
func (r *Reader) Bytes(n, most uint64) []byte {
	if r.Bad || n > most || n > uint64(r.Left()) {
		r.Bad = true
		return nil
	}
	r.At += int(n)
	return r.B[r.At-int(n) : r.At]
}
