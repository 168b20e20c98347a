package slab

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/offheap"
)

func TestClass(t *testing.T) {
	last := -1
	for n := 1; n < 1<<22; n += 1 + n/100 {
		c, units := class(n)
		if c < last || int(units)<<unitShift < n || c >= sizeClasses {
			t.Fatalf("%d bytes: class %d after %d, %d units", n, c, last, units)
		}
		if classUnits(c) != units {
			t.Fatalf("class %d: %d units and %d", c, classUnits(c), units)
		}
		if again, _ := class(int(units) << unitShift); again != c {
			t.Fatalf("class %d of a block of class %d", again, c)
		}
		last = c
	}
}

// TestSlab_law: whatever is asked for and released, in any order, blocks keep what was written into them, and the
// counts are those of the blocks.
func TestSlab_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type block struct {
			r    Ref
			size int
			fill byte
		}
		var s Slab
		var held []block
		b := budget.New()
		m := NewMemory(b)
		used := int64(0)
		sizes := rapid.OneOf(rapid.IntRange(1, 300), rapid.IntRange(1, 600_000))
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(held) == 0 || rapid.IntRange(0, 2).Draw(t, "act") > 0 {
				n := sizes.Draw(t, "bytes")
				got := block{s.Alloc(&m, n), n, byte(len(held) + n)}
				if got.r == 0 {
					t.Fatal("a block has the ref of none")
				}
				fill(s.At(got.r, n), got.fill)
				held = append(held, got)
				used += int64(BlockBytes(n))
				continue
			}
			i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
			s.Release(held[i].r, held[i].size)
			used -= int64(BlockBytes(held[i].size))
			held[i] = held[len(held)-1]
			held = held[:len(held)-1]
		}
		for _, h := range held {
			if got := s.At(h.r, h.size); bytes.Count(got, []byte{h.fill}) != h.size {
				t.Fatalf("a block of %d bytes was written to by another", h.size)
			}
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if s.Used() != used || s.Bytes() < used || m.Bytes() != s.Bytes() || b.Used() != m.Bytes() {
			t.Fatalf("%d used, want %d; slab %d, memory %d, budget %d", s.Used(), used, s.Bytes(), m.Bytes(), b.Used())
		}
		var g Garbage
		m.Retire(&g)
		g.Free(b)
		if b.Used() != 0 {
			t.Fatalf("the budget counts %d bytes after all is freed", b.Used())
		}
	})
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// TestGarbage: what is put aside is the node's until it is freed, and no more its owner's.
func TestGarbage(t *testing.T) {
	b := budget.New()
	m := NewMeter(b)
	var g Garbage
	was := int64(0)
	m.Set(&was, 1000)
	m.Set(&was, 900)
	m.Add(100)
	if !g.Empty() || m.Bytes() != 1000 || b.Used() != 1000 {
		t.Errorf("%d bytes, the node %d", m.Bytes(), b.Used())
	}
	m.Discard(&g, offheap.Alloc(600), 600)
	if g.Empty() || g.Bytes() != 600 || m.Bytes() != 400 || b.Used() != 1000 {
		t.Errorf("discarded: garbage %d, %d bytes, the node %d", g.Bytes(), m.Bytes(), b.Used())
	}
	g.Free(b)
	if b.Used() != 400 {
		t.Errorf("freed: the node counts %d", b.Used())
	}
}

func TestOpenBytes_isExact(t *testing.T) {
	for n := 1; n < 60_000; n++ {
		if size := OpenBytes(n); size < n || BlockBytes(size) != size {
			t.Fatalf("%d bytes: %d, of which a block of %d is made", n, size, BlockBytes(size))
		}
	}
}

func TestSlab_Release_ofNone(t *testing.T) {
	var s Slab
	s.Release(0, 100)
	if s.Used() != 0 || s.Full() {
		t.Errorf("%d used, full %v", s.Used(), s.Full())
	}
}

// TestSlab_largeBlocks: behind the start of a block that is larger than a page of refs, in no page of its own or of
// others, does a block begin that no ref can name.
func TestSlab_largeBlocks(t *testing.T) {
	for _, large := range []int{pageBytes - 4, pageBytes, pageBytes + 4, 2 * pageBytes, 3*pageBytes + 100} {
		for _, first := range []bool{true, false} {
			var s Slab
			m := NewMemory(nil)
			if !first {
				s.Alloc(&m, 100)
			}
			r := s.Alloc(&m, large)
			fill(s.At(r, large), 1)
			fill(s.At(s.Alloc(&m, 8), 8), 2)
			if n := bytes.Count(s.At(r, large), []byte{1}); n != large {
				t.Errorf("a block of %d bytes, first %v: %d are left", large, first, n)
			}
			s.Release(r, large)
			for range 100 {
				fill(s.At(s.Alloc(&m, 4000), 4000), 3)
			}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}
