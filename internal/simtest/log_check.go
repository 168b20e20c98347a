package simtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// settleRounds is how often everybody asks everybody, at most, until all is quiet for some rounds.
const (
	settleRounds = 5000
	quietRounds  = 8
)

// Settle heals everything: clocks, links, nodes. Then nothing happens but what nodes do by themselves.
func (f *LogFlock) Settle() {
	f.calm = true
	floor := series.Period(0)
	for _, n := range f.nodes {
		n.offset = 0
		if n.down {
			f.boot(n, n.sh.Floor())
		}
		floor = max(floor, n.sh.Floor())
	}
	for _, n := range f.nodes {
		for _, l := range n.links {
			l.cut = false
		}
		f.retain(n, floor)
	}
	for round, quiet := 0, 0; round < settleRounds && quiet < quietRounds; round++ {
		before := f.Count.Useful
		busy := false
		for _, n := range f.nodes {
			for _, l := range n.links {
				f.step(l)
				busy = busy || l.session == nil || l.wantsExchange()
			}
		}
		if quiet++; busy || f.Count.Useful > before {
			quiet = 0
		}
		f.now = f.now.Add(2 * replica.Hold)
	}
}

// Check says what does not hold of a flock that has settled.
func (f *LogFlock) Check() error {
	if f.wrong != nil {
		return f.wrong
	}
	if err := f.checkOrders(); err != nil {
		return err
	}
	hours := map[string]bool{}
	for i, n := range f.nodes {
		held := map[string]bool{}
		n.points(held)
		for text := range f.owed {
			if !held[text] {
				return fmt.Errorf("%s lacks %s", n.name, text)
			}
		}
		for text := range held {
			if !f.written[text] {
				return fmt.Errorf("%s has %s, which nobody wrote", n.name, text)
			}
			p, _ := simLayout.ParsePeriod([]byte(text[:len("2006-01-02T15")]))
			if p < n.sh.Floor() {
				return fmt.Errorf("%s has %s, which is below its floor", n.name, text)
			}
		}
		for more := true; more; {
			more = n.sh.FillGrid()
		}
		list, ok := n.sh.Hours()
		text := fmt.Sprint(list)
		if hours[text] = true; len(hours) > 1 || !ok {
			return fmt.Errorf("%s has other digests than %s: %s", n.name, f.nodes[0].name, text)
		}
		if i == 0 {
			if err := f.recount(n, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// recount adds the digests of a node's points up anew.
func (f *LogFlock) recount(n *logNode, list []grid.HourDigest) error {
	sums := map[int64]store.Digest{}
	held := map[string]bool{}
	n.points(held)
	for text := range held {
		key, member := text[:len(text)-len(lastWord(text))-1], lastWord(text)
		k, err := simLayout.ParseKey([]byte(key))
		must(err)
		p, err := series.ParseMember([]byte(member))
		must(err)
		d := sums[p.TS/store.HourMillis]
		d.AddMember(store.SeriesSeed(store.DigestSeed("sim"), k.Series), []byte(member))
		sums[p.TS/store.HourMillis] = d
	}
	for _, h := range list {
		if h.Points > 0 && sums[h.Hour] != h.Digest || h.Points == 0 && sums[h.Hour].Points > 0 {
			return fmt.Errorf("%s: hour %s has the digest %v, its points have %v", n.name,
				time.UnixMilli(h.Hour*store.HourMillis).UTC(), h.Digest, sums[h.Hour])
		}
	}
	return nil
}

func lastWord(text string) string {
	b := []byte(text)
	return string(b[slices.Index(b, ' ')+1:])
}
