package simtest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunlin-db/dunlin/internal/simtest"
)

// logConfig says what flock a seed has.
func logConfig(seed uint64) simtest.LogConfig {
	c := simtest.LogConfig{Seed: seed, Nodes: []int{3, 3, 4, 5, 10}[seed%5], Shards: 1, Follow: newSyncer}
	if seed%4 == 3 {
		c.Shards = 2
	}
	if seed%6 == 5 {
		c.Redis = 1 + int(seed%2)
	}
	return c
}

// logEvents are the events of a seed's history.
func logEvents(seed uint64) (events []int) {
	for i := range 300 + int(seed%7)*100 {
		events = append(events, i)
	}
	return events
}

// logHistory runs some events of a seed's history, and gives what they were.
func logHistory(seed uint64, events []int) (c simtest.Counts, told []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	f := simtest.NewLogFlock(logConfig(seed))
	told = f.Run(events)
	f.Settle()
	return f.Count, told, f.Check()
}

// shrunk is the shortest history of a seed that is found to fail.
func shrunk(seed uint64) string {
	if os.Getenv("DUNLIN_MUTANT") != "" {
		return "" // it is known what is wrong
	}
	events := simtest.Shrink(logEvents(seed), func(some []int) bool {
		_, _, err := logHistory(seed, some)
		return err != nil
	}, 400)
	_, told, err := logHistory(seed, events)
	c := logConfig(seed)
	text := fmt.Sprintf("%d nodes, %d of them on Redis, %d shards: %d events are enough for %v", c.Nodes, c.Redis,
		c.Shards, len(events), err)
	for i, words := range told {
		text += fmt.Sprintf("\n%4d %s", events[i], words)
	}
	return text
}

// logSeeds are how many histories are run: fixed ones, and fresh ones from a seed that is printed. 20 ms each. The
// larger counts, which CI runs too, are 750 and 2,250.
func logSeeds(t *testing.T) (fixed, fresh uint64) {
	s := os.Getenv("DUNLIN_SIM_SEEDS")
	switch {
	case s == "" && testing.Short():
		return 20, 80
	case s == "":
		return 150, 450
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatalf("DUNLIN_SIM_SEEDS: %v", err)
	}
	return n / 4, n - n/4
}

// TestLogFlock_histories: DUNLIN_SIM_SEEDS is how many, DUNLIN_SIM_SEED one alone. DUNLIN_COUNTS is a file that gets a
// line with the number.
func TestLogFlock_histories(t *testing.T) {
	fixed, fresh := logSeeds(t)
	from := uint64(time.Now().UnixNano()) + rand.Uint64N(1<<32)
	var sum simtest.Counts
	run := func(seed uint64) {
		c, _, err := logHistory(seed, logEvents(seed))
		if err != nil {
			t.Fatalf("seed %d (DUNLIN_SIM_SEED=%d runs it alone): %v\n%s", seed, seed, err, shrunk(seed))
		}
		sum = add(sum, c)
	}
	if s := os.Getenv("DUNLIN_SIM_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		run(seed)
		return
	}
	for seed := range fixed {
		run(seed)
	}
	for i := range fresh {
		run(from + i)
	}
	ratio := float64(sum.Sent) / float64(max(sum.Useful, 1))
	t.Logf("%d histories, seeds 0-%d and %d-%d: %s, sent/useful %.3f", fixed+fresh, fixed, from, from+fresh,
		fmt.Sprintf("%+v", sum), ratio)
	count(t, int(fixed+fresh))
	if ratio > 1.2 {
		t.Errorf("%.3f entries were sent for each useful one", ratio)
	}
	if sum.TailMost > 64<<10 {
		t.Errorf("a tail grew to %d bytes", sum.TailMost)
	}
	if sum.AnswerMost > 2<<10 { // an entry, and marks of ten nodes
		t.Errorf("an answer had %d bytes more than it was to have", sum.AnswerMost)
	}
}

func add(a, b simtest.Counts) simtest.Counts {
	return simtest.Counts{
		Written: a.Written + b.Written, Sent: a.Sent + b.Sent, Useful: a.Useful + b.Useful,
		Exchanges: a.Exchanges + b.Exchanges, Abandoned: a.Abandoned + b.Abandoned, Crashes: a.Crashes + b.Crashes,
		Answers: a.Answers + b.Answers, TailMost: max(a.TailMost, b.TailMost), AnswerMost: max(a.AnswerMost, b.AnswerMost),
		Orders: a.Orders + b.Orders, Repairs: a.Repairs + b.Repairs, Proofs: a.Proofs + b.Proofs, Equal: a.Equal + b.Equal,
		Chunks: a.Chunks + b.Chunks, Shown: a.Shown + b.Shown,
	}
}

// count tells the long tier how many cases there were.
func count(t *testing.T, cases int) {
	t.Helper()
	path := os.Getenv("DUNLIN_COUNTS")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, cases)
}

// TestShrink: what is left fails, and fails no more when anything is left out.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "events")
		needed := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, 5, rapid.ID[int]).Draw(t, "needed")
		var events []int
		for i := range n {
			events = append(events, i)
		}
		got := simtest.Shrink(events, func(some []int) bool {
			for _, i := range needed {
				if !slices.Contains(some, i) {
					return false
				}
			}
			return true
		}, 10_000)
		slices.Sort(needed)
		if !slices.Equal(got, needed) {
			t.Fatalf("%v is left, %v is needed", got, needed)
		}
	})
}
