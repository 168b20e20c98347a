package simtest_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/simtest"
	"github.com/dunlin-db/dunlin/internal/syncer"
)

// newSyncer is the real thing.
func newSyncer(l simtest.Link) simtest.Stepper {
	return syncer.New(syncer.Config{
		Shard: l.Shard, Peer: l.Peer, PeerName: l.Name, Clock: l.Clock, Poll: l.Poll,
		Jitter: l.Jitter,
	})
}

// histories is how many are run; each takes some ms. DUNLIN_SIM_SEEDS overrides.
const histories = 300

func TestFlock_histories(t *testing.T) {
	seeds := uint64(histories)
	if s := os.Getenv("DUNLIN_SIM_SEEDS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			t.Fatalf("DUNLIN_SIM_SEEDS: %v", err)
		}
		seeds = n
	}
	for seed := range seeds {
		f := simtest.New(seed, 2+int(seed%3), newSyncer)
		f.Run(time.Duration(3+seed%8) * time.Minute)
		if err := f.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d histories, seeds from 0 on", seeds)
}
