package offheap

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// PageBytes is the grain in which touched memory becomes resident.
const PageBytes = 4 << 10

// small is the size below which a mapping is not worth its system call.
const small = 32 << 10

var mapped atomic.Int64

// Mapped is the bytes of all mappings, touched or not.
func Mapped() int64 { return mapped.Load() }

// Block is a piece of memory. It is freed at the latest when nobody has the Block any more, so whoever uses its Bytes
// keeps it.
type Block struct {
	Bytes   []byte
	mapped  bool
	cleanup runtime.Cleanup
}

// Alloc gives n > 0 bytes, zeroed.
func Alloc(n int) *Block {
	if n >= small {
		if bytes := sysMap(n); bytes != nil {
			mapped.Add(int64(n))
			b := &Block{Bytes: bytes, mapped: true}
			b.cleanup = runtime.AddCleanup(b, unmap, bytes)
			return b
		}
	}
	return &Block{Bytes: heap(n)}
}

func unmap(bytes []byte) {
	sysUnmap(bytes)
	mapped.Add(-int64(len(bytes)))
}

// heap is Alloc where there is no mapping: aligned memory of the Go heap.
func heap(n int) []byte {
	const line = 64
	b := make([]byte, n+line-1)
	at := int(-uintptr(unsafe.Pointer(&b[0])) & (line - 1))
	return b[at : at+n : at+n]
}

// Free gives the memory back, once. It may be called beside calls on other blocks.
func (b *Block) Free() {
	if b.mapped {
		b.cleanup.Stop()
		unmap(b.Bytes)
	}
	*b = Block{}
}

// Regions of an Arena grow from the first size to the last.
const (
	firstRegion = 64 << 10
	lastRegion  = 4 << 20
)

// Arena hands out memory for things that end together. It is not safe for concurrent use.
type Arena struct {
	regions []*Block
	next    int // byte of the last region from where on it is free
}

// Take gives n > 0 bytes, zeroed, until Release.
func (a *Arena) Take(n int) []byte {
	last := len(a.regions) - 1
	if last < 0 || a.next+n > len(a.regions[last].Bytes) {
		size := max(min(firstRegion<<len(a.regions), lastRegion), (n+PageBytes-1)&^(PageBytes-1))
		a.regions = append(a.regions, Alloc(size))
		a.next = 0
		last++
	}
	b := a.regions[last].Bytes[a.next : a.next+n : a.next+n]
	a.next = (a.next + n + 63) &^ 63
	return b
}

// Release empties the Arena. It gives the memory to be freed, block by block: that may take a moment for each, and
// whoever holds a lock can do it later.
func (a *Arena) Release() []*Block {
	r := a.regions
	*a = Arena{}
	return r
}
