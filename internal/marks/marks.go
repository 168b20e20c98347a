package marks

import (
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

const pageMarks = 64

type page [pageMarks]store.Mark

// PageBytes is what a page takes.
const PageBytes = int64(unsafe.Sizeof(page{}))

// peer keeps the marks of one peer, by series id.
type peer struct{ pages []*page }

// Table keeps the marks of all peers of one period. The zero Table is empty; all calls must name the same Memory.
type Table struct {
	peers map[string]*peer
	spare []*page // of peers that were forgotten
}

// At gives a mark, the zero Mark when there is none.
func (t *Table) At(name string, id uint32) store.Mark {
	p := t.peers[name]
	if p == nil {
		return store.Mark{}
	}
	if i := int(id / pageMarks); i < len(p.pages) && p.pages[i] != nil {
		return p.pages[i][id%pageMarks]
	}
	return store.Mark{}
}

// Set keeps a mark of a peer. It says whether Size may have changed.
func (t *Table) Set(m *slab.Memory, name string, id uint32, mark store.Mark) (grown bool) {
	p := t.peers[name]
	if p == nil {
		if t.peers == nil {
			t.peers = map[string]*peer{}
		}
		p = &peer{}
		t.peers[name] = p
	}
	i := int(id / pageMarks)
	for i >= len(p.pages) {
		p.pages = append(p.pages, nil)
	}
	if p.pages[i] == nil {
		p.pages[i] = t.page(m)
		grown = true
	}
	p.pages[i][id%pageMarks] = mark
	return grown
}

// page gives an empty page.
func (t *Table) page(m *slab.Memory) *page {
	if last := len(t.spare) - 1; last >= 0 {
		p := t.spare[last]
		t.spare = t.spare[:last]
		*p = page{}
		return p
	}
	m.Add(PageBytes)
	return (*page)(unsafe.Pointer(&m.Take(int(PageBytes))[0]))
}

// Forget forgets the marks of a peer and keeps their pages for the next. It says whether Size may have changed.
func (t *Table) Forget(name string) (changed bool) {
	p := t.peers[name]
	if p == nil {
		return false
	}
	for _, page := range p.pages {
		if page != nil {
			t.spare = append(t.spare, page)
		}
	}
	delete(t.peers, name)
	return true
}

// Pages is how many pages there are, spare ones included.
func (t *Table) Pages() int {
	n := len(t.spare)
	for _, p := range t.peers {
		for _, page := range p.pages {
			if page != nil {
				n++
			}
		}
	}
	return n
}

// Size is what lies in the Go heap, bytes.
func (t *Table) Size() int64 {
	n := int64(cap(t.spare)) * 8
	for _, p := range t.peers {
		n += int64(cap(p.pages))*8 + int64(unsafe.Sizeof(*p))
	}
	return n
}
