package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// point is one write.
type point struct {
	host, metric string
	ts           int64 // seconds
	value        string
}

func (p point) key() string {
	return time.Unix(p.ts, 0).UTC().Format(time.DateOnly) + ":" + p.host + ":" + p.metric
}

func (p point) member() string { return fmt.Sprintf("%d:%s", p.ts, p.value) }

func (p point) zadd() []string { return []string{"ZADD", p.key(), fmt.Sprint(p.ts), p.member()} }

// ack is an acknowledged write.
type ack struct {
	key, member string
	node        int
	at          time.Time
}

// book is what was written and what was acknowledged.
type book struct {
	mu    sync.Mutex
	tried map[string]map[string]bool // key → members that a writer sent
	acks  []ack
}

func newBook() *book { return &book{tried: map[string]map[string]bool{}} }

func (b *book) try(p point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tried[p.key()] == nil {
		b.tried[p.key()] = map[string]bool{}
	}
	b.tried[p.key()][p.member()] = true
}

func (b *book) ack(node int, p point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acks = append(b.acks, ack{p.key(), p.member(), node, time.Now()})
}

// killed takes out what a kill of a node excuses: what only it acknowledged in the two seconds before.
func (b *book) killed(node int, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acks = slices.DeleteFunc(b.acks, func(a ack) bool { return a.node == node && a.at.After(at.Add(-2*time.Second)) })
}

// dropped takes out a period.
func (b *book) dropped(period string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acks = slices.DeleteFunc(b.acks, func(a ack) bool { return strings.HasPrefix(a.key, period+":") })
}

// write sends points to a port in one pipeline and notes what was acknowledged. Points that may or may not have been
// stored are noted as tried only.
func (f *flock) write(node int, points ...point) error {
	return f.writeTo(f.ports.resp+node, node, points, func(p point) [][]string { return [][]string{p.zadd()} })
}

// writeTo is write with the commands for each point given; the reply to the first of them counts.
func (f *flock) writeTo(port, node int, points []point, commands func(point) [][]string) error {
	var cmds [][]string
	var at []int
	for _, p := range points {
		f.book.try(p)
		at = append(at, len(cmds))
		cmds = append(cmds, commands(p)...)
	}
	replies, err := f.do(port, cmds...)
	if err != nil {
		return err
	}
	for i, p := range points {
		if _, replyErr := replies[at[i]].ToInt64(); replyErr != nil {
			err = replyErr
			continue
		}
		f.book.ack(node, p)
	}
	return err
}

// dump gives key → reply of ZRANGE WITHSCORES for every series key of a node.
func (f *flock) dump(node int) (map[string][]string, error) {
	keys, err := f.keys(node)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for chunk := range slices.Chunk(keys, 200) {
		cmds := make([][]string, len(chunk))
		for i, k := range chunk {
			cmds[i] = []string{"ZRANGE", k, "0", "-1", "WITHSCORES"}
		}
		replies, err := f.do(f.ports.resp+node, cmds...)
		if err != nil {
			return nil, err
		}
		for i, k := range chunk {
			if all[k], err = replies[i].AsStrSlice(); err != nil {
				return nil, fmt.Errorf("zrange %s: %w", k, err)
			}
		}
	}
	return all, nil
}

// equal compares all nodes, and what they hold with the book.
func (f *flock) equal() error {
	var first map[string][]string
	for i := range names {
		d, err := f.dump(i)
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		if first == nil {
			first = d
			continue
		}
		if diff := differ(first, d); diff != "" {
			return fmt.Errorf("%s and %s: %s", names[0], names[i], diff)
		}
	}
	return f.book.compare(first)
}

// differ names the first key that two nodes answer differently.
func differ(a, b map[string][]string) string {
	for k, want := range a {
		if got := b[k]; !slices.Equal(want, got) {
			return fmt.Sprintf("%s has %d and %d members (%.80q … %.80q)", k, len(want)/2, len(got)/2, want, got)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			return k + " is on the second only"
		}
	}
	return ""
}

// compare checks that the members are all that was acknowledged and nothing that nobody wrote.
func (b *book) compare(d map[string][]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := map[string]map[string]bool{}
	for k, list := range d {
		held[k] = map[string]bool{}
		for i := 0; i < len(list); i += 2 {
			member, score := list[i], list[i+1]
			held[k][member] = true
			if !b.tried[k][member] {
				return fmt.Errorf("%s holds %q, which nobody wrote", k, member)
			}
			ts, _, _ := strings.Cut(member, ":")
			want, _ := strconv.ParseFloat(ts, 64)
			if got, err := strconv.ParseFloat(score, 64); err != nil || math.Abs(got-want) > 1e-9 {
				return fmt.Errorf("%s holds %q with score %s", k, member, score)
			}
		}
	}
	for _, a := range b.acks {
		if !held[a.key][a.member] {
			return fmt.Errorf("%s lost %q, acknowledged by %s", a.key, a.member, names[a.node])
		}
	}
	return nil
}
