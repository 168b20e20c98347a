//go:build linux

package durable

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFull: a disk that is full at one of 64 levels. Writes are acknowledged all the time, INFO and /metrics say that
// durability is degraded, freed space heals it, and then kill -9 loses nothing. Every other level the node is also
// killed and started on the full disk.
func TestFull(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	slots := make(chan struct{}, 8)
	for level := range 64 * times(1, 2) {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			count.enough(t)
			f := filling{target: real, level: level % 64, seed: draw + uint64(level), count: count}
			if err := f.run(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// filling is a node on a small disk.
type filling struct {
	target
	level int
	seed  uint64
	count *tally
}

// freeAt gives the free bytes of a level: page by page where the first files are written, then in larger steps.
func freeAt(level int) int64 {
	if level < 16 {
		return int64(level) * 4096
	}
	return 64<<10 + int64(level-16)*8192
}

func (f filling) run(t *testing.T) error {
	d, err := newTmpfs(t, 8<<20)
	if err != nil {
		return err
	}
	if err := d.fill(freeAt(f.level)); err != nil {
		return err
	}
	b := newBook()
	l := newLoad(b, f.seed, 2*time.Millisecond)
	n, err := start(t, setup{target: f.target, dir: d.dir(), flags: f.rowFlags()})
	if err != nil {
		return err
	}
	lastOK, err := f.untilDegraded(n, l, d)
	if err != nil {
		return err
	}
	if f.level%2 == 1 {
		n.kill()
		// What was acknowledged while INFO said degraded is in memory only, as it said.
		var r result
		if n, r, err = n.restart(b, promise{until: lastOK}); err != nil {
			return fmt.Errorf("start on the full disk: %w", err)
		}
		f.count.add(r)
		if _, err := f.untilDegraded(n, l, d); err != nil {
			return fmt.Errorf("on the full disk: %w", err)
		}
	}
	r, err := heals(n, l, d.free)
	f.count.add(r)
	return err
}

// untilDegraded writes until the node says degraded, and longer; it gives the last time at which it said ok.
func (f filling) untilDegraded(n *node, l *load, d *disk) (lastOK time.Time, err error) {
	lastOK = time.Now()
	if err := n.answering(); err != nil {
		return lastOK, err
	}
	stop := l.background(n.addr)
	began := time.Now()
	err = n.await(n.setup.patience(), "durability:degraded", func() error {
		asked := time.Now()
		if n.says("durability", "ok") == nil {
			lastOK = asked
		}
		if time.Since(began) > 2*time.Second {
			_ = d.fill(0) // its files are small enough to fit: they shall not
		}
		return n.says("durability", "degraded")
	})
	if err == nil {
		err = degradedAndWriting(n, l)
	}
	return lastOK, errors.Join(err, stop())
}

// metricDegraded is what /metrics says.
var metricDegraded = regexp.MustCompile(`(?m)^\w*degraded\w*(\{[^}]*\})? 1$`)

// degradedAndWriting: it says so everywhere, and takes writes.
func degradedAndWriting(n *node, l *load) error {
	if err := l.acknowledged(300, 10*time.Second); err != nil {
		return fmt.Errorf("while degraded: %w\n%s", err, n.out.tail())
	}
	status, page, err := n.get("/metrics")
	if err != nil {
		return err
	}
	if status != 200 || !metricDegraded.MatchString(page) {
		return fmt.Errorf("/metrics (%d) does not say that it is degraded", status)
	}
	return n.alive()
}

// heals repairs the disk under load, waits until the node says ok, kills it, and compares after a restart.
func heals(n *node, l *load, repair func() error) (result, error) {
	if err := n.answering(); err != nil {
		return result{}, err
	}
	stop := l.background(n.addr)
	err := repair()
	if err == nil {
		err = n.await(n.setup.patience(), "durability:ok", func() error { return n.says("durability", "ok") })
	}
	if err == nil {
		err = l.acknowledged(300, 10*time.Second)
	}
	n.kill()
	if err := errors.Join(err, stop()); err != nil {
		return result{}, err
	}
	again, r, err := n.restart(l.book, promise{})
	if err == nil {
		again.kill()
	}
	return r, err
}

// TestDeleted: somebody deletes the data directory under load. The node goes on and makes a new one with everything.
func TestDeleted(t *testing.T) {
	t.Parallel()
	count, draw := newTally(t), seed(t)
	for i := range times(2, 16) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := deleting{target: real, seed: draw + uint64(i), count: count}
			if err := d.run(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// deleting is a node whose directory goes away.
type deleting struct {
	target
	seed  uint64
	count *tally
}

func (d deleting) run(t *testing.T) error {
	l := newLoad(newBook(), d.seed, 2*time.Millisecond)
	n, err := start(t, setup{target: d.target, dir: tempDir(t), flags: d.rowFlags()})
	if err != nil {
		return err
	}
	if err := n.answering(); err != nil {
		return err
	}
	if err := l.during(300*time.Millisecond, n.addr); err != nil {
		return err
	}
	r, err := heals(n, l, func() error {
		if err := os.RemoveAll(n.setup.dir); err != nil && !errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("delete: %w", err)
		}
		// It may not have noticed yet, and says ok: it counts its files every second.
		deleted := time.Now()
		return n.await(n.setup.patience(), "a new directory with everything", func() error {
			if err := l.acknowledged(10, 10*time.Second); err != nil {
				return err
			}
			if s := time.Since(deleted); s < 3*time.Second && !d.standin {
				return fmt.Errorf("%s after the deletion it may not have looked yet", s)
			}
			return complete(n.setup)
		})
	})
	d.count.add(r)
	return err
}

// complete: a directory has files again, of the real binary a checkpoint too.
func complete(s setup) error {
	list := files(s.dir)
	if len(list) == 0 {
		return fmt.Errorf("%s is empty", s.dir)
	}
	if s.standin {
		return nil
	}
	_, err := os.Stat(s.dir + "/checkpoint")
	return err
}

// TestReadOnly: every change of the data directory fails for a while, as after a remount, and then no more.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	needRoot(t)
	count, draw := newTally(t), seed(t)
	for i, errno := range []unix.Errno{unix.EROFS, unix.EIO}[:2] {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			r := failing{target: real, errno: errno, seed: draw + uint64(i), count: count}
			if err := r.run(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// failing is a node whose disk answers an error to everything for a while.
type failing struct {
	target
	errno unix.Errno
	seed  uint64
	count *tally
}

func (f failing) run(t *testing.T) error {
	l := newLoad(newBook(), f.seed, 2*time.Millisecond)
	n, err := start(t, setup{target: f.target, dir: tempDir(t), flags: f.rowFlags(), watch: true})
	if err != nil {
		return err
	}
	if err := n.answering(); err != nil {
		return err
	}
	if err := l.during(300*time.Millisecond, n.addr); err != nil {
		return err
	}
	n.watch.set(func(c call) verdict {
		if c.name == "openat" && !c.open {
			return verdict{}
		}
		return verdict{errno: f.errno}
	})
	stop := l.background(n.addr)
	err = n.await(n.setup.patience(), "durability:degraded", func() error { return n.says("durability", "degraded") })
	if err == nil {
		err = degradedAndWriting(n, l)
	}
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	r, err := heals(n, l, func() error { n.watch.set(nil); return nil })
	f.count.add(r)
	return err
}
