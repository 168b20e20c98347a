package chunk

import (
	"encoding/binary"
	"math/bits"

	"github.com/dunlin-db/dunlin/internal/varint"
)

// word is how many numbers go into a word, and its bits.
type word struct{ n, bits uint }

var group1 = word{1, 64}

func appendUnsigned(dst []byte, u uint64) []byte { return binary.AppendUvarint(dst, u) }

// packer writes the numbers low ≤ v < low+size (0 stands for 2^64), and the lists around them.
type packer struct {
	out  bitWriter
	low  int64
	size uint64
	word word
}

func (p *packer) header() {
	p.out.dst = appendUnsigned(varint.AppendSigned(p.out.dst, p.low), p.size-1)
}

// radix writes all of r. The last word is shorter when it holds fewer numbers.
func (p *packer) radix(r []int64) {
	switch {
	case p.size == 1:
	case p.word.n == 1:
		for _, v := range r {
			p.out.put(uint64(v-p.low), p.word.bits)
		}
	default:
		n := int(p.word.n)
		for ; len(r) >= n; r = r[n:] {
			p.out.put(p.join(r[:n]), p.word.bits)
		}
		if len(r) > 0 {
			p.out.put(p.join(r), restBits(p.size, len(r)))
		}
	}
}

// join makes one number of several, the first the lowest digit.
func (p *packer) join(r []int64) uint64 {
	w := uint64(0)
	for i := len(r) - 1; i >= 0; i-- {
		w = w*p.size + uint64(r[i]-p.low)
	}
	return w
}

// restBits is the width of n numbers below size.
func restBits(size uint64, n int) uint {
	power := uint64(1)
	for range n {
		power *= size
	}
	return bitLen(power - 1)
}

// rice writes u: a one for each 2^k in it, a zero, the k bits of the rest; or riceEscape ones and 64 bits.
func (p *packer) rice(u uint64, k uint) {
	q := u >> k
	if q >= riceEscape {
		p.out.put(1<<riceEscape-1, riceEscape)
		p.out.put(u, 64)
		return
	}
	head := uint64(1<<q-1) << 1
	if q+1+uint64(k) <= 64 {
		p.out.put(head<<k|u&(1<<k-1), uint(q)+1+k)
		return
	}
	p.out.put(head, uint(q)+1)
	p.out.put(u&(1<<k-1), k)
}

// sparse writes the value of most, how many others there are, where, and what they are.
func (p *packer) sparse(r []int64, s *stats) {
	p.out.dst = appendUnsigned(varint.AppendSigned(p.out.dst, s.center), uint64(s.others))
	if s.others == 0 {
		return
	}
	p.header()
	k := gapBits(len(r), s.others)
	at := -1
	for i, v := range r {
		if v != s.center {
			p.rice(uint64(i-at-1), k)
			at = i
		}
	}
	var local [64]int64
	others := local[:0]
	for _, v := range r {
		if v == s.center {
			continue
		}
		others = append(others, v)
		if len(others) == int(p.word.n) { // whole words only, but the last
			p.radix(others)
			others = others[:0]
		}
	}
	if len(others) > 0 {
		p.radix(others)
	}
}

// unpacker reads what packer wrote, to the end of b, of which the last slack bytes do not belong to it.
type unpacker struct {
	b    []byte
	at   uint64 // bits
	low  int64
	size uint64
	word word
}

// radix reads all of r.
func (u *unpacker) radix(r []int64) {
	b, at, low := u.b, u.at, u.low
	switch {
	case u.size == 1:
		for i := range r {
			r[i] = low
		}
	case u.word.n == 1 && u.word.bits <= maxWord:
		shift, width := 64-u.word.bits, uint64(u.word.bits)
		for i := range r {
			r[i] = low + int64(load(b, at)>>shift)
			at += width
		}
	case u.word.n == 1:
		for i := range r {
			r[i] = low + int64(loadLong(b, at, u.word.bits))
			at += uint64(u.word.bits)
		}
	default:
		n, width := int(u.word.n), uint64(u.word.bits)
		inverse := ^uint64(0) / u.size // of 2^64: quotients by it are right or one too small
		for ; len(r) >= n; r = r[n:] {
			u.split(r[:n], load(b, at)>>(64-width), inverse)
			at += width
		}
		if len(r) > 0 {
			rest := restBits(u.size, len(r))
			u.split(r, load(b, at)>>(64-rest), inverse)
			at += uint64(rest)
		}
	}
	u.at = at
}

// split takes a word apart.
func (u *unpacker) split(r []int64, w, inverse uint64) {
	size, low := u.size, u.low
	for i := range r {
		q, _ := bits.Mul64(w, inverse)
		rest := w - q*size
		if rest >= size {
			rest -= size
			q++
		}
		r[i] = low + int64(rest)
		w = q
	}
}

// rice reads one number.
func (u *unpacker) rice(k uint) uint64 {
	w := load(u.b, u.at)
	q := uint(bits.LeadingZeros64(^w))
	if q >= riceEscape {
		n := loadLong(u.b, u.at+riceEscape, 64)
		u.at += riceEscape + 64
		return n
	}
	u.at += uint64(q + 1 + k)
	if q+1+k <= maxWord {
		return uint64(q)<<k | w<<(q+1)>>1>>(63-k)
	}
	return uint64(q)<<k | loadLong(u.b, u.at-uint64(k), k)
}
