package edict

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// ErrCorrupt: the bytes are no Set.
var ErrCorrupt = errors.New("not a set of edicts")

const mostName = 1 << 10

// Append appends what Read reads: docs/format/edicts.md.
func (s *Set) Append(dst []byte) []byte {
	dst = varint.AppendSigned(dst, int64(s.Dropped()))
	dst = binary.AppendUvarint(dst, uint64(len(s.Tombs())))
	for _, t := range s.Tombs() {
		dst = varint.AppendSigned(dst, int64(t.Period))
		u := uint64(len(t.Name)) << 1
		if t.Host {
			u |= 1
		}
		dst = append(binary.AppendUvarint(dst, u), t.Name...)
		dst = binary.AppendUvarint(dst, uint64(t.From))
		dst = binary.AppendUvarint(dst, uint64(t.To))
	}
	return dst
}

// Read reads what Append gives. The tombs of a layout of periods that is not l are none.
func Read(b []byte, l series.Layout) (*Set, error) {
	in := varint.Reader{B: b}
	period := func() series.Period {
		p := in.Signed()
		in.Bad = in.Bad || p < 0 || p > math.MaxInt32
		return series.Period(p)
	}
	dropped, n := period(), in.Unsigned()
	if n > MostTombs {
		return nil, ErrCorrupt
	}
	var tombs []Tomb
	for range n {
		t := Tomb{Period: period()}
		u := in.Unsigned()
		t.Host, t.Name = u&1 == 1, string(in.Bytes(u>>1, mostName))
		from, to := in.Unsigned(), in.Unsigned()
		t.From, t.To = int64(from), int64(to)
		if in.Bad || !t.valid(l) {
			return nil, ErrCorrupt
		}
		tombs = append(tombs, t)
	}
	if in.Bad || in.At != len(b) {
		return nil, ErrCorrupt
	}
	return build(dropped, tombs), nil
}

// valid says that a tomb lies within its period, and that there can be such a name.
func (t Tomb) valid(l series.Layout) bool {
	first, last := l.Span(t.Period)
	if t.From < first || t.To > last || t.From > t.To || t.Name == "" {
		return false
	}
	name := []byte(t.Name)
	if t.Host {
		name = append(name, ":x"...)
	}
	k, err := series.ParseSeries(name)
	return err == nil && (!t.Host || len(k.Host()) == len(t.Name))
}

const fileMagic = "dunlin-edicts 1\n"

// AppendFile appends the file of a Set: a line, what Append gives, and a checksum of both.
func AppendFile(dst []byte, s *Set) []byte {
	from := len(dst)
	dst = s.Append(append(dst, fileMagic...))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], crc32.MakeTable(crc32.Castagnoli)))
}

// ParseFile reads what AppendFile gives.
func ParseFile(data []byte, l series.Layout) (*Set, error) {
	n := len(data) - 4
	if n < len(fileMagic) || string(data[:len(fileMagic)]) != fileMagic ||
		!slices.Equal(data[n:], binary.LittleEndian.AppendUint32(nil,
			crc32.Checksum(data[:n], crc32.MakeTable(crc32.Castagnoli)))) {
		return nil, ErrCorrupt
	}
	return Read(data[len(fileMagic):n], l)
}
