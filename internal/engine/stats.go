package engine

import (
	"context"
	"unsafe"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Stats implements store.Store. Bytes are what was allocated for data, counted, not estimated; PerPeriod is the part
// of it that goes with the period. It does not look at single series.
func (s *Store) Stats(context.Context) (store.Stats, error) {
	s.recount()
	st := store.Stats{
		Bytes:       s.meter.Bytes() + s.names.Bytes() + s.trash.Bytes(),
		SeriesBytes: s.names.UsedBytes(),
		PerPeriod:   make(map[string]int64, len(s.periods)),
	}
	for _, p := range s.periods {
		st.Series += p.keys
		st.Points += p.points
		st.Bytes += p.Bytes()
		st.PointBytes += p.slab.Used()
		st.SeriesBytes += int64(p.entries) * entryBytes
		st.PerPeriod[s.cfg.Layout.PeriodString(p.id)] = p.Bytes()
	}
	for _, d := range s.dying {
		st.Bytes += d.p.Bytes()
	}
	return st, nil
}

// recount counts what lies in the Go heap, after it may have grown.
func (s *Store) recount() {
	n := int64(unsafe.Sizeof(*s)) + s.names.Tables() + s.scratch.size() + int64(cap(s.periods))*8
	for peer, c := range s.cursors { // 16 is what a map takes beside, about
		n += 16 + int64(len(peer)+len(c.Epoch)) + int64(unsafe.Sizeof(c))
	}
	s.meter.Set(&s.tables, n)
}

func (c *scratch) size() int64 {
	return int64(cap(c.lateHours.List))*8 + int64(cap(c.old)+cap(c.merged)+cap(c.sort))*40 +
		int64(cap(c.oldText)+cap(c.encoded)) + c.sum.Size()
}

// KeyBytes implements store.Local: the entry, its directory, its chunks and its share of its name, which all periods
// with the series have together.
func (s *Store) KeyBytes(k series.Key) int64 {
	p, e := s.find(k)
	if e == nil {
		return 0
	}
	id, _ := s.names.Find(k.Series)
	return p.keyBytes(e) + s.names.NameBytes(id)/int64(s.names.Holders(id))
}
