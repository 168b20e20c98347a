package chunk

import (
	"math"

	"github.com/dunlin-db/dunlin/internal/decimal"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// AppendState appends an open chunk whose whole words are in buf, as it stands in files: docs/format/chunk.md.
func (s *State) AppendState(dst, buf []byte) []byte {
	p, flags := &s.params, byte(0)
	if p.float {
		flags |= 1 << 5
	}
	if p.dod {
		flags |= 1 << 6
	}
	dst = append(dst, version<<4|p.style, flags|p.dec, p.min, p.k, p.shift)
	dst = appendUnsigned(appendUnsigned(dst, uint64(s.count-1)), uint64(s.bits))
	dst = append(dst, buf[:s.bits>>6<<3]...)
	return (&bitWriter{dst, s.acc, uint(s.bits & 63)}).finish()
}

// LoadState reads what AppendState wrote, and makes r read that chunk. words, a part of b, is what its buffer holds.
// Bytes that are no open chunk in the order of its times are ErrCorrupt.
func (r *Reader) LoadState(b []byte) (s State, words []byte, err error) {
	r.reset(false)
	in := varint.Reader{B: b}
	p := Params{style: in.Byte() ^ version<<4, dec: in.Byte()}
	p.float, p.dod, p.dec = p.dec>>5&1 == 1, p.dec>>6&1 == 1, p.dec&^(1<<5|1<<6)
	p.min, p.k, p.shift = in.Byte(), in.Byte(), in.Byte()
	last, bits := in.Unsigned(), in.Unsigned()
	if in.Bad || p.style > shortest || p.dec > decimal.MaxDigits || p.min > p.dec || p.k > maxBits || p.shift > 62 ||
		p.float && p.shift > 0 || bits>>32 > 0 || (bits+7)/8 != uint64(len(b)-in.At) || last >= min(bits, MaxPoints) {
		return State{}, nil, ErrCorrupt
	}
	r.b.bytes = append(append(r.b.bytes[:0], b[in.At:]...), make([]byte, slack)...)
	r.params, r.n, r.values = p, int(last)+1, true
	r.b.size(r.n)
	s = Start(p)
	bad, before := s.walk(&r.b, 0, r.n, maxTS+1) < r.n || uint64(s.bits) != bits, int64(0)
	for i, ts := range r.b.ts {
		r.at(i)
		bad = bad || ts < before || ts%unitMillis[r.Frac] != 0 ||
			p.float && !r.b.isOdd(i) && !plainFloat(math.Float64frombits(uint64(r.b.val[i])))
		before = ts
	}
	if bad {
		r.fail()
		return State{}, nil, r.err
	}
	s.acc = accAt(r.b.bytes, s.bits)
	return s, b[in.At : in.At+int(bits>>6<<3)], nil
}
