package syncer

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/simtest"
)

// TestMachine_mutants switches one rule off at a time: the simulator must notice within some histories.
func TestMachine_mutants(t *testing.T) {
	for name, mut := range map[string]mutations{
		"none":                         {},
		"strictly above the mark":      {tailAboveMark: true},
		"heads read after comparing":   {headsAfter: true},
		"cursor before its data":       {keepCursorOnError: true},
		"late journal ignored":         {noLate: true},
		"epoch of the peer ignored":    {ignoreEpoch: true},
		"epoch of the own one ignored": {ignoreOwnEpoch: true},
		"newest point taken for all":   {trustNewest: true},
		"windows not counted":          {trustCounts: true},
	} {
		t.Run(name, func(t *testing.T) {
			if mut == (mutations{}) {
				if seed, err := killedBy(mut, 20); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				return
			}
			seed, err := killedBy(mut, 100)
			if err == nil {
				t.Fatalf("the mutant survived %d histories", seed)
			}
			t.Logf("killed by seed %d: %v", seed, err)
		})
	}
}

func killedBy(mut mutations, histories uint64) (seed uint64, err error) {
	for seed = range histories {
		f := simtest.New(seed, 2+int(seed%2), func(l simtest.Link) simtest.Stepper {
			s := New(Config{Shard: l.Shard, Peer: l.Peer, PeerName: l.Name, Clock: l.Clock, Poll: l.Poll, Jitter: l.Jitter})
			s.m.mut = mut
			return s
		})
		f.Run(time.Duration(5+seed%20) * time.Minute)
		if err := f.Check(); err != nil {
			return seed, err
		}
	}
	return histories, nil
}
