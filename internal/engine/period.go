package engine

import (
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/chunk"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// period holds all points of one period.
type period struct {
	id      series.Period
	pages   []*entryPage // by series id / pageEntries; nil where no series of the page is here
	entries int          // entries that are held
	keys    int          // entries with points
	points  int64
	slab    slab
	order   order // the journal
	late    lateList
	marks   map[string]*markPages // by peer
	fixed   int64                 // bytes of entry and mark pages
}

const pageEntries = 64

type entryPage [pageEntries]entry

// entry is one series in one period. It holds no pointers.
type entry struct {
	hi, lo   uint64 // digest; points is its count
	open     chunk.State
	score    int64 // µs, of the last change
	points   uint32
	dir      ref // block of dirents
	tail     ref // block of the open chunk, as in the directory: appending need not look there
	tailSize uint32
	dirLen   uint32 // chunks, the open one included
	dirCap   uint32
	newer    int32 // neighbours in the journal, id+1; 0 = none
	older    int32
	sealAt   uint16 // points at which the open chunk is sealed
	held     bool
}

const (
	entryBytes     = int64(unsafe.Sizeof(entry{}))
	entryPageBytes = int64(unsafe.Sizeof(entryPage{}))
)

// entry gives the entry of a series, nil when it was never held here.
func (p *period) entry(id uint32) *entry {
	if i := int(id / pageEntries); i < len(p.pages) && p.pages[i] != nil {
		if e := &p.pages[i][id%pageEntries]; e.held {
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
		p.pages[i] = new(entryPage)
		p.fixed += entryPageBytes
	}
	e = &p.pages[i][id%pageEntries]
	if e.held {
		return e, false
	}
	e.held = true
	p.entries++
	return e, true
}

// each calls fn for every entry that is held, until it gives false.
func (p *period) each(from uint32, fn func(id uint32, e *entry) bool) {
	for i := int(from / pageEntries); i < len(p.pages); i++ {
		if p.pages[i] == nil {
			continue
		}
		for j := range p.pages[i] {
			id := uint32(i*pageEntries + j)
			if e := &p.pages[i][j]; e.held && id >= from && !fn(id, e) {
				return
			}
		}
	}
}

// size is the memory of the period.
func (p *period) size() int64 {
	return int64(unsafe.Sizeof(*p)) + p.fixed + int64(cap(p.pages))*8 + p.slab.size() + p.late.size()
}

// keyBytes is what an entry takes, without its name.
func (p *period) keyBytes(e *entry) int64 {
	n := entryBytes + int64(blockBytes(int(e.dirCap)*direntBytes))
	for i := range e.dirLen {
		n += int64(blockBytes(int(p.dirent(e, int(i)).size)))
	}
	return n
}

func (e *entry) digest() store.Digest {
	return store.Digest{Points: int64(e.points), Hi: e.hi, Lo: e.lo}
}

// markPages keeps the marks of one peer for one period, by series id.
type markPages struct{ pages []*[pageEntries]store.Mark }

func (m *markPages) at(id uint32) store.Mark {
	if i := int(id / pageEntries); i < len(m.pages) && m.pages[i] != nil {
		return m.pages[i][id%pageEntries]
	}
	return store.Mark{}
}

// bytes is what set has said it allocated.
func (m *markPages) bytes() (n int64) {
	for _, p := range m.pages {
		if p != nil {
			n += int64(unsafe.Sizeof(*p))
		}
	}
	return n
}

// set keeps a mark and gives the bytes that were allocated for it.
func (m *markPages) set(id uint32, mark store.Mark) (grown int64) {
	i := int(id / pageEntries)
	for i >= len(m.pages) {
		m.pages = append(m.pages, nil)
	}
	if m.pages[i] == nil {
		m.pages[i] = new([pageEntries]store.Mark)
		grown = int64(unsafe.Sizeof(*m.pages[i]))
	}
	m.pages[i][id%pageEntries] = mark
	return grown
}
