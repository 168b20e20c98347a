package late

import (
	"slices"

	"github.com/dunlin-db/dunlin/internal/store"
)

// Entry says that an hour of a series got points late.
type Entry struct {
	Score int64  // of the latest time
	ID    uint32 // of the series
	Hour  int64  // since 1970
}

// List keeps entries in the order of their scores. An entry whose score is not the latest of its series and hour is
// stale, and passed over. The zero List is empty.
type List struct {
	entries []Entry
	latest  map[slot]int64
	told    int64 // the highest score that anybody was told
}

type slot struct {
	id   uint32
	hour int32
}

// Touch enters an hour of a series with a score higher than all before, unless nobody was told anything since it was
// entered last: who is told of it then reads that hour as it is by then.
func (l *List) Touch(id uint32, hour, score int64) {
	if l.latest == nil {
		l.latest = map[slot]int64{}
	} else if l.latest[slot{id, int32(hour)}] > l.told {
		return
	}
	l.latest[slot{id, int32(hour)}] = score
	l.entries = append(l.entries, Entry{score, id, hour})
	if len(l.entries) > 64 && len(l.entries) > 2*len(l.latest) {
		l.entries = slices.DeleteFunc(l.entries, l.stale)
	}
}

func (l *List) stale(e Entry) bool { return l.latest[slot{e.ID, int32(e.Hour)}] != e.Score }

// Head is the highest score, 0 when the list is empty.
func (l *List) Head() int64 {
	if n := len(l.entries); n > 0 {
		l.told = l.entries[n-1].Score
	}
	return l.told
}

// Len is the number of entries, stale ones included.
func (l *List) Len() int { return len(l.entries) }

// Each calls fn for the entries from a score on, lowest first.
func (l *List) Each(from int64, fn func(Entry)) {
	at, _ := slices.BinarySearchFunc(l.entries, from, func(e Entry, from int64) int {
		if e.Score < from {
			return -1
		}
		return 1
	})
	for _, e := range l.entries[at:] {
		if !l.stale(e) {
			fn(e)
		}
	}
	l.Head()
}

// Hours collects the hours of one series that got points late.
type Hours struct {
	Before int64   // ms: points before it come late
	List   []int64 // since 1970
}

// Begin forgets what was collected; newest is the time of the newest point, ms, -1 = there is none.
func (h *Hours) Begin(newest int64) { h.Before, h.List = newest-store.LateAfter, h.List[:0] }

// Note notes that a point came, ms.
func (h *Hours) Note(ts int64) {
	if hour := ts / store.HourMillis; ts < h.Before && !slices.Contains(h.List, hour) {
		h.List = append(h.List, hour)
	}
}

// Size is its memory, estimated: a slot of the map takes about 40 bytes.
func (l *List) Size() int64 { return int64(cap(l.entries))*24 + int64(len(l.latest))*40 }
