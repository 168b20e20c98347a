package engine

import (
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/late"
	"github.com/dunlin-db/dunlin/internal/marks"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

// period holds all points of one period.
type period struct {
	slab.Memory                // entries, marks and slab
	tally       *budget.Period // its series over all shards

	id      series.Period
	pages   []*entryPage // by series id / pageEntries; nil where no series of the page is here
	entries int          // entries that are held
	keys    int          // entries with points
	points  int64
	slab    slab.Slab
	order   order // the journal
	late    late.List
	marks   marks.Table
	tables  int64 // bytes in sight of the garbage collector, as counted
}

const pageEntries = 64

// entryPage begins on a cache line.
type entryPage [pageEntries]entry

// entry is one series in one period. It holds no pointers.
type entry struct {
	// one cache line
	open   chunk.State
	points uint32
	tail   slab.Ref // block of the open chunk, as in the directory: appending need not look there

	// and another
	hi, lo   uint64 // digest; points is its count
	score    int64  // µs, of the last change
	newer    int32  // neighbours in the journal, id+1; 0 = none
	older    int32
	tailSize uint16
	sealAt   uint8    // pairs of points at which the open chunk is sealed; 0 = the entry is not held
	late     bool     // a point has come late since a chunk was sealed
	dir      slab.Ref // block of dirents, and one place more: directory.go
	dirLen   uint32   // chunks, the open one included
	dirCap   uint32
	marks    chunk.Marks // of the open chunk
}

const (
	entryBytes     = int64(unsafe.Sizeof(entry{}))
	entryPageBytes = int64(unsafe.Sizeof(entryPage{}))
)

func newPeriod(id series.Period, b *budget.Budget) *period {
	p := &period{id: id, tally: b.Hold(id), Memory: slab.NewMemory(b)}
	p.recount()
	return p
}

// entry gives the entry of a series, nil when it was never held here.
func (p *period) entry(id uint32) *entry {
	if i := int(id / pageEntries); i < len(p.pages) && p.pages[i] != nil {
		if e := &p.pages[i][id%pageEntries]; e.held() {
			return e
		}
	}
	return nil
}

// hold gives the entry of a series and makes it if need be; fresh says so.
func (p *period) hold(id uint32) (e *entry, fresh bool) {
	i := int(id / pageEntries)
	for i >= len(p.pages) {
		p.pages = append(p.pages, nil)
	}
	if p.pages[i] == nil {
		p.pages[i] = (*entryPage)(unsafe.Pointer(&p.Take(int(entryPageBytes))[0]))
		p.Add(entryPageBytes)
		p.recount()
	}
	e = &p.pages[i][id%pageEntries]
	if e.held() {
		return e, false
	}
	e.sealAt = uint8((firstSeal + id*37%firstSpread) / 2)
	p.entries++
	return e, true
}

// held says that the entry is that of a series.
func (e *entry) held() bool { return e.sealAt != 0 }

// each calls fn for every entry that is held, from an id on, until it gives false.
func (p *period) each(from uint32, fn func(id uint32, e *entry) bool) {
	for i := int(from / pageEntries); i < len(p.pages); i++ {
		if p.pages[i] == nil {
			continue
		}
		for j := range p.pages[i] {
			id := uint32(i*pageEntries + j)
			if e := &p.pages[i][j]; e.held() && id >= from && !fn(id, e) {
				return
			}
		}
	}
}

// recount counts what lies in the Go heap, after it may have grown.
func (p *period) recount() {
	n := int64(unsafe.Sizeof(*p)) + int64(cap(p.pages))*8 + p.marks.Size() + p.late.Size()
	p.Set(&p.tables, n)
}

// keyBytes is what an entry takes, without its name.
func (p *period) keyBytes(e *entry) int64 {
	n := entryBytes + int64(slab.BlockBytes(dirBytes(int(e.dirCap))))
	for i := range e.dirLen {
		n += int64(slab.BlockBytes(int(p.dirent(e, int(i)).Size)))
	}
	return n
}

func (e *entry) digest() store.Digest {
	return store.Digest{Points: int64(e.points), Hi: e.hi, Lo: e.lo}
}
