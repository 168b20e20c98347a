//go:build linux

package durable

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call is a system call that the node is about to make on something below its directory.
type call struct {
	name string // as in watched
	path string // below the directory; the new name of a rename or link
	open bool   // openat for writing
	n    int    // the how manieth call of this name since the rule was set, from 1
	all  int    // the how manieth of any name
}

// verdict is what happens to a call. The zero verdict lets it through.
type verdict struct {
	errno unix.Errno
	kill  bool            // kill -9 instead of the call
	part  int             // of a write: so many bytes are written first, then errno or kill; or it is a short write
	until <-chan struct{} // the call hangs until this is closed
}

// watcher decides about the calls of one node.
type watcher struct {
	dir string

	mu     sync.Mutex
	rule   func(call) verdict
	counts map[string]int
	all    int
	seen   map[string]int // since the start, by name, for the report
	hits   int            // verdicts that were not "go on"
}

// set replaces the rule and starts counting anew; nil lets everything through.
func (w *watcher) set(rule func(call) verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rule, w.counts, w.all, w.hits = rule, map[string]int{}, 0, 0
}

// hit says how often the rule struck.
func (w *watcher) hit() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hits
}

// lift ends the rule and says how often it struck.
func (w *watcher) lift() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rule = nil
	return w.hits
}

func (w *watcher) decide(c call) verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string]int{}
	}
	w.seen[c.name]++
	if w.rule == nil {
		return verdict{}
	}
	w.counts[c.name]++
	w.all++
	c.n, c.all = w.counts[c.name], w.all
	v := w.rule(c)
	if v != (verdict{}) {
		w.hits++
	}
	return v
}

// notification and response are struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// receive takes the listener that giveFilter sends.
func receive(socket int) (int, error) {
	buf, oob := make([]byte, 1), make([]byte, 64)
	var n int
	err := error(unix.EINTR)
	for err == unix.EINTR {
		_, n, _, _, err = unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil {
		return 0, fmt.Errorf("receive the listener: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("receive the listener: %d messages, %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, fmt.Errorf("receive the listener: %d descriptors, %w", len(fds), err)
	}
	return fds[0], nil
}

// serve answers the kernel until the node is gone.
func (w *watcher) serve(listener int) {
	defer unix.Close(listener)
	var hung sync.WaitGroup
	defer hung.Wait()
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err == unix.EINTR {
			continue
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notification
		if !ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)) {
			continue // the thread is gone, or a signal took it back
		}
		v := w.judge(&n)
		if v.until == nil {
			answer(listener, &n, v)
			continue
		}
		hung.Go(func() {
			select {
			case <-v.until:
			case <-time.After(time.Minute): // no test stalls longer
			}
			answer(listener, &n, v)
		})
	}
}

func ioctl(fd int, request uint, p unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(p))
	return errno == 0
}

// judge finds out what a call is about; only what lies below the directory is anybody's business.
func (w *watcher) judge(n *notification) verdict {
	c := call{}
	for name, nr := range watched {
		if nr == uint32(n.nr) {
			c.name = name
		}
	}
	switch c.name {
	case "openat":
		c.path = readPath(n.pid, n.args[1])
		c.open = n.args[2]&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT) != 0
	case "unlinkat", "mkdirat":
		c.path = readPath(n.pid, n.args[1])
	case "renameat", "renameat2", "linkat":
		c.path = readPath(n.pid, n.args[3])
	default:
		c.path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, n.args[0]))
	}
	if c.path != w.dir && !strings.HasPrefix(c.path, w.dir+"/") {
		return verdict{}
	}
	c.path = strings.TrimPrefix(strings.TrimPrefix(c.path, w.dir), "/")
	return w.decide(c)
}

// kind says what a file of the data directory is: its ending, or its name.
func (c call) kind() string {
	if ext := filepath.Ext(strings.TrimSuffix(c.path, " (deleted)")); ext != "" {
		return ext
	}
	return filepath.Base(c.path)
}

// readPath reads a string of the other process.
func readPath(pid uint32, at uint64) string {
	buf := make([]byte, unix.PathMax)
	buf = buf[:readMemory(pid, at, buf)]
	if i := bytes.IndexByte(buf, 0); i >= 0 {
		return filepath.Clean(string(buf[:i]))
	}
	return ""
}

func readMemory(pid uint32, at uint64, buf []byte) int {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	n, _ := f.ReadAt(buf, int64(at)) // short at the end of a mapping
	return n
}

// answer carries a verdict out.
func answer(listener int, n *notification, v verdict) {
	r := response{id: n.id}
	if v.part > 0 && (n.nr == unix.SYS_WRITE || n.nr == unix.SYS_PWRITE64) {
		r.val = int64(writePart(n, v.part))
	}
	switch {
	case v.kill:
		_ = unix.Kill(int(processOf(n.pid)), unix.SIGKILL)
		r.errno = -int32(unix.EIO) // nobody will read it
	case v.errno != 0:
		r.val, r.errno = 0, -int32(v.errno)
	case v.part > 0:
	default:
		r.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
	}
	ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
}

// writePart writes the first bytes of a write on behalf of the node, at the position of its own descriptor.
func writePart(n *notification, most int) int {
	pidfd, err := unix.PidfdOpen(int(processOf(n.pid)), 0)
	if err != nil {
		return 0
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, int(n.args[0]), 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	buf := make([]byte, min(most, int(n.args[2])))
	buf = buf[:readMemory(n.pid, n.args[1], buf)]
	if n.nr == unix.SYS_PWRITE64 {
		done, _ := unix.Pwrite(fd, buf, int64(n.args[3]))
		return max(done, 0)
	}
	done, _ := unix.Write(fd, buf)
	return max(done, 0)
}

// processOf gives the process of a thread.
func processOf(tid uint32) uint32 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	for line := range strings.Lines(string(data)) {
		var tgid uint32
		if n, _ := fmt.Sscanf(line, "Tgid: %d", &tgid); n == 1 {
			return tgid
		}
	}
	return tid
}
