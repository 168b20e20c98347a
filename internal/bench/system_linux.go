package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pin keeps this process on the last CPU it may use, so that servers can have the others to themselves, and makes Go
// use one thread at a time.
func Pin() error {
	var allowed, last unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("pin the generator: %w", err)
	}
	for cpu := range 1024 {
		if allowed.IsSet(cpu) {
			last.Zero()
			last.Set(cpu)
		}
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin the generator: %w", err)
	}
	for _, t := range threads { // threads that come later inherit it
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &last); err != nil {
			return fmt.Errorf("pin the generator: %w", err)
		}
	}
	runtime.GOMAXPROCS(1)
	return nil
}

// processTime is the CPU time of this process, in seconds.
func processTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	seconds := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// spareFiles is for what is open besides the load's connections.
const spareFiles = 32

// checkFiles says whether so many connections can be open.
func checkFiles(connections int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil // then the connections will show
	}
	if uint64(connections+spareFiles) > limit.Cur {
		return fmt.Errorf("%d connections need more open files than the %d allowed: ulimit -n %d, here and for the server",
			connections, limit.Cur, connections+spareFiles)
	}
	return nil
}
