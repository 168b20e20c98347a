//go:build linux && !race

package sock

import (
	"syscall"
	"unsafe"
)

// Read is read(2). A system call that the scheduler is told of wakes its monitor thread, which then looks on every
// 20 µs until all is idle again: for each burst of work that begins with a read that is a tenth of its cost and more.
func Read(fd uintptr, b []byte) (n int, err error) {
	return result(syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

// Write is write(2).
func Write(fd uintptr, b []byte) (n int, err error) {
	return result(syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

func result(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
