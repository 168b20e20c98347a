//go:build linux

package durable

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// disk is a file system of its own for one node.
type disk struct {
	t       *testing.T
	mount   string // where it is mounted
	image   string // of ext4
	options string
}

// mkfs finds mkfs.ext4, which root's path may lack.
func mkfs() (string, error) {
	for _, path := range []string{"mkfs.ext4", "/sbin/mkfs.ext4", "/usr/sbin/mkfs.ext4"} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("mkfs.ext4 is not installed")
}

func run(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}

// newExt4 makes and mounts a disk of some MiB whose power can be cut.
func newExt4(t *testing.T, size int) (*disk, error) {
	needRoot(t)
	tool, err := mkfs()
	if err != nil {
		missing(t, "%v", err)
	}
	dir := filepath.Dir(tempDir(t))
	d := &disk{t: t, mount: filepath.Join(dir, "mnt"), image: filepath.Join(dir, "image"), options: "loop,noatime"}
	if err := os.Mkdir(d.mount, 0o700); err != nil {
		return nil, fmt.Errorf("make disk: %w", err)
	}
	f, err := os.Create(d.image)
	if err != nil {
		return nil, fmt.Errorf("make disk: %w", err)
	}
	if err := f.Truncate(int64(size) << 20); err != nil {
		return nil, fmt.Errorf("make disk: %w", err)
	}
	f.Close()
	if err := run(tool, "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", d.image); err != nil {
		return nil, err
	}
	t.Cleanup(d.unmount)
	return d, d.remount()
}

// remount mounts the image again.
func (d *disk) remount() error { return run("mount", "-t", "ext4", "-o", d.options, d.image, d.mount) }

// newTmpfs mounts a disk in memory of so many bytes.
func newTmpfs(t *testing.T, size int64) (*disk, error) {
	needRoot(t)
	d := &disk{t: t, mount: filepath.Join(filepath.Dir(tempDir(t)), "mnt")}
	if err := os.Mkdir(d.mount, 0o700); err != nil {
		return nil, fmt.Errorf("make disk: %w", err)
	}
	t.Cleanup(d.unmount)
	return d, run("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", size), "dunlin-test", d.mount)
}

// dir is where the node's data are on it.
func (d *disk) dir() string { return filepath.Join(d.mount, "data") }

// unmount takes it away, also when something is still open; the loop device goes with it.
func (d *disk) unmount() {
	if err := unix.Unmount(d.mount, 0); err == unix.EBUSY {
		_ = unix.Unmount(d.mount, unix.MNT_DETACH) // an error here: it was not mounted
	}
}

// cut is a power loss: from now on nothing reaches the disk, and the file system's journal is not written out.
func (d *disk) cut() error {
	f, err := os.Open(d.mount)
	if err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	defer f.Close()
	const shutdown = 0x8004587D // EXT4_IOC_SHUTDOWN
	noLogFlush := uint32(2)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&noLogFlush))); errno != 0 {
		return fmt.Errorf("cut the power: %w", errno)
	}
	return nil
}

// powerUp mounts what is left. The node must be gone; what looks at all mounts, as other processes do, may keep one
// busy for a moment.
func (d *disk) powerUp() error {
	err := unix.Unmount(d.mount, 0)
	for end := time.Now().Add(10 * time.Second); err == unix.EBUSY && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // between two tries
		err = unix.Unmount(d.mount, 0)
	}
	if err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return d.remount()
}

// fill writes a file that leaves so many bytes free.
func (d *disk) fill(free int64) error {
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for {
		var s unix.Statfs_t
		if err := unix.Statfs(d.mount, &s); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		left := int64(s.Bfree)*s.Bsize - free
		if left <= 0 {
			return nil
		}
		for range max(1, left/int64(len(page))) {
			if _, err := f.Write(page); err != nil {
				return nil // full is what it is to be
			}
		}
	}
}

func (d *disk) filler() string { return filepath.Join(d.mount, "filler") }

// free gives the space back.
func (d *disk) free() error { return os.Remove(d.filler()) }
