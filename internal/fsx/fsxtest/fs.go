package fsxtest

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-db/dunlin/internal/fsx"
)

// Op is a call that can fail.
type Op string

// The calls.
const (
	Create  Op = "create"
	Open    Op = "open"
	Write   Op = "write"
	Sync    Op = "sync"
	Rename  Op = "rename"
	Remove  Op = "remove"
	SyncDir Op = "syncdir"
	MkDir   Op = "mkdir"
	Link    Op = "link"
	Read    Op = "read"
)

// inode is a file.
type inode struct {
	data    []byte // as programs see it
	durable []byte // as it is after a power cut that spares nothing
	lost    bool   // a Sync failed: what was not durable then never will be
}

// FS implements fsx.FS. It is safe for concurrent use.
type FS struct {
	mu      sync.Mutex // protects what follows
	names   map[string]*inode
	dirs    map[string]bool
	durable map[string]*inode // names after a power cut that spares nothing
	fail    func(op Op, path string) error
	calls   int
}

var _ fsx.FS = (*FS)(nil)

// New makes an empty file system with the directory "/".
func New() *FS {
	return &FS{names: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{"/": true}}
}

// Fail makes fn decide which calls fail; nil = none. It is called before anything is done, and may block.
func (f *FS) Fail(fn func(op Op, path string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fn
}

// Calls is how many calls there were that change something or make it durable.
func (f *FS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *FS) check(op Op, path string) error {
	f.mu.Lock()
	if op != Read && op != Open {
		f.calls++
	}
	fn := f.fail
	f.mu.Unlock()
	if fn == nil {
		return nil
	}
	if err := fn(op, path); err != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	return nil
}

func missing(op Op, path string) error {
	return &fs.PathError{Op: string(op), Path: path, Err: fs.ErrNotExist}
}

// Create implements fsx.FS.
func (f *FS) Create(path string) (fsx.File, error) {
	if err := f.check(Create, path); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dirs[filepath.Dir(path)] {
		return nil, missing(Create, path)
	}
	n := f.names[path]
	if n == nil {
		n = &inode{}
		f.names[path] = n
	}
	n.data = nil
	return &file{fs: f, path: path, inode: n}, nil
}

// Open implements fsx.FS.
func (f *FS) Open(path string) (fsx.File, error) { return f.OpenAt(path, 0) }

// OpenAt implements fsx.FS.
func (f *FS) OpenAt(path string, offset int64) (fsx.File, error) {
	if err := f.check(Open, path); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[path]
	if n == nil {
		return nil, missing(Open, path)
	}
	rest := slices.Clone(n.data[min(offset, int64(len(n.data))):])
	return &file{fs: f, path: path, inode: n, in: bytes.NewReader(rest)}, nil
}

// ReadFile implements fsx.FS.
func (f *FS) ReadFile(path string) ([]byte, error) {
	in, err := f.Open(path)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(in)
}

// ReadDir implements fsx.FS.
func (f *FS) ReadDir(path string) (list []fs.DirEntry, err error) {
	if err := f.check(Read, path); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dirs[path] {
		return nil, missing("readdir", path)
	}
	for name, n := range f.names {
		if filepath.Dir(name) == path {
			list = append(list, entry{filepath.Base(name), int64(len(n.data)), false})
		}
	}
	for name := range f.dirs {
		if name != path && filepath.Dir(name) == path {
			list = append(list, entry{filepath.Base(name), 0, true})
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// MkdirAll implements fsx.FS. Directories are durable at once: what is in them is not.
func (f *FS) MkdirAll(path string) error {
	if err := f.check(MkDir, path); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; !f.dirs[path]; path = filepath.Dir(path) {
		f.dirs[path] = true
	}
	return nil
}

// Rename implements fsx.FS; of directories, only what is directly in them moves along.
func (f *FS) Rename(from, to string) error {
	if err := f.check(Rename, from); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.names[from]; n != nil {
		f.names[to] = n
		delete(f.names, from)
		return nil
	}
	if !f.dirs[from] {
		return missing(Rename, from)
	}
	for d := range f.dirs {
		if d == from || strings.HasPrefix(d, from+"/") {
			delete(f.dirs, d)
			f.dirs[to+d[len(from):]] = true
		}
	}
	for _, names := range []map[string]*inode{f.names, f.durable} {
		for name, n := range names {
			if strings.HasPrefix(name, from+"/") {
				delete(names, name)
				names[to+name[len(from):]] = n
			}
		}
	}
	return nil
}

// Remove implements fsx.FS.
func (f *FS) Remove(path string) error {
	if err := f.check(Remove, path); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.names[path] != nil:
		delete(f.names, path)
	case f.dirs[path]:
		for name := range f.names {
			if filepath.Dir(name) == path {
				return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrInvalid}
			}
		}
		delete(f.dirs, path)
		for name := range f.durable {
			if filepath.Dir(name) == path {
				delete(f.durable, name)
			}
		}
	default:
		return missing(Remove, path)
	}
	return nil
}

// Link implements fsx.FS.
func (f *FS) Link(from, to string) error {
	if err := f.check(Link, from); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[from]
	if n == nil || !f.dirs[filepath.Dir(to)] {
		return missing(Link, from)
	}
	if f.names[to] != nil {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	f.names[to] = n
	return nil
}

// Size implements fsx.FS.
func (f *FS) Size(path string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[path]
	if n == nil {
		return 0, missing("stat", path)
	}
	return int64(len(n.data)), nil
}

// Lock implements fsx.FS: there is one process.
func (f *FS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// SyncDir implements fsx.FS.
func (f *FS) SyncDir(path string) error {
	if err := f.check(SyncDir, path); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dirs[path] {
		return missing(SyncDir, path)
	}
	for name := range f.durable {
		if filepath.Dir(name) == path && f.names[name] == nil {
			delete(f.durable, name)
		}
	}
	for name, n := range f.names {
		if filepath.Dir(name) == path {
			f.durable[name] = n
		}
	}
	return nil
}

// file is an open file: for writing at its end, or for reading what was there when it was opened.
type file struct {
	fs    *FS
	path  string
	inode *inode
	in    *bytes.Reader
}

func (f *file) Read(p []byte) (int, error) {
	if err := f.fs.check(Read, f.path); err != nil {
		return 0, err
	}
	return f.in.Read(p)
}

// Write writes half of p when it is to fail.
func (f *file) Write(p []byte) (int, error) {
	err := f.fs.check(Write, f.path)
	if err != nil {
		p = p[:len(p)/2]
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.inode.data = append(f.inode.data, p...)
	return len(p), err
}

func (f *file) Sync() error {
	err := f.fs.check(Sync, f.path)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err != nil {
		f.inode.lost = true
	}
	if !f.inode.lost {
		f.inode.durable = slices.Clone(f.inode.data)
	}
	return err
}

func (f *file) Close() error { return nil }

// entry is a name in a directory.
type entry struct {
	name string
	size int64
	dir  bool
}

func (e entry) Name() string               { return e.name }
func (e entry) IsDir() bool                { return e.dir }
func (e entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) Size() int64                { return e.size }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// Crash says what of the un-fsynced is spared.
type Crash struct {
	All  bool       // everything: the process died, the machine did not
	Some *rand.Rand // any part; nil = nothing
}

const sector = 512

// Crash gives the file system that is found after a crash now. This one is not changed.
func (f *FS) Crash(c Crash) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := New()
	for d := range f.dirs {
		out.dirs[d] = true
	}
	copies := map[*inode]*inode{}
	add := func(name string, n *inode) {
		if copies[n] == nil {
			data := n.crash(c)
			copies[n] = &inode{data: data, durable: data}
		}
		out.names[name], out.durable[name] = copies[n], copies[n]
	}
	all := map[string]bool{}
	for name := range f.names {
		all[name] = true
	}
	for name := range f.durable {
		all[name] = true
	}
	order := make([]string, 0, len(all))
	for name := range all {
		order = append(order, name)
	}
	slices.Sort(order) // or a seed would not say what happens
	for _, name := range order {
		now, then := f.names[name], f.durable[name]
		if c.All || now != then && c.Some != nil && c.Some.IntN(2) == 0 {
			then = now
		}
		if then != nil {
			add(name, then)
		}
	}
	return out
}

// crash gives what is left of a file.
func (n *inode) crash(c Crash) []byte {
	if c.All {
		return slices.Clone(n.data)
	}
	out := slices.Clone(n.durable)
	if c.Some == nil || bytes.Equal(n.data, n.durable) {
		return out
	}
	size := len(n.durable) // any size between what is durable and what was written
	if more := len(n.data) - size; more > 0 {
		size += c.Some.IntN(more + 1)
	}
	for len(out) < size {
		out = append(out, 0)
	}
	for at := 0; at < len(out); at += sector {
		end := min(at+sector, len(out), len(n.data))
		if at < end && c.Some.IntN(2) == 0 {
			copy(out[at:end], n.data[at:end])
		}
	}
	return out
}
