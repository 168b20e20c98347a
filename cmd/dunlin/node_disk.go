package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/node"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// diskFlags are the flags of dunlin node that say how points are kept on disk.
type diskFlags struct {
	fsync, logKeep, maxUnwritten, checkpoint, backup string
}

func (f *diskFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.fsync, "storage.fsync", "1s",
		"when the log is fsynced: always (before the reply), a bound such as 1s, never")
	fl.StringVar(&f.logKeep, "storage.log-keep", "1h,1GiB",
		"how much of the log is kept for peers beyond what a restart needs: age,size")
	fl.StringVar(&f.maxUnwritten, "storage.max-unwritten", "256MiB",
		"what may wait in memory for a disk that does not work, before points are refused with MISCONF")
	fl.StringVar(&f.checkpoint, "storage.checkpoint-bytes", "64MiB", "how much the log grows before a checkpoint")
	fl.StringVar(&f.backup, "backup.path", "", "directory that DN.BACKUP and dunlin backup write to, empty for none")
}

// read reads how points are kept.
func (f *diskFlags) read() (d node.Disk, err error) {
	if d.Fsync, err = wal.ParsePolicy(f.fsync); err != nil {
		return d, usageError{fmt.Errorf("--storage.fsync: %w", err)}
	}
	age, size, ok := strings.Cut(f.logKeep, ",")
	if d.Keep.Age, err = time.ParseDuration(age); err != nil || !ok || d.Keep.Age < 0 {
		return d, usageError{fmt.Errorf("--storage.log-keep %q: want age,size such as 1h,1GiB", f.logKeep)}
	}
	for _, s := range []struct {
		flag, text string
		to         *int64
	}{
		{"log-keep", size, &d.Keep.Bytes},
		{"max-unwritten", f.maxUnwritten, &d.MaxUnwritten},
		{"checkpoint-bytes", f.checkpoint, &d.CheckpointBytes},
	} {
		if *s.to, err = budget.ParseSize(s.text, nil); err != nil {
			return d, usageError{fmt.Errorf("--storage.%s: %w", s.flag, err)}
		}
	}
	d.BackupPath = f.backup
	return d, nil
}
