package chunk

import (
	"encoding/binary"
	"math/bits"
)

// slack is what must follow the bytes that load reads from.
const slack = 16

// load gives 57 bits or more at bit position at, the highest first, of what may be in them beyond. It stays within b
// whatever at is: who decodes compares at with the end when he is done.
func load(b []byte, at uint64) uint64 {
	i := min(at>>3, uint64(len(b)-8))
	return binary.BigEndian.Uint64(b[i:]) << (at & 7)
}

// loadLong gives the n ≤ 64 bits at bit position at.
func loadLong(b []byte, at uint64, n uint) uint64 {
	if n <= 32 {
		return load(b, at) >> (64 - n)
	}
	hi := load(b, at) >> 32
	return hi<<(n-32) | load(b, at+32)>>(96-n)
}

// bitWriter appends bits, the highest first.
type bitWriter struct {
	dst  []byte
	acc  uint64 // used bits, left aligned
	used uint
}

// put writes the low n ≤ 64 bits of v, which has no others.
func (w *bitWriter) put(v uint64, n uint) {
	free := 64 - w.used
	if n < free {
		w.acc |= v << (free - n)
		w.used += n
		return
	}
	w.dst = binary.BigEndian.AppendUint64(w.dst, w.acc|v>>(n-free))
	w.used = n - free
	w.acc = v << (64 - w.used) // 0 for a shift of 64
}

// finish fills up the last byte with zeros and gives what was written.
func (w *bitWriter) finish() []byte {
	for ; w.used > 0; w.used -= min(w.used, 8) {
		w.dst = append(w.dst, byte(w.acc>>56))
		w.acc <<= 8
	}
	return w.dst
}

func bitLen(u uint64) uint { return uint(bits.Len64(u)) }
