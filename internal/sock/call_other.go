//go:build !linux || race

package sock

import "syscall"

// The race detector takes a write and the read it leads to for an order of events; a raw system call it does not see.

// Read is read(2).
func Read(fd uintptr, b []byte) (n int, err error) { return syscall.Read(int(fd), b) }

// Write is write(2).
func Write(fd uintptr, b []byte) (n int, err error) { return syscall.Write(int(fd), b) }
