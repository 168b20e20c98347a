package names

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/slab"
)

// TestTable_law: interning and releasing in any order keeps each living name findable under its id, and no other.
func TestTable_law(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := New(Config{Trash: &slab.Garbage{}})
		ids := map[string]uint32{}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			name := fmt.Sprintf("h%d:m", rapid.IntRange(0, 200).Draw(t, "name"))
			if id, ok := ids[name]; ok {
				n.Release(id)
				delete(ids, name)
			} else {
				id := n.Intern([]byte(name))
				n.Hold(id)
				ids[name] = id
			}
			if rapid.IntRange(0, 20).Draw(t, "compact") == 0 {
				for n.Compact(7) && rapid.Bool().Draw(t, "go on") {
				}
			}
		}
		owner := map[uint32]string{}
		for i := range 201 {
			name := fmt.Sprintf("h%d:m", i)
			id, ok := n.Find([]byte(name))
			want, living := ids[name]
			if ok != living || ok && id != want {
				t.Fatalf("%s: id %d %v, want %d %v", name, id, ok, want, living)
			}
			if !ok {
				continue
			}
			if owner[id] != "" || string(n.Name(id)) != name {
				t.Fatalf("id %d is %s's, has the name %s and belongs to %q", id, name, n.Name(id), owner[id])
			}
			owner[id] = name
		}
		if n.Used() != len(ids) {
			t.Fatalf("%d used, want %d", n.Used(), len(ids))
		}
		if err := n.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTable_generation: an id that is given again does not pass for the series that had it before.
func TestTable_generation(t *testing.T) {
	n := New(Config{Trash: &slab.Garbage{}})
	id := n.Intern([]byte("a:m"))
	n.Hold(id)
	n.Hold(id)
	was := n.Generation(id)
	n.Release(id)
	if got := n.NameOf(id, was); string(got) != "a:m" || n.Holders(id) != 1 {
		t.Errorf("held once: name %q, %d holders", got, n.Holders(id))
	}
	n.Release(id)
	if got := n.NameOf(id, was); got != nil || n.Used() != 0 || n.UsedBytes() != 0 {
		t.Errorf("free: name %q, %d used of %d bytes", got, n.Used(), n.UsedBytes())
	}
	again := n.Intern([]byte("b:m"))
	n.Hold(again)
	if again != id || n.IDs() != 1 || n.Generation(id) == was {
		t.Errorf("id %d of %d, generation %d after %d", again, n.IDs(), n.Generation(id), was)
	}
	if n.NameOf(id, was) != nil || string(n.NameOf(id, n.Generation(id))) != "b:m" || n.NameOf(7, 1) != nil {
		t.Error("an id of the past has a name")
	}
	if n.NameBytes(id) != n.UsedBytes() {
		t.Errorf("one name of %d bytes, %d in use", n.NameBytes(id), n.UsedBytes())
	}
}

// TestTable_Follow: a guess is only taken when it is right.
func TestTable_Follow(t *testing.T) {
	n := New(Config{Trash: &slab.Garbage{}})
	ids := map[string]uint32{}
	for _, name := range []string{"a:m", "b:m", "c:m"} {
		ids[name] = n.Intern([]byte(name))
		n.Hold(ids[name])
	}
	trail := NewTrail()
	for _, name := range []string{"a:m", "b:m", "a:m", "b:m", "a:m", "c:m", "a:m", "b:m", "c:m"} {
		id, ok := n.Follow(&trail, []byte(name))
		if !ok || id != ids[name] || trail.at != id {
			t.Fatalf("%s: id %d, %v, %+v", name, id, ok, trail)
		}
	}
	n.Release(ids["b:m"])
	trail.Step(ids["a:m"])
	if id, ok := n.Follow(&trail, []byte("b:m")); ok {
		t.Errorf("a name that is gone has id %d", id)
	}
}

// TestTable_Follow_late: a series out of order costs one look into the table, and the order is not forgotten for it; a
// new order is learned.
func TestTable_Follow_late(t *testing.T) {
	n := New(Config{Trash: &slab.Garbage{}})
	ids := map[byte]uint32{}
	for c := byte('a'); c <= 'h'; c++ {
		ids[c] = n.Intern([]byte{c})
		n.Hold(ids[c])
	}
	misses := func(order string) (count int) {
		trail := NewTrail()
		for i := range len(order) {
			_, first := n.guess(trail.at, []byte{order[i]})
			_, second := n.guess(trail.before, []byte{order[i]})
			if !first && !second {
				count++
			}
			if id, ok := n.Follow(&trail, []byte{order[i]}); !ok || id != ids[order[i]] {
				t.Fatalf("%c: id %d, %v", order[i], id, ok)
			}
		}
		return count
	}
	for i, c := range []struct {
		order string
		most  int
	}{
		{"abcdefgh", 8},
		{"abcdefgh", 1},
		{"abcgdefgh", 2},
		{"abcdefgh", 1},
		{"abcghdefgh", 3},
		{"abcdefgh", 1},
		{"hgfedcba", 8},
		{"hgfedcba", 8},
		{"hgfedcba", 3},
		{"hgfedcba", 1},
	} {
		if got := misses(c.order); got > c.most {
			t.Errorf("%d: %s: looked %d times into the table, want at most %d", i, c.order, got, c.most)
		}
	}
}
