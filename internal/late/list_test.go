package late

import (
	"slices"
	"testing"
)

func TestList_Each(t *testing.T) {
	var l List
	for i := range int64(1000) {
		l.Touch(uint32(i%3), i%2, i+1)
		l.Head() // somebody is told
	}
	f := func(from int64, want ...Entry) {
		t.Helper()
		var got []Entry
		l.Each(from, func(e Entry) { got = append(got, e) })
		if !slices.Equal(got, want) {
			t.Errorf("from %d: %v, want %v", from, got, want)
		}
	}
	all := []Entry{{995, 1, 0}, {996, 2, 1}, {997, 0, 0}, {998, 1, 1}, {999, 2, 0}, {1000, 0, 1}}
	f(0, all...)
	f(996, all[1:]...)
	f(1000, all[5])
	f(1001)
	if l.Len() > 64+6 || l.Head() != 1000 || l.Size() == 0 {
		t.Errorf("%d entries, head %d, size %d", l.Len(), l.Head(), l.Size())
	}
}

// TestList_Touch: an hour is entered again once somebody may have read it, and not before.
func TestList_Touch(t *testing.T) {
	var l List
	f := func(score int64, head, entries int64) {
		t.Helper()
		l.Touch(1, 7, score)
		if got := l.entries[len(l.entries)-1].Score; got != head || int64(l.Len()) != entries {
			t.Errorf("head %d and %d entries, want %d and %d", got, l.Len(), head, entries)
		}
	}
	f(1, 1, 1)
	f(2, 1, 1)
	if l.Head() != 1 {
		t.Error(l.Head())
	}
	f(3, 3, 2)
	f(4, 3, 2)
	l.Each(4, func(Entry) {})
	f(5, 5, 3)
}
