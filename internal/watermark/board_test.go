package watermark

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/replog"
)

func origin(node string, shard int, inc replog.Incarnation) replog.Origin {
	return replog.Origin{Node: node, Shard: shard, Incarnation: inc}
}

func TestBoard(t *testing.T) {
	b := NewBoard()
	held := map[string][]int{"a": {1, 2}}
	f := func(what string, want int64) {
		t.Helper()
		got := b.Complete(held)["a"].Until
		if want == 0 && !got.IsZero() || want > 0 && got.UnixMilli() != want {
			t.Errorf("%s: complete until %v, want %d", what, got, want)
		}
	}
	f("nothing is known", 0)
	b.Hear([]Mark{{origin("a", 1, 7), 10, 1000}, {origin("a", 2, 7), 20, 1000}})
	f("nothing is here", 0)
	b.Cover(1, []replog.Reach{{Origin: origin("a", 1, 7), Seq: 10}})
	f("one shard is here", 0)
	b.Cover(2, []replog.Reach{{Origin: origin("a", 2, 7), Seq: 25}})
	f("all is here", 1000)
	b.Hear([]Mark{{origin("a", 1, 7), 12, 2000}, {origin("a", 2, 7), 25, 2000}})
	b.Hear([]Mark{{origin("a", 1, 7), 14, 3000}, {origin("a", 1, 7), 9, 500}})
	b.Cover(2, []replog.Reach{{Origin: origin("a", 2, 7), Seq: 25}})
	f("one shard lags", 1000)
	b.Cover(1, []replog.Reach{{Origin: origin("a", 1, 7), Seq: 13}})
	f("it comes nearer", 2000)
	b.Hear([]Mark{{origin("a", 2, 8), 0, 5000}}) // it has started anew
	b.Cover(1, []replog.Reach{{Origin: origin("a", 1, 7), Seq: 14}})
	b.Cover(2, []replog.Reach{{Origin: origin("a", 2, 7), Seq: 25}})
	f("a new life of one shard", 3000)
	if heard := b.Complete(held)["a"].Heard; heard != time.UnixMilli(5000) {
		t.Errorf("heard of %v", heard)
	}
	b.Keep(2, nil)
	if n := len(b.Newest()); n != 2 {
		t.Errorf("%d marks are kept", n)
	}
}

// TestBoard_law: in whatever order marks are heard and entries come, a node is never complete up to a time at which it
// had numbered more than is here; and once all is here, and all marks are heard, it is complete up to the newest.
func TestBoard_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBoard()
		o := origin("a", 1, 7)
		var marks []Mark // as the origin made them
		seq, wall, here := replog.Seq(0), int64(1000), replog.Seq(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			seq += replog.Seq(rapid.IntRange(0, 3).Draw(t, "entries"))
			wall += rapid.Int64Range(1, 50).Draw(t, "ms")
			marks = append(marks, Mark{o, seq, wall})
			if rapid.Bool().Draw(t, "hear") {
				b.Hear([]Mark{marks[rapid.IntRange(0, len(marks)-1).Draw(t, "which")]})
			}
			here = min(seq, here+replog.Seq(rapid.IntRange(0, 4).Draw(t, "come")))
			b.Cover(1, []replog.Reach{{Origin: o, Seq: here}})
			until := b.Complete(map[string][]int{"a": {1}})["a"].Until
			for _, m := range marks {
				if !until.IsZero() && m.Wall <= until.UnixMilli() && m.Seq > here {
					t.Fatalf("complete until %d, and lacks %d of %d", until.UnixMilli(), m.Seq-here, m.Seq)
				}
			}
		}
		b.Hear(marks)
		b.Cover(1, []replog.Reach{{Origin: o, Seq: seq}})
		if until := b.Complete(map[string][]int{"a": {1}})["a"].Until; until.UnixMilli() != wall {
			t.Fatalf("all is here, and it is complete until %v of %d", until, wall)
		}
	})
}
