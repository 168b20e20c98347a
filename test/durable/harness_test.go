//go:build linux

package durable

import (
	"testing"
)

// TestHarness_kill: the row finds each fault of the stand-in that it is there for, and none where there is none.
func TestHarness_kill(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{noFault, inMemory, repliesEarly, invents, dropsLast} {
		t.Run("fault="+fault, func(t *testing.T) {
			t.Parallel()
			k := killing{target: target{standin: true, fault: fault}, fsync: "1s", seed: 7, count: &tally{}}
			bites(t, fault, k.run(t, 4))
		})
	}
}

// bites: a fault must have been found, and where there is none nothing.
func bites(t *testing.T, fault string, found error) {
	t.Helper()
	switch {
	case fault == noFault && found != nil:
		t.Errorf("without a fault: %v", found)
	case fault != noFault && found == nil:
		t.Errorf("the fault %q was not found", fault)
	case found != nil:
		t.Logf("found: %.300s", found.Error())
	}
}

// TestHarness_power: on a disk that forgets what was not fsynced.
func TestHarness_power(t *testing.T) {
	t.Parallel()
	needRoot(t)
	f := func(fsync, fault string) {
		t.Run(fsync+" fault="+fault, func(t *testing.T) {
			t.Parallel()
			p := powerLoss{target: target{standin: true, fault: fault}, fsync: fsync, seed: 9, count: &tally{}}
			bites(t, fault, p.run(t, 3))
		})
	}
	f("always", noFault)
	f("always", neverSyncs)
	f("1s", noFault)
	f("1s", syncsLate)
	f("never", noFault)
	f("never", ignoresTerm)
}
