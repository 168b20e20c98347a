package engine

import (
	"context"
	"encoding/binary"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
)

// tidy does all the work that Drop left.
func tidy(s *Store) {
	for more := true; more; {
		var free func()
		if free, more = s.Tidy(); free != nil {
			free()
		}
	}
}

type fataler interface{ Fatalf(string, ...any) }

// checkAccounts: every counter of the store is what a look at everything gives; no block is in two hands; the memory
// of all keys and the overhead are the total.
func checkAccounts(t fataler, s *Store) {
	st, _ := s.Stats(context.Background())
	total := s.meter.bytes + s.names.bytes + s.trash.bytes
	var points, entries int64
	for _, d := range s.dying {
		total += d.p.bytes
	}
	for _, p := range s.periods {
		checkPeriod(t, p)
		total += p.bytes
		points += p.slab.used
		entries += int64(p.entries) * entryBytes
	}
	checkNames(t, &s.names)
	if st.Bytes != total || st.PointBytes != points {
		t.Fatalf("Stats says %d bytes, of these %d of points; counted %d and %d", st.Bytes, st.PointBytes, total, points)
	}
	if s.cfg.Budget != nil && len(s.trash.pieces) == 0 && s.cfg.Budget.Used() != total {
		t.Fatalf("the budget counts %d bytes, the store %d", s.cfg.Budget.Used(), total)
	}
	keys, shared := int64(0), int64(0)
	for _, p := range s.periods {
		p.each(0, func(id uint32, e *entry) bool {
			if e.points == 0 {
				keys += entryBytes + s.nameBytes(id)/int64(s.names.info(id).holders) // held for marks
				return true
			}
			k, err := series.ParseSeries(s.names.name(id))
			if err != nil {
				t.Fatalf("%v", err)
			}
			k.Period = p.id
			keys += s.KeyBytes(k)
			return true
		})
	}
	for id := range s.names.count { // what the division left, and the shares of dying periods
		if i := s.names.info(id); i.holders > 0 {
			held := int64(0)
			for _, p := range s.periods {
				if p.entry(id) != nil {
					held++
				}
			}
			shared += s.nameBytes(id) - s.nameBytes(id)/int64(i.holders)*held
		}
	}
	if sum := st.PointBytes + st.SeriesBytes; keys+shared != sum || sum > st.Bytes {
		t.Fatalf("the keys hold %d bytes and %d of names are shared; Stats says %d of %d", keys, shared, sum, st.Bytes)
	}
}

func checkPeriod(t fataler, p *period) {
	used, entries := int64(0), 0
	p.each(0, func(_ uint32, e *entry) bool {
		entries++
		if e.points > 0 {
			used += p.keyBytes(e) - entryBytes
		}
		return true
	})
	if used != p.slab.used || entries != p.entries {
		t.Fatalf("%d entries own %d bytes of a slab that gave %d to %d", entries, used, p.slab.used, p.entries)
	}
	lost := int64(0) // ends of pages that no block fits in
	for i, page := range p.slab.pages {
		if i < len(p.slab.pages)-1 {
			lost += int64(len(page))
		}
	}
	lost += int64(p.slab.next) << unitShift
	if free := p.slab.freeBytes(); used+free > lost || p.slab.bytes > lost+int64(pageBytes) {
		t.Fatalf("%d used, %d free of %d, %d counted: a block is in two hands", used, free, lost, p.slab.bytes)
	}
	counted := p.slab.bytes + p.tables
	for _, page := range p.pages {
		if page != nil {
			counted += entryPageBytes
		}
	}
	marks := len(p.spare)
	for _, m := range p.marks {
		for _, page := range m.pages {
			if page != nil {
				marks++
			}
		}
	}
	if counted += int64(marks) * int64(unsafe.Sizeof(markPage{})); counted != p.bytes {
		t.Fatalf("a period counts %d bytes, has %d", p.bytes, counted)
	}
}

func checkNames(t fataler, n *names) {
	live, used := int64(0), 0
	perPage := map[int]int{}
	for id := range n.count {
		if i := n.info(id); i.len > 0 {
			used++
			live += int64(i.len)
			perPage[int(i.at>>16)] += int(i.len)
		}
	}
	if live != n.live || used != n.used {
		t.Fatalf("%d names of %d bytes, counted %d of %d", used, live, n.used, n.live)
	}
	text := int64(0)
	for i, p := range n.text {
		if p.live != perPage[i] {
			t.Fatalf("page %d has %d bytes of names, counted %d", i, perPage[i], p.live)
		}
		text += int64(p.counted)
	}
	infos := int64(pageUp(int(n.count) * int(infoBytes)))
	if want := text + infos + int64(len(n.slots))*slotBytes; n.bytes != want {
		t.Fatalf("the names count %d bytes, have %d", n.bytes, want)
	}
}

func (s *slab) freeBytes() int64 {
	total := int64(0)
	for c, r := range s.free {
		for ; r != 0; total += classBytes(c) {
			r = binary.LittleEndian.Uint32(s.at(ref(r), 4))
		}
	}
	return total
}

func classBytes(c int) int64 { return int64(classUnits(c)) << unitShift }
