package store

import (
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/dunlin-db/dunlin/internal/series"
)

// Sum is a SHA-1 over the members of one hour of one key.
type Sum [20]byte

// Digest stands for a set of points: equal sets have equal digests whatever the order of arrival. It is a count and
// the sum, modulo 2^128, of a keyed 128-bit hash per point.
type Digest struct {
	Points int64
	Hi, Lo uint64
}

// DigestSeed is the key of the hash, a function of the flock's cluster name.
func DigestSeed(cluster string) uint64 { return xxh3.HashStringSeed(cluster, 0x64756e6c696e) }

// SeriesSeed is the key of the hash of one series' members.
func SeriesSeed(seed uint64, series []byte) uint64 { return xxh3.HashSeed(series, seed) }

// AddMember adds the point whose member is given.
func (d *Digest) AddMember(seriesSeed uint64, member []byte) {
	h := xxh3.Hash128Seed(member, seriesSeed)
	d.Points++
	var carry uint64
	d.Lo, carry = bits.Add64(d.Lo, h.Lo, 0)
	d.Hi, _ = bits.Add64(d.Hi, h.Hi, carry)
}

// AddPoint adds a point.
func (d *Digest) AddPoint(seriesSeed uint64, p series.Point) {
	var buf [160]byte
	d.AddMember(seriesSeed, series.AppendMember(buf[:0], p))
}

// Add adds the points of another digest; the two sets must be disjoint.
func (d *Digest) Add(o Digest) {
	d.Points += o.Points
	var carry uint64
	d.Lo, carry = bits.Add64(d.Lo, o.Lo, 0)
	d.Hi, _ = bits.Add64(d.Hi, o.Hi, carry)
}

// Sub takes the points of another digest out, which must be among them.
func (d *Digest) Sub(o Digest) {
	d.Points -= o.Points
	var borrow uint64
	d.Lo, borrow = bits.Sub64(d.Lo, o.Lo, 0)
	d.Hi, _ = bits.Sub64(d.Hi, o.Hi, borrow)
}

// Hex is the sum as 32 hexadecimal digits.
func (d Digest) Hex() string { return fmt.Sprintf("%016x%016x", d.Hi, d.Lo) }

// ParseHex sets the sum from what Hex gives.
func (d *Digest) ParseHex(s string) error {
	var b [16]byte
	if len(s) != 32 {
		return fmt.Errorf("digest %q: want 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return fmt.Errorf("digest %q: %w", s, err)
	}
	d.Hi, d.Lo = 0, 0
	for i := range 8 {
		d.Hi = d.Hi<<8 | uint64(b[i])
		d.Lo = d.Lo<<8 | uint64(b[8+i])
	}
	return nil
}
