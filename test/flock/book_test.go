//go:build linux

package flock

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// point is one write.
type point struct{ key, member string }

func (p point) ts() string {
	ts, _, _ := strings.Cut(p.member, ":")
	return ts
}

// book is what was written, and what was acknowledged.
type book struct {
	mu     sync.Mutex // protects what follows
	serial int
	tried  map[point]bool
	acked  map[point]bool
}

func newBook() *book { return &book{tried: map[point]bool{}, acked: map[point]bool{}} }

// points makes n new points at a time, of some hosts of a node.
func (b *book) points(node string, n int, at time.Time) []point {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]point, n)
	for i := range list {
		b.serial++
		ts := at.Add(-time.Duration(i%10) * time.Second).UTC()
		list[i] = point{
			key:    fmt.Sprintf("%s:%s%d:m%d", ts.Format(time.DateOnly), node, b.serial%5, b.serial%3),
			member: fmt.Sprintf("%d:%d", ts.Unix(), b.serial),
		}
		b.tried[list[i]] = true
	}
	return list
}

// now is the time that the fleet's nodes have.
func (f *fleet) now() time.Time { return time.Now().Add(f.kind.ahead) }

// write writes n points to a node and gives those that were acknowledged.
func (f *fleet) write(i, n int) []point { return f.writeAt(i, n, f.now()) }

func (f *fleet) writeAt(i, n int, at time.Time) (acked []point) {
	return f.send(i, f.book.points(f.nodes[i].name, n, at))
}

// send sends points to a node and gives those that it acknowledged.
func (f *fleet) send(i int, points []point) (acked []point) {
	cmds := make([][]string, len(points))
	for j, p := range points {
		cmds[j] = []string{"ZADD", p.key, p.ts(), p.member}
	}
	replies, err := f.pipe(i, cmds...)
	if err != nil {
		return nil
	}
	f.book.mu.Lock()
	defer f.book.mu.Unlock()
	for j, p := range points {
		if _, err := replies[j].ToInt64(); err == nil {
			f.book.acked[p] = true
			acked = append(acked, p)
		}
	}
	return acked
}

// wrote is write where all must be acknowledged.
func (f *fleet) wrote(i, n int) []point {
	f.t.Helper()
	acked := f.write(i, n)
	if len(acked) != n {
		f.fail("%s acknowledged %d of %d points", f.nodes[i].name, len(acked), n)
	}
	return acked
}

// has says how many of some points a node has.
func (f *fleet) has(i int, points []point) (n int, err error) {
	cmds := make([][]string, len(points))
	for j, p := range points {
		cmds[j] = []string{"ZSCORE", p.key, p.member}
	}
	replies, err := f.pipe(i, cmds...)
	if err != nil {
		return 0, err
	}
	for j := range points {
		_, err := replies[j].ToString()
		switch {
		case err == nil:
			n++
		case !rueidis.IsRedisNil(err):
			return 0, err
		}
	}
	return n, nil
}

// hasAll is nil when a node has all of some points.
func (f *fleet) hasAll(i int, points []point) error {
	n, err := f.has(i, points)
	if err == nil && n < len(points) {
		err = fmt.Errorf("%s has %d of %d points", f.nodes[i].name, n, len(points))
	}
	return err
}

// dump gives key → reply of ZRANGE WITHSCORES for every key of a node.
func (f *fleet) dump(i int) (map[string][]string, error) {
	keys, err := f.ask(i, "KEYS", "20*") // what a node keeps in its Redis for itself is not compared
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	cmds := make([][]string, len(keys))
	for j, k := range keys {
		cmds[j] = []string{"ZRANGE", k, "0", "-1", "WITHSCORES"}
	}
	replies, err := f.pipe(i, cmds...)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for j, k := range keys {
		if all[k], err = replies[j].AsStrSlice(); err != nil {
			return nil, fmt.Errorf("zrange %s: %w", k, err)
		}
	}
	return all, nil
}

// equal is nil when all nodes answer the same bytes, and those are what the book says.
func (f *fleet) equal() error {
	var first map[string][]string
	for i, n := range f.nodes {
		d, err := f.dump(i)
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		if err := f.book.compare(d); err != nil {
			return fmt.Errorf("%s %w", n.name, err)
		}
		if first == nil {
			first = d
		}
		for k := range d {
			if !slices.Equal(d[k], first[k]) {
				return fmt.Errorf("%s and %s differ on %s", f.nodes[0].name, n.name, k)
			}
		}
	}
	return nil
}

// compare checks that a dump has all that was acknowledged, and nothing that nobody wrote.
func (b *book) compare(d map[string][]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := map[point]bool{}
	for k, list := range d {
		for i := 0; i+1 < len(list); i += 2 {
			p := point{k, list[i]}
			if held[p] = true; !b.tried[p] {
				return fmt.Errorf("has %s of %s, which nobody wrote", p.member, p.key)
			}
			if list[i+1] != p.ts() {
				return fmt.Errorf("has %s of %s with score %s", p.member, p.key, list[i+1])
			}
		}
	}
	for p := range b.acked {
		if !held[p] {
			return fmt.Errorf("lacks %s of %s", p.member, p.key)
		}
	}
	return nil
}

// forget takes what lies in a period out of what is owed.
func (b *book) forget(period string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.acked {
		if strings.HasPrefix(p.key, period) {
			delete(b.acked, p)
		}
	}
}

// settle heals everything and waits until all nodes are equal, in their answers and their digests.
func (f *fleet) settle() time.Duration {
	f.t.Helper()
	f.heal()
	took := f.await("all nodes to be equal", f.equal)
	out, err := exec.Command(binary, "check", "--topology", f.topology(), "--wait", "20s").CombinedOutput()
	if err != nil {
		f.fail("dunlin check: %v\n%s", err, out)
	}
	return took
}
