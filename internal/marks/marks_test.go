package marks

import (
	"testing"

	"github.com/dunlin-db/dunlin/internal/slab"
	"github.com/dunlin-db/dunlin/internal/store"
)

func TestTable_Forget_sparesPages(t *testing.T) {
	m := slab.NewMemory(nil)
	var table Table
	at := func(peer string, id uint32, want int64) {
		t.Helper()
		if got := table.At(peer, id); got.TS != want {
			t.Errorf("%s %d: %d, want %d", peer, id, got.TS, want)
		}
	}
	at("a", 7, 0)
	table.Set(&m, "a", 7, store.Mark{TS: 1})
	table.Set(&m, "a", 700, store.Mark{TS: 2})
	at("a", 7, 1)
	at("a", 700, 2)
	at("a", 8, 0)
	at("b", 7, 0)
	if !table.Forget("a") || table.Forget("a") {
		t.Error("forgot what was not there, or nothing")
	}
	at("a", 7, 0)
	table.Set(&m, "b", 9, store.Mark{TS: 3})
	at("b", 7, 0)
	at("b", 9, 3)
	if table.Pages() != 2 || m.Bytes() != 2*PageBytes {
		t.Errorf("%d pages, %d bytes", table.Pages(), m.Bytes())
	}
}
