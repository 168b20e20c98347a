package simtest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// settleRounds is how often everybody asks everybody, at most, until all is quiet for some rounds. Journals have
// rounds of more time, and at least so many that every hour has been compared.
const (
	settleRounds  = 5000
	quietRounds   = 12 // who stands still is given entries of others after some of them
	proofRounds   = 80 // while a shard lacks what only the proof finds, which looks seldom, and twice
	exchangeSteps = 30 // of an exchange, in a round, at most
	journalRounds = 90
	journalRound  = 10 * time.Second
)

// Settle heals everything: clocks, links, nodes. Then nothing happens but what nodes do by themselves.
func (f *LogFlock) Settle() {
	f.source.Seed(f.cfg.Seed, 1<<63) // of no event
	f.heal()
	round, least := 2*replica.Hold, 0
	if f.cfg.Redis > 0 {
		round, least = journalRound, journalRounds
	}
	open := func(i, quiet int) bool {
		return quiet < quietRounds || i < least || quiet < proofRounds && f.unproven()
	}
	for i, quiet := 0, 0; i < settleRounds && open(i, quiet); i++ {
		before := f.progress()
		busy := f.everybody()
		if quiet++; busy || f.progress() != before {
			quiet = 0
		}
		f.now = f.now.Add(round)
	}
}

// unproven says whether a shard may lack something that its vector claims, which only the proof finds: what its peer
// had dropped, or what was forgotten once, by a tombstone that was lost with the last disk that had it. Or whether it
// has points whose entries may never come, as who wrote them has lost them: it says so after some rounds of the proof.
func (f *LogFlock) unproven() bool {
	for _, n := range f.nodes {
		for i, s := range n.shards {
			tx := s.sh.Begin()
			waits := s.model == nil && (tx.Peers().Thin() > n.disk.floor || tx.Peers().Ahead())
			if tx.End(); waits || f.lacksForgotten(s, f.nodes[0].shards[i]) {
				return true
			}
		}
	}
	return false
}

// lacksForgotten says whether one of two replicas has a point that was forgotten once and the other has not.
func (f *LogFlock) lacksForgotten(a, b *logShard) bool {
	return apart(a, b, func(text string) bool { return dead(f.ever, text) })
}

// apart says whether one of two replicas has such a point that the other has not.
func apart(a, b *logShard, such func(text string) bool) bool {
	x, y := map[string]bool{}, map[string]bool{}
	a.points(x)
	b.points(y)
	for text := range x {
		if !y[text] && such(text) {
			return true
		}
	}
	for text := range y {
		if !x[text] && such(text) {
			return true
		}
	}
	return false
}

func (f *LogFlock) heal() {
	f.calm = true
	clear(f.cut)
	clear(f.slow)
	floor := series.Period(0)
	for _, n := range f.nodes {
		n.offset = 0
		if n.down {
			f.boot(n)
		}
		floor = max(floor, n.disk.floor)
		for _, s := range n.shards {
			if s.model != nil {
				s.model.loseNext = false
			}
		}
	}
	for _, n := range f.nodes {
		f.retain(n, floor)
	}
}

// everybody lets every link do something, and says whether one is in the middle of something.
func (f *LogFlock) everybody() (busy bool) {
	for _, n := range f.nodes {
		n.sweep()
		for _, l := range n.links {
			f.step(l)
			for range f.rng.IntN(exchangeSteps) {
				if l.exchange == nil {
					break
				}
				f.step(l)
			}
			busy = busy || l.session == nil || l.wantsExchange()
		}
		for _, l := range n.journals {
			for range 4 {
				l.step()
			}
		}
	}
	return busy
}

// progress is another number whenever something has come anywhere.
func (f *LogFlock) progress() int64 {
	sum := int64(f.Count.Useful)
	for _, n := range f.nodes {
		for _, s := range n.shards {
			sum += s.sh.Counters().Merged
			if s.model == nil {
				tx := s.sh.Begin()
				sum += int64(tx.Peers().Excess()) // another number: its peers are to compare
				tx.End()
			}
		}
	}
	return sum
}

// Check says what does not hold of a flock that has settled.
func (f *LogFlock) Check() error {
	if f.wrong != nil {
		return f.wrong
	}
	if err := f.checkOrders(); err != nil {
		return err
	}
	for _, n := range f.nodes {
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
			if p < n.disk.floor {
				return fmt.Errorf("%s has %s, which is below its floor", n.name, text)
			}
		}
	}
	for i := range f.cfg.Shards {
		if err := f.checkShard(i); err != nil {
			return fmt.Errorf("shard %d: %w", i+1, err)
		}
	}
	return nil
}

// checkShard compares a shard of all nodes: digests where they are kept, points where they are not.
func (f *LogFlock) checkShard(i int) error {
	var first map[string]bool
	digests := ""
	for _, n := range f.nodes {
		s, held := n.shards[i], map[string]bool{}
		if s.points(held); first == nil {
			first = held
		}
		if !maps.Equal(held, first) {
			return fmt.Errorf("%s has %d points, %s has %d", n.name, len(held), f.nodes[0].name, len(first))
		}
		if s.model != nil {
			continue
		}
		for more := true; more; {
			more = s.sh.FillGrid()
		}
		list, ok := s.sh.Hours()
		text := fmt.Sprint(list)
		if digests == "" {
			digests = text
			if err := recount(n.name, held, list); err != nil {
				return err
			}
		}
		if text != digests || !ok {
			return fmt.Errorf("%s has other digests than %s: %s", n.name, f.nodes[0].name, text)
		}
	}
	return nil
}

// recount adds the digests of points up anew.
func recount(node string, held map[string]bool, list []grid.HourDigest) error {
	sums := map[int64]store.Digest{}
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
			return fmt.Errorf("%s: hour %s has the digest %v, its points have %v", node,
				time.UnixMilli(h.Hour*store.HourMillis).UTC(), h.Digest, sums[h.Hour])
		}
	}
	return nil
}

// hourOf gives the hour since 1970 of a point.
func hourOf(text string) int64 {
	p, err := series.ParseMember([]byte(lastWord(text)))
	must(err)
	return p.TS / store.HourMillis
}

func lastWord(text string) string {
	b := []byte(text)
	return string(b[slices.Index(b, ' ')+1:])
}
