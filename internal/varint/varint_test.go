package varint

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestZigzag(t *testing.T) {
	for v, want := range map[int64]uint64{
		0: 0, -1: 1, 1: 2, -2: 3, math.MaxInt64: math.MaxUint64 - 1, math.MinInt64: math.MaxUint64,
	} {
		if got := Zigzag(v); got != want || Unzigzag(got) != v {
			t.Errorf("%d: %d and back %d, want %d", v, got, Unzigzag(got), want)
		}
	}
}

// TestReader_law: what is written comes back, and whatever is cut off makes it Bad.
func TestReader_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, v := rapid.Uint64().Draw(t, "unsigned"), rapid.Int64().Draw(t, "signed")
		text := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "text")
		b := AppendSigned(binary.AppendUvarint(nil, u), v)
		b = binary.LittleEndian.AppendUint64(append(b, 7), u)
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		r := Reader{B: b}
		if gotU, gotV := r.Unsigned(), r.Signed(); gotU != u || gotV != v {
			t.Fatalf("read %d and %d, want %d and %d", gotU, gotV, u, v)
		}
		if b, n := r.Byte(), r.Uint64(); b != 7 || n != u {
			t.Fatalf("read %d and %d, want 7 and %d", b, n, u)
		}
		if got := r.Bytes(r.Unsigned(), 300); !bytes.Equal(got, text) || r.Left() != 0 || r.Bad {
			t.Fatalf("read %q, %d left, bad %v; want %q", got, r.Left(), r.Bad, text)
		}
		if r.Byte(); !r.Bad {
			t.Fatal("a byte behind the end")
		}
	})
}

// FuzzReader: no bytes make it read beyond them.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x80, 0x80}, uint64(3))
	f.Add([]byte{}, uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte, most uint64) {
		r := Reader{B: b}
		for !r.Bad {
			before := r.At
			r.Unsigned()
			r.Bytes(r.Unsigned(), most)
			r.Byte()
			if r.At > len(b) || !r.Bad && r.At <= before {
				t.Fatalf("from %d to %d of %d bytes", before, r.At, len(b))
			}
		}
	})
}
