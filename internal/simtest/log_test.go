package simtest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/simtest"
)

// logHistory runs one history of nodes that speak the log protocol.
func logHistory(seed uint64) (simtest.Counts, error) {
	n := []int{3, 3, 4, 5, 10}[seed%5]
	f := simtest.NewLogFlock(seed, n)
	f.Run(300 + int(seed%7)*100)
	f.Settle()
	return f.Count, f.Check()
}

// logSeeds are how many histories are run: fixed ones, and fresh ones from a seed that is printed.
func logSeeds(t *testing.T) (fixed, fresh uint64) {
	s := os.Getenv("DUNLIN_SIM_SEEDS")
	if s == "" {
		return 60, 60
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatalf("DUNLIN_SIM_SEEDS: %v", err)
	}
	return n / 4, n - n/4
}

func TestLogFlock_histories(t *testing.T) {
	fixed, fresh := logSeeds(t)
	from := uint64(time.Now().UnixNano()) + rand.Uint64N(1<<32)
	var sum simtest.Counts
	run := func(seed uint64) {
		c, err := logHistory(seed)
		if err != nil {
			t.Fatalf("seed %d (DUNLIN_SIM_SEED=%d runs it alone): %v", seed, seed, err)
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
	if ratio > 1.2 {
		t.Errorf("%.3f entries were sent for each useful one", ratio)
	}
	if sum.TailMost > 64<<10 {
		t.Errorf("a tail grew to %d bytes", sum.TailMost)
	}
}

func add(a, b simtest.Counts) simtest.Counts {
	return simtest.Counts{
		Written: a.Written + b.Written, Sent: a.Sent + b.Sent, Useful: a.Useful + b.Useful,
		Exchanges: a.Exchanges + b.Exchanges, Abandoned: a.Abandoned + b.Abandoned, Crashes: a.Crashes + b.Crashes,
		Answers: a.Answers + b.Answers, TailMost: max(a.TailMost, b.TailMost),
		Orders: a.Orders + b.Orders, Repairs: a.Repairs + b.Repairs,
		Proofs: a.Proofs + b.Proofs, Equal: a.Equal + b.Equal,
	}
}
