package dirent

import (
	"encoding/binary"
	"sort"

	"github.com/dunlin-db/dunlin/internal/slab"
)

// Chunk is one chunk in the directory of a series. For the open chunk, which is the last, Size is that of its block and
// the number of points is elsewhere.
type Chunk struct {
	First int64 // ms, of the first point
	Block slab.Ref
	Size  uint16 // bytes; 240 points of the longest text take 37 KB
	Count uint16 // points, below 32,768
	Saved bool   // a file has the chunk as it is; stands in the highest bit of Count
}

// Size is how many bytes a Chunk takes.
const Size = 16

const savedBit = 1 << 15

// Read reads the Chunk that b begins with.
func Read(b []byte) Chunk {
	count := binary.LittleEndian.Uint16(b[14:])
	return Chunk{
		First(b), slab.Ref(binary.LittleEndian.Uint32(b[8:])), binary.LittleEndian.Uint16(b[12:]), count &^ savedBit,
		count&savedBit != 0,
	}
}

// First is Read(b).First.
func First(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }

// Search gives the first Chunk of a directory for which after is true of its First; after must be monotonic.
func Search(dir []byte, after func(first int64) bool) int {
	return sort.Search(len(dir)/Size, func(i int) bool { return after(First(dir[i*Size:])) })
}

// Put writes the Chunk to the beginning of b.
func (c Chunk) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(c.First))
	binary.LittleEndian.PutUint32(b[8:], uint32(c.Block))
	binary.LittleEndian.PutUint16(b[12:], c.Size)
	count := c.Count
	if c.Saved {
		count |= savedBit
	}
	binary.LittleEndian.PutUint16(b[14:], count)
}
