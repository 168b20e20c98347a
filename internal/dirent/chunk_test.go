package dirent

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/slab"
)

func TestChunk_Put_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Chunk{
			First: rapid.Int64().Draw(t, "first"), Block: slab.Ref(rapid.Uint32().Draw(t, "block")),
			Size: rapid.Uint16().Draw(t, "size"), Count: rapid.Uint16Range(0, savedBit-1).Draw(t, "count"),
			Saved: rapid.Bool().Draw(t, "saved"),
		}
		var b [Size]byte
		c.Put(b[:])
		if got := Read(b[:]); got != c || First(b[:]) != c.First {
			t.Fatalf("%+v, want %+v", got, c)
		}
	})
}
