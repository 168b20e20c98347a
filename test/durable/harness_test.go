//go:build linux

package durable

import (
	"testing"

	"golang.org/x/sys/unix"
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

// TestHarness_errors: the rows of failing disks.
func TestHarness_errors(t *testing.T) {
	t.Parallel()
	needRoot(t)
	f := func(row, fault string, run func(*testing.T, target) error) {
		t.Run(row+" fault="+fault, func(t *testing.T) {
			t.Parallel()
			bites(t, fault, run(t, target{standin: true, fault: fault}))
		})
	}
	full := func(t *testing.T, s target) error {
		return filling{target: s, level: 9, seed: 1, count: &tally{}}.run(t)
	}
	inject := func(t *testing.T, s target) error {
		in := injecting{target: s, seed: 2, count: &tally{}, tell: &hits{m: map[string]int{}}}
		return in.some(t, 8)
	}
	for _, fault := range []string{noFault, inMemory, endsOnError, neverHeals} {
		f("full", fault, full)
		f("inject", fault, inject)
	}
	f("read-only", noFault, func(t *testing.T, s target) error {
		return failing{target: s, errno: unix.EROFS, seed: 3, count: &tally{}}.run(t)
	})
	f("read-only", endsOnError, func(t *testing.T, s target) error {
		return failing{target: s, errno: unix.EROFS, seed: 3, count: &tally{}}.run(t)
	})
	f("deleted", noFault, func(t *testing.T, s target) error {
		return deleting{target: s, seed: 3, count: &tally{}}.run(t)
	})
	f("deleted", inMemory, func(t *testing.T, s target) error {
		return deleting{target: s, seed: 3, count: &tally{}}.run(t)
	})
	for _, fault := range []string{noFault, readsWait} {
		f("stall", fault, func(t *testing.T, s target) error {
			return stalling{target: s, seed: 4, count: &tally{}}.run(t)
		})
	}
	for _, fault := range []string{noFault, ignoresTerm} {
		f("drain", fault, func(t *testing.T, s target) error {
			return draining{target: s, seed: 5, count: &tally{}}.run(t, 3)
		})
	}
}
