package chunk

import (
	"encoding/binary"
	"slices"

	"github.com/dunlin-db/dunlin/internal/varint"
)

// block is a decoded chunk, column by column. Its memory is used again.
type block struct {
	bytes []byte   // a copy of what was decoded, with slack
	ts    []int64  // ms
	val   []int64  // what the chunk's kind prints; of an odd point where its text is in bytes
	odd   []uint64 // a bit for each point, when there are odd ones
}

// size makes room for n points.
func (b *block) size(n int) {
	if cap(b.ts) < n {
		b.ts, b.val = make([]int64, n), make([]int64, n)
	}
	b.ts, b.val, b.odd = b.ts[:n], b.val[:n], b.odd[:0]
}

func (b *block) markOdd(i int) {
	if len(b.odd) == 0 {
		words := (cap(b.ts) + 63) / 64
		b.odd = slices.Grow(b.odd, words)[:words]
		clear(b.odd)
	}
	b.odd[i>>6] |= 1 << (i & 63)
}

func (b *block) isOdd(i int) bool { return len(b.odd) > 0 && b.odd[i>>6]>>(i&63)&1 == 1 }

// copyOpen copies the stream of an open chunk to b.bytes, so that all of it is in one piece: what comes from a whole
// word on, at byte from. The bytes before are not those of the chunk.
func (b *block) copyOpen(s *State, buf []byte, from uint32) {
	whole := s.bits >> 6 << 3
	b.bytes = slices.Grow(b.bytes[:0], int(whole)+8+slack)[:whole+8+slack]
	copy(b.bytes[from:], buf[from:whole])
	binary.BigEndian.PutUint64(b.bytes[whole:], s.acc)
	clear(b.bytes[whole+8:])
}

// walk reads points at most to the block from index at on, and stops before one whose time is until or later. s is
// where it stands, as if the chunk ended there, but without acc. It gives the index after the last point.
func (s *State) walk(b *block, at, end int, until int64) int {
	bytes, pos := b.bytes, uint64(s.bits)
	k, dod := uint64(s.params.k)&63, s.params.dod
	last, step, mant, slope := s.last, s.step, s.mant, s.slope
	count, odd, lastLen := s.count, s.odd, s.lastLen
	ts, val := b.ts[:end], b.val[:end]
	for at < end {
		w := load(bytes, pos)
		var next uint64
		dv, now := slope, last+step
		switch {
		case w>>63 == 0:
			next = pos + 1
		case w>>62 == 0b10 && w>>60 != 0b1011: // one way for both classes: which comes can not be predicted
			wide := w >> 61 & 1
			width := k + 2*wide
			u := w << (3 + wide) >> 1 >> (63 - width)
			if width > 52 {
				u = loadLong(bytes, pos+3+wide, uint(width))
			}
			dv += varint.Unzigzag(u + 1)
			next = pos + 3 + wide + width
		case w>>61 != 0b111:
			dt, d, p := s.rare(bytes, pos)
			now += dt
			dv += d
			next = p
		default:
			n := w << 3 >> 58
			now += varint.Unzigzag(loadLong(bytes, pos+9, uint(n)))
			if now >= until {
				goto done
			}
			if count > 0 {
				step = now - last
			}
			val[at] = int64(pos + 9 + n)
			b.markOdd(at)
			lastLen = uint8(load(bytes, pos+9+n)<<2>>57) + 1
			pos += 18 + n + 8*uint64(lastLen)
			last = now
			ts[at] = now
			at++
			count++
			odd++
			continue
		}
		if now >= until {
			break
		}
		if count > 0 {
			step = now - last
		}
		mant += dv
		if dod && count != odd {
			slope = dv
		}
		last, pos, lastLen = now, next, 0
		ts[at], val[at] = now, mant
		at++
		count++
	}
done:
	s.bits, s.last, s.step, s.mant, s.slope = uint32(pos), last, step, mant, slope
	s.count, s.odd, s.lastLen = count, odd, lastLen
	return at
}

// rare reads an entry of a regular point that begins with 11 or 1011, and gives the differences of time and value.
func (s *State) rare(b []byte, at uint64) (dt, dv int64, next uint64) {
	w := load(b, at)
	if w>>60 == 0b1011 {
		at += 4
		n := uint(load(b, at)>>58) + 1
		return 0, varint.Unzigzag(loadLong(b, at+6, n) + 1), at + 6 + uint64(n)
	}
	dt, at = readTime(b, at+3, unitMillis[s.params.style])
	if load(b, at)>>63 == 0 {
		return dt, 0, at + 1
	}
	dv, next = readValue(b, at+1, uint64(s.params.k))
	return dt, dv, next
}

func readValue(b []byte, at, k uint64) (dv int64, next uint64) {
	w := load(b, at)
	n := uint(k)
	switch {
	case w>>63 == 0:
		at++
	case w>>62 == 0b10:
		at += 2
		n = uint(k) + 2
	default:
		n = uint(w<<2>>58) + 1
		at += 8
	}
	return varint.Unzigzag(loadLong(b, at, n) + 1), at + uint64(n)
}

func readTime(b []byte, at uint64, unit int64) (dt int64, next uint64) {
	w := load(b, at)
	switch {
	case w>>63 == 0:
		return varint.Unzigzag(w>>60) * unit, at + 4
	case w>>62 == 0b10:
		return varint.Unzigzag(w<<2>>57) * unit, at + 9
	case w>>61 == 0b110:
		return varint.Unzigzag(w<<3>>52) * unit, at + 15
	}
	n := uint(w << 3 >> 58)
	return varint.Unzigzag(loadLong(b, at+9, n)), at + 9 + uint64(n)
}

// appendText appends the value of point i, and gives the fraction digits of its time.
func (b *block) appendText(dst []byte, i int, p *Params) (value []byte, frac uint8) {
	if b.isOdd(i) {
		frac, value = readText(b.bytes, uint64(b.val[i]), dst)
		return value, frac
	}
	return p.appendValue(dst, b.val[i]), styled(p.style, b.ts[i])
}
