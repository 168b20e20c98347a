package vigil

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVigil_ask: where the process may use fewer processors than before, it has that many and the one that is held;
// not where somebody has said how many.
func TestVigil_ask(t *testing.T) {
	runtime.LockOSThread() // the runtime looks at what this thread may use
	defer runtime.UnlockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		t.Skipf("%d processors, %v", all.Count(), err)
	}
	defer runtime.SetDefaultGOMAXPROCS()
	defer func() {
		if err := unix.SchedSetaffinity(0, &all); err != nil {
			t.Error(err)
		}
	}()
	var one unix.CPUSet
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	runtime.GOMAXPROCS(9)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	f := func(follow bool, asked, after int) {
		t.Helper()
		v := New(follow)
		if v.ask(); runtime.GOMAXPROCS(0) != asked {
			t.Errorf("follow %t: %d processors, want %d", follow, runtime.GOMAXPROCS(0), asked)
		}
		if v.giveBack(); runtime.GOMAXPROCS(0) != after {
			t.Errorf("follow %t: %d processors afterwards, want %d", follow, runtime.GOMAXPROCS(0), after)
		}
	}
	f(false, 9, 8)
	f(true, 2, 1)
}
