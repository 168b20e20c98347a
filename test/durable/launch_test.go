//go:build linux

package durable

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launching is what happens to a process between fork and the node's first instruction.
type launching struct {
	Argv   []string
	Cgroup string // directory of a cgroup to join
	Watch  bool   // descriptor 3 is a socket that wants to watch the system calls
}

// launch makes this process the node; it comes back only by exit.
func launch() {
	var l launching
	err := json.Unmarshal([]byte(os.Getenv(launchEnv)), &l)
	if err == nil {
		err = l.become()
	}
	fmt.Fprintf(os.Stderr, "launch %v: %v\n", l.Argv, err)
	os.Exit(99)
}

func (l *launching) become() error {
	if l.Cgroup != "" {
		pid := strconv.Itoa(os.Getpid())
		if err := os.WriteFile(filepath.Join(l.Cgroup, "cgroup.procs"), []byte(pid), 0o600); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	env := os.Environ()
	for i, e := range env {
		if len(e) > len(launchEnv) && e[:len(launchEnv)] == launchEnv {
			env[i] = "DUNLIN_DURABLE_LAUNCHED=1"
		}
	}
	if l.Watch {
		// The filter is this thread's; exec makes this thread the process.
		runtime.LockOSThread()
		if err := giveFilter(3); err != nil {
			return err
		}
	}
	return fmt.Errorf("exec: %w", syscall.Exec(l.Argv[0], l.Argv, env))
}

// watched are the system calls that change a disk, as Go's os package makes them, by name.
var watched = map[string]uint32{
	"write": unix.SYS_WRITE, "pwrite64": unix.SYS_PWRITE64, "writev": unix.SYS_WRITEV,
	"fsync": unix.SYS_FSYNC, "fdatasync": unix.SYS_FDATASYNC, "sync_file_range": unix.SYS_SYNC_FILE_RANGE,
	"ftruncate": unix.SYS_FTRUNCATE, "fallocate": unix.SYS_FALLOCATE, "openat": unix.SYS_OPENAT,
	"renameat": unix.SYS_RENAMEAT, "renameat2": unix.SYS_RENAMEAT2, "unlinkat": unix.SYS_UNLINKAT,
	"mkdirat": unix.SYS_MKDIRAT, "linkat": unix.SYS_LINKAT,
}

// giveFilter has the kernel tell of the watched calls of this thread and its children, and sends the descriptor on
// which it tells through the socket.
func giveFilter(socket int) error {
	// Load the number of the call; for each watched one jump to the last line.
	prog := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	left := len(watched)
	for _, nr := range watched {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(left), K: nr})
		left--
	}
	prog = append(prog, unix.SockFilter{Code: unix.BPF_RET, K: seccompAllow},
		unix.SockFilter{Code: unix.BPF_RET, K: seccompUserNotif})
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("set the filter: %w", errno)
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(int(fd)), nil, 0); err != nil {
		return fmt.Errorf("send the listener: %w", err)
	}
	unix.Close(int(fd))
	unix.Close(socket)
	return nil
}

// From linux/seccomp.h.
const (
	seccompAllow     = 0x7fff0000
	seccompUserNotif = 0x7fc00000
)
