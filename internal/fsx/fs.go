package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.Closer
	// Sync makes the content durable. After an error the file must not be trusted or synced again.
	Sync() error
}

// FS is what storage asks of a file system. Paths are the operating system's; errors match fs.ErrNotExist and others
// with errors.Is.
type FS interface {
	// Create opens a file for writing and makes it empty.
	Create(path string) (File, error)
	// Open opens a file for reading.
	Open(path string) (File, error)
	// OpenAt opens a file for reading from a place on, which may be its end.
	OpenAt(path string, offset int64) (File, error)
	// ReadFile gives the content of a file.
	ReadFile(path string) ([]byte, error)
	// ReadDir gives the names in a directory, sorted.
	ReadDir(path string) ([]fs.DirEntry, error)
	// MkdirAll makes a directory and those above it that are missing.
	MkdirAll(path string) error
	// Rename gives a file another name and replaces what had it.
	Rename(from, to string) error
	Remove(path string) error
	// Link gives a file a second name.
	Link(from, to string) error
	// Size is the length of a file.
	Size(path string) (int64, error)
	// Lock takes a file for this process until it is closed; ErrLocked when another has it.
	Lock(path string) (io.Closer, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(path string) error
}

// OS is the real file system. Files are readable by their owner only.
type OS struct{}

// Create implements FS.
func (OS) Create(path string) (File, error) {
	return file(os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600))
}

// Open implements FS.
func (OS) Open(path string) (File, error) { return file(os.Open(path)) }

// OpenAt implements FS.
func (OS) OpenAt(path string, offset int64) (File, error) {
	f, err := os.Open(path)
	if err == nil {
		if _, err = f.Seek(offset, io.SeekStart); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return file(f, err)
}

// file keeps a nil *os.File from becoming a File that is not nil.
func file(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ReadFile implements FS.
func (OS) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// ReadDir implements FS.
func (OS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// MkdirAll implements FS.
func (OS) MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(path string) error { return os.Remove(path) }

// Link implements FS.
func (OS) Link(from, to string) error { return os.Link(from, to) }

// Size implements FS.
func (OS) Size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// ErrLocked: another process has the lock.
var ErrLocked = errors.New("locked by another process")

// Lock implements FS.
func (OS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// SyncDir implements FS.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteAtomic replaces the content of a file. When it returns nil the new content survives a crash; when it fails the
// old content is still there (unless only the last step failed: then it may be either), and the temporary file
// path+".tmp" is removed as far as possible.
func WriteAtomic(fsys FS, path string, data []byte) error {
	tmp := path + ".tmp"
	if err := writeSynced(fsys, tmp, data); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), ignoreMissing(fsys.Remove(tmp)))
	}
	if err := fsys.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", path, err), ignoreMissing(fsys.Remove(tmp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("fsync the directory of %s: %w", path, err)
	}
	return nil
}

func writeSynced(fsys FS, path string, data []byte) error {
	f, err := fsys.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
