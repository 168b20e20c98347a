//go:build linux && !race

package resp

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are read(2) and write(2) on a socket that does not block. They do not tell the Go scheduler,
// which would wake its monitor thread for each: on a connection whose client waits for replies that is one thread more
// to switch to per read buffer, and cost as much as the rest of the system's part.

func readNow(fd uintptr, b []byte) (n int, err error) {
	return result(syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

func writeNow(fd uintptr, b []byte) (n int, err error) {
	return result(syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

func result(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
