//go:build !linux || race

package resp

import "syscall"

// The race detector takes a write and the read it leads to for an order of events; a raw system call it does not see.

func readNow(fd uintptr, b []byte) (n int, err error) { return syscall.Read(int(fd), b) }

func writeNow(fd uintptr, b []byte) (n int, err error) { return syscall.Write(int(fd), b) }
