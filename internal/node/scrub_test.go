package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/evidence"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/storage"
)

// TestNode_damagedFile: a period file that is damaged under a running node is found, counted, named and written again
// from memory, though nothing else is written; the next start has all points and meets no damage.
func TestNode_damagedFile(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newLogFlock(t)
	f.step = 50 * time.Millisecond
	f.proof = Proof{Reread: 20 * time.Millisecond}
	_, stop := f.boot(1)
	for range 8 {
		f.write(1, 400)
	}
	stop() // the last checkpoint writes all full chunks
	_, stop = f.boot(1)
	f.equal("the node after a start", 1)
	want := f.sums(1)
	_, file := fullRecords(t, filepath.Join(f.dir, "n1"))
	data, err := os.ReadFile(file)
	if err == nil {
		data[len(data)/2] ^= 1
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the damaged file to be found and replaced", func() error {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there (%w)", file, err)
		}
		return nil
	})
	addr, bad := f.topo.Nodes[1].HostPort(), file+evidence.Suffix
	await(t, "the file that is kept to be named", func() error {
		if kept := infoField(t, addr, "persistence", "bad_files_names"); !strings.HasSuffix(bad, kept) || kept == "" {
			return fmt.Errorf("%q is kept, want %s", kept, bad)
		}
		return nil
	})
	if n := infoField(t, addr, "persistence", "files_damaged"); n != "1" {
		t.Errorf("%s files are damaged, want 1", n)
	}
	if held, err := os.ReadFile(bad); !bytes.Equal(held, data) {
		t.Errorf("it is not kept as it was: %d bytes of %d, %v", len(held), len(data), err)
	}
	last := infoField(t, addr, "persistence", "files_damaged_last")
	if !strings.Contains(last, filepath.Base(file)) || !strings.Contains(last, "damaged at") {
		t.Errorf("the file is not named: %q", last)
	}
	stop()
	w := storage.Walker{FS: fsx.OS{}, Path: filepath.Join(f.dir, "n1")}
	if err := w.Run(context.Background()); err != nil || w.Damaged() > 0 {
		t.Errorf("afterwards: %v, %v", err, w.Findings)
	}
	_, stop = f.boot(1)
	defer stop()
	f.equal("the node after one more start", 1)
	if got := f.sums(1); got != want {
		t.Errorf("before %q, after %q", want, got)
	}
	if n := infoField(t, addr, "persistence", "damaged_records"); n != "0" {
		t.Errorf("what is kept is read: %s damaged records", n)
	}
}
