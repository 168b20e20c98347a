//go:build linux

package durable

import (
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
	launchEnv  = "DUNLIN_DURABLE_LAUNCH" // this process becomes a node, see launch
	standinEnv = "DUNLIN_DURABLE_STANDIN"
	longEnv    = "DUNLIN_DURABLE_LONG" // the counts of the long tier
	countsEnv  = "DUNLIN_COUNTS"       // a file; each test that ends adds a line with its number of cases
	seedEnv    = "DUNLIN_DURABLE_SEED"
	workDirEnv = "DUNLIN_DURABLE_DIR" // set by runAll
)

// binary is the dunlin under test: DUNLIN_BIN, else built once.
var binary = os.Getenv("DUNLIN_BIN")

// workDir is for what tests share.
var workDir string

func TestMain(m *testing.M) {
	if os.Getenv(launchEnv) != "" {
		launch()
	}
	if fault, ok := os.LookupEnv(standinEnv); ok {
		os.Exit(runStandin(fault, os.Args[1:]))
	}
	if workDir = os.Getenv(workDirEnv); workDir != "" {
		if os.Getuid() == 0 {
			if err := loopbackUp(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(m.Run())
	}
	os.Exit(runAll())
}

// loopbackUp starts the loopback device of a new network.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err == nil {
		request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
	}
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}

// runAll runs the tests in a process of its own with a directory, and as root also a mount table and a network, of its
// own: nobody takes its ports, and however it ends, nothing stays behind.
func runAll() int {
	dir, err := os.MkdirTemp("", "dunlin-durable-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("DUNLIN_BIN"); binary == "" {
		binary = filepath.Join(dir, "dunlin")
		build := exec.Command("go", "build", "-o", binary, "github.com/dunlin-db/dunlin/cmd/dunlin")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build dunlin: %v\n%s", err, out)
			return 1
		}
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), workDirEnv+"="+dir, "DUNLIN_BIN="+binary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET
	}
	runtime.LockOSThread() // the signal comes when this thread ends
	err = cmd.Run()
	left, _ := filepath.Glob("/sys/fs/cgroup/memory/" + cgroupName(cmd.Process.Pid) + "*")
	for _, group := range left {
		_ = os.Remove(group)
	}
	if err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// cgroupName begins the names of the groups that a process of tests makes.
func cgroupName(pid int) string { return fmt.Sprintf("dunlin-test-%d-", pid) }

// missing skips loudly, or fails where the machine is supposed to have everything.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...)
}

// needRoot skips what mounts, injects or limits: no machine is asked for root, also not by CI.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: this needs root")
	}
}

func long() bool { return os.Getenv(longEnv) != "" }

// longTime is how long one round of the long tier may take, DUNLIN_MINUTES.
func longTime() time.Duration {
	n, err := strconv.Atoi(os.Getenv("DUNLIN_MINUTES"))
	if err != nil {
		n = 20
	}
	return time.Duration(n) * time.Minute
}

// times gives the number of cases of a row in CI and in one round of the long tier.
func times(ci, longTier int) int {
	if long() {
		return longTier
	}
	return ci
}

// seed is printed by every test that draws; DUNLIN_DURABLE_SEED repeats its draws, not the timing.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := uint64(os.Getpid())<<20 ^ nextNumber()
	if text := os.Getenv(seedEnv); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedEnv, err)
		}
		s = n
	}
	t.Logf("%s=%d", seedEnv, s)
	return s
}

var numbers struct {
	sync.Mutex
	last uint64
}

func nextNumber() uint64 {
	numbers.Lock()
	defer numbers.Unlock()
	numbers.last++
	return numbers.last
}

// tally counts cases and tells them at the end of a test.
type tally struct {
	sync.Mutex
	cases, points, excused int
	failed                 int
}

// enough skips what is left when some cases have failed: each may take its whole patience.
func (c *tally) enough(t *testing.T) {
	t.Helper()
	c.Lock()
	defer c.Unlock()
	if c.failed >= 4 {
		t.Skip("NOT TESTED: enough cases have failed")
	}
	t.Cleanup(func() {
		c.Lock()
		defer c.Unlock()
		if t.Failed() {
			c.failed++
		}
	})
}

func newTally(t *testing.T) *tally {
	c := &tally{}
	t.Cleanup(func() {
		t.Logf("%d cases, %d acknowledged points compared, %d excused by the promise", c.cases, c.points, c.excused)
		path := os.Getenv(countsEnv)
		if path == "" {
			return
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		fmt.Fprintln(f, c.cases)
	})
	return c
}

func (c *tally) add(r result) {
	c.Lock()
	defer c.Unlock()
	c.cases++
	c.points += r.acked
	c.excused += r.excused
}
