package late

import "slices"

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
}

type slot struct {
	id   uint32
	hour int32
}

// Touch enters an hour of a series with a score higher than all before.
func (l *List) Touch(id uint32, hour, score int64) {
	if l.latest == nil {
		l.latest = map[slot]int64{}
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
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].Score
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
}

// Size is its memory, estimated: a slot of the map takes about 40 bytes.
func (l *List) Size() int64 { return int64(cap(l.entries))*24 + int64(len(l.latest))*40 }
