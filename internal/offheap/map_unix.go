//go:build linux || darwin || freebsd

package offheap

import "syscall"

// sysMap maps n bytes, nil when the system refuses.
func sysMap(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

// sysUnmap ends a mapping. It fails for what is none only.
func sysUnmap(b []byte) { _ = syscall.Munmap(b) }
