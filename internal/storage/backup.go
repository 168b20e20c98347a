package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/manifest"
)

// The reasons why there is no backup.
var (
	ErrNoBackupPath = errors.New("this node takes no backups: start it with --backup.path DIR")
	ErrBackupName   = errors.New("a backup's name is 1 to 64 of letters, digits, '-', '_' and '.', with no '.' first")
	ErrBackupExists = errors.New("there is a backup of that name already")
)

var backupName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

// Backup is what one holds.
type Backup struct {
	Path  string
	Files int
	Bytes int64
}

// backupManifest is the file of a backup with a line for each file: checksum, bytes, path.
const backupManifest = "backup"

const backupMagic = "dunlin-backup 1"

// Backup puts a copy of everything stored so far below BackupPath, as links to files that never change what they have.
// What it makes is a storage directory itself: a node can start on a copy of it.
func (d *Dir) Backup(ctx context.Context, name string) (Backup, error) {
	switch {
	case d.cfg.BackupPath == "":
		return Backup{}, ErrNoBackupPath
	case !backupName.MatchString(name):
		return Backup{}, ErrBackupName
	case !d.Loaded():
		return Backup{}, errors.New("the points on disk are not loaded yet: try again when loading is 0")
	}
	to := filepath.Join(d.cfg.BackupPath, name)
	if _, err := d.cfg.FS.ReadDir(to); err == nil {
		return Backup{}, ErrBackupExists
	}
	if err := d.checkpoint(ctx); err != nil {
		return Backup{}, err
	}
	d.disk.Lock()
	defer d.disk.Unlock()
	b := &backup{d: d, dir: to + ".unfinished", sums: map[string]string{}}
	err := b.make(ctx)
	if err == nil {
		err = d.cfg.FS.Rename(b.dir, to)
	}
	if err == nil {
		err = d.cfg.FS.SyncDir(d.cfg.BackupPath)
	}
	if err != nil {
		return Backup{}, fmt.Errorf("backup: %w (what there is of it is in %s)", err, b.dir)
	}
	return Backup{Path: to, Files: len(b.sums), Bytes: b.bytes}, nil
}

// backup is one being made.
type backup struct {
	d     *Dir
	dir   string
	sums  map[string]string // path → checksum and bytes
	bytes int64
}

func (b *backup) make(ctx context.Context) error {
	d := b.d
	for _, p := range d.disk.places { // what is linked must not grow any more
		p.growing().close()
	}
	next := d.roll()
	if err := d.wal.Sync(); err != nil {
		return err
	}
	data, err := d.cfg.FS.ReadFile(d.path(manifest.Name))
	if err != nil {
		return err
	}
	m, err := manifest.Parse(data)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := b.add(ctx, name, m.Files[name]); err != nil {
			return err
		}
	}
	segments, err := d.list(logDir, place{})
	if err != nil {
		return err
	}
	for _, seg := range segments {
		if seg.number >= m.Segment && seg.number < next {
			if err := b.add(ctx, seg.path, seg.size); err != nil {
				return err
			}
		}
	}
	if err := fsx.WriteAtomic(d.cfg.FS, filepath.Join(b.dir, manifest.Name), data); err != nil {
		return err
	}
	text := fmt.Appendf(nil, "%s\nnode %s\ntime %s\n", backupMagic, d.cfg.Origin.Node,
		d.cfg.Now().UTC().Format("2006-01-02T15:04:05Z"))
	for _, name := range slices.Sorted(maps.Keys(b.sums)) {
		text = fmt.Appendf(text, "file %s %s\n", b.sums[name], name)
	}
	text = fmt.Appendf(text, "%08x\n", crc32.ChecksumIEEE(text))
	return fsx.WriteAtomic(d.cfg.FS, filepath.Join(b.dir, backupManifest), text)
}

// add links a file, or copies it to another file system, and takes the checksum of its first n bytes.
func (b *backup) add(ctx context.Context, name string, n int64) error {
	from, to := b.d.path(name), filepath.Join(b.dir, name)
	if err := b.d.cfg.FS.MkdirAll(filepath.Dir(to)); err != nil {
		return err
	}
	linked := b.d.cfg.FS.Link(from, to) == nil
	in, err := b.d.cfg.FS.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	var out io.Writer = sum
	var copied fsx.File
	if !linked {
		if copied, err = b.d.cfg.FS.Create(to); err != nil {
			return err
		}
		out = io.MultiWriter(sum, copied)
	}
	r := &counter{ctx: ctx, r: io.LimitReader(in, n), n: nothing{}}
	got, err := io.Copy(out, bufio.NewReaderSize(r, readBytes))
	if copied != nil {
		err = errors.Join(err, copied.Sync(), copied.Close())
	}
	if err == nil && got < n {
		err = fmt.Errorf("%s has %d bytes, not %d", name, got, n)
	}
	if err != nil {
		return err
	}
	b.sums[name] = fmt.Sprintf("%08x %d", sum.Sum32(), n)
	b.bytes += n
	return b.d.cfg.FS.SyncDir(filepath.Dir(to))
}

// nothing counts nothing.
type nothing struct{}

func (nothing) Add(n int64) int64 { return n }
