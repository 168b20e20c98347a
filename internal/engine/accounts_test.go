package engine

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/marks"
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
	total := s.meter.Bytes() + s.names.Bytes() + s.trash.Bytes()
	var points, entries int64
	for _, d := range s.dying {
		total += d.p.Bytes()
	}
	for _, p := range s.periods {
		checkPeriod(t, p)
		total += p.Bytes()
		points += p.slab.Used()
		entries += int64(p.entries) * entryBytes
	}
	if err := s.names.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	if st.Bytes != total || st.PointBytes != points {
		t.Fatalf("Stats says %d bytes, of these %d of points; counted %d and %d", st.Bytes, st.PointBytes, total, points)
	}
	if s.cfg.Budget != nil && s.trash.Empty() && s.cfg.Budget.Used() != total {
		t.Fatalf("the budget counts %d bytes, the store %d", s.cfg.Budget.Used(), total)
	}
	keys, shared := int64(0), int64(0)
	for _, p := range s.periods {
		p.each(0, func(id uint32, e *entry) bool {
			if e.points == 0 {
				keys += entryBytes + s.names.NameBytes(id)/int64(s.names.Holders(id)) // held for marks
				return true
			}
			k, err := series.ParseSeries(s.names.Name(id))
			if err != nil {
				t.Fatalf("%v", err)
			}
			k.Period = p.id
			keys += s.KeyBytes(k)
			return true
		})
	}
	for id := range s.names.IDs() { // what the division left, and the shares of dying periods
		if holders := s.names.Holders(id); holders > 0 {
			held := int64(0)
			for _, p := range s.periods {
				if p.entry(id) != nil {
					held++
				}
			}
			shared += s.names.NameBytes(id) - s.names.NameBytes(id)/int64(holders)*held
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
	if used != p.slab.Used() || entries != p.entries {
		t.Fatalf("%d entries own %d bytes of a slab that gave %d to %d", entries, used, p.slab.Used(), p.entries)
	}
	if err := p.slab.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	counted := p.slab.Bytes() + p.tables
	for _, page := range p.pages {
		if page != nil {
			counted += entryPageBytes
		}
	}
	if counted += int64(p.marks.Pages()) * marks.PageBytes; counted != p.Bytes() {
		t.Fatalf("a period counts %d bytes, has %d", p.Bytes(), counted)
	}
}
