package names

import (
	"fmt"

	"github.com/dunlin-db/dunlin/internal/slab"
)

// Check looks at every id and page and says what is counted wrong. It is for tests of the table and of its owner.
func (n *Table) Check() error {
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
		return fmt.Errorf("%d names of %d bytes, counted %d of %d", used, live, n.used, n.live)
	}
	text := int64(0)
	for i, p := range n.text {
		if p.live != perPage[i] {
			return fmt.Errorf("page %d has %d bytes of names, counted %d", i, perPage[i], p.live)
		}
		text += int64(p.counted)
	}
	infos := int64(slab.PageUp(int(n.count) * int(infoBytes)))
	if want := text + infos + int64(len(n.slots))*slotBytes; n.Bytes() != want {
		return fmt.Errorf("the names count %d bytes, have %d", n.Bytes(), want)
	}
	return nil
}
