//go:build linux

package flock

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Environment of this package. The first two are set by the tests for the processes they start.
const (
	clockEnv  = "DUNLIN_FLOCK_CLOCK" // this process is a node whose clock is so much ahead
	insideEnv = "DUNLIN_FLOCK_DIR"   // set by runAll
	longEnv   = "DUNLIN_FLOCK_LONG"  // the counts of the long tier
	countsEnv = "DUNLIN_COUNTS"      // a file; a test adds a line with its number of cases
	graphsEnv = "DUNLIN_FLOCK_GRAPHS"
)

// binary is the dunlin under test: DUNLIN_BIN, else built once.
var binary = os.Getenv("DUNLIN_BIN")

// workDir is for what tests share.
var workDir = os.Getenv(insideEnv)

func TestMain(m *testing.M) {
	if ahead := os.Getenv(clockEnv); ahead != "" {
		os.Exit(runClocked(ahead))
	}
	if workDir == "" {
		os.Exit(runAll())
	}
	os.Exit(m.Run())
}

// runAll runs the tests in a process with a directory and, as root, a network and a mount table of its own: however it
// ends, no namespace and no process stays behind.
func runAll() int {
	dir, err := os.MkdirTemp("", "dunlin-flock-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary == "" {
		binary = filepath.Join(dir, "dunlin")
		build := exec.Command("go", "build", "-o", binary, "github.com/dunlin-db/dunlin/cmd/dunlin")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build dunlin: %v\n%s", err, out)
			return 1
		}
	}
	// The tests wait most of the time: more of them run beside each other than there are cores.
	cmd := exec.Command(os.Args[0], append(os.Args[1:], "-test.parallel=6")...)
	cmd.Env = append(os.Environ(), insideEnv+"="+dir, "DUNLIN_BIN="+binary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET
	}
	runtime.LockOSThread() // the signal comes when this thread ends
	if err = cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// ready prepares the network of this process, once.
var ready = sync.OnceValue(func() error {
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("flock", "/run/netns", "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount a place for namespaces: %w", err)
	}
	return ip("link set lo up")
})

// needNamespaces skips what needs them: no machine is asked for root, also not by CI.
func needNamespaces(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network namespaces need root")
	}
	if err := ready(); err != nil {
		t.Skipf("NOT TESTED: no network namespaces here: %v", err)
	}
}

// missing skips loudly, or fails where the machine is supposed to have everything.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...)
}

func long() bool { return os.Getenv(longEnv) != "" }

// times gives how long something lasts in CI and in the long tier.
func times(ci, longTier time.Duration) time.Duration {
	if long() {
		return longTier
	}
	return ci
}

// count tells the long tier how many cases were tried.
func count(t *testing.T, cases int) {
	t.Helper()
	path := os.Getenv(countsEnv)
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

// graphsWanted is how many of the 64 graphs a run takes: others every day.
func graphsWanted(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(graphsEnv), "16"))
	if err != nil || n < 1 || n > graphs {
		t.Fatalf("%s: want 1 to %d", graphsEnv, graphs)
	}
	return n
}
