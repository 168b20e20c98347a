//go:build linux

package flock

import (
	"fmt"
	"testing"
	"time"
)

// graphs is in how many ways three nodes can follow each other.
const graphs = 64

// ways are the links of three nodes, in the order of the bits of a graph's number.
var ways = []way{{0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 0}, {2, 1}}

// TestGraphs: what is acknowledged anywhere comes to every node that follows its way there, and to no other.
// DUNLIN_FLOCK_GRAPHS is how many of the 64 are tried, others every day.
func TestGraphs(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	n := graphsWanted(t)
	first := int(time.Now().Unix()/86400) * n
	lanes, odd := 2, int(time.Now().Unix()%2)
	if long() {
		lanes = 4
	}
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 3, kind{})
			for i := lane; i < n; i += lanes {
				g := (first + i) % graphs
				// In the long tier every other one, not always the same, lasts until the nodes have given up what they asked.
				f.graph(g, long() && i/lanes%2 == odd)
				count(t, 1)
			}
		})
	}
}

// graph lets the nodes follow each other in one of the ways, for a short time or a long one, and heals.
func (f *fleet) graph(g int, lasting bool) {
	f.t.Helper()
	var open []way
	for bit, w := range ways {
		if g>>bit&1 == 1 {
			open = append(open, w)
		} else {
			f.lose(f.all(w)...)
		}
	}
	began := time.Now()
	name := fmt.Sprintf("graph %06b", g)
	f.spread(name, open)
	if lasting {
		f.await("peers to be given up", func() error {
			if time.Since(began) < 25*time.Second {
				return fmt.Errorf("after %s", time.Since(began))
			}
			return nil
		})
		f.spread(name+", later", open)
	}
	cut := time.Since(began)
	f.t.Logf("%s: cut for %.1f s, equal %.1f s after it healed", name, cut.Seconds(), f.settle().Seconds())
}

// spread writes to all nodes and looks where it goes.
func (f *fleet) spread(name string, open []way) {
	f.t.Helper()
	began := time.Now()
	waves := make([][]point, len(f.nodes))
	for i := range f.nodes {
		waves[i] = f.wrote(i, 10)
	}
	reach := closure(len(f.nodes), open)
	for from := range f.nodes {
		for to := range f.nodes {
			if reach[to][from] {
				f.await(fmt.Sprintf("%s: %d to have what %d wrote", name, to, from), func() error {
					return f.hasAll(to, waves[from])
				})
			}
		}
	}
	f.await("points to go where they should not", func() error {
		if time.Since(began) < 300*time.Millisecond {
			return fmt.Errorf("after %s", time.Since(began))
		}
		return nil
	})
	for from := range f.nodes {
		for to := range f.nodes {
			if n, err := f.has(to, waves[from]); err != nil || n > 0 && !reach[to][from] {
				f.fail("%s: %d has %d of the points of %d, to which no way leads (%v)", name, to, n, from, err)
			}
		}
	}
}

// closure says who gets the points of whom: [to][from].
func closure(n int, open []way) [][]bool {
	reach := make([][]bool, n)
	for i := range reach {
		reach[i] = make([]bool, n)
		reach[i][i] = true
	}
	for range n {
		for _, w := range open {
			for from := range n {
				reach[w.from][from] = reach[w.from][from] || reach[w.to][from]
			}
		}
	}
	return reach
}
