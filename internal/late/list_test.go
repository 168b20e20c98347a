package late

import (
	"slices"
	"testing"
)

func TestList_Each(t *testing.T) {
	var l List
	for i := range int64(1000) {
		l.Touch(uint32(i%3), i%2, i+1)
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
