package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dunlin-db/dunlin/internal/budget"
	"github.com/dunlin-db/dunlin/internal/fsx"
	"github.com/dunlin-db/dunlin/internal/proof"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/scrub"
	"github.com/dunlin-db/dunlin/internal/server"
	"github.com/dunlin-db/dunlin/internal/storage"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// Disk is how an engine node keeps its points.
type Disk struct {
	Fsync           wal.Policy
	Keep            storage.Keep // of the log, for peers
	CheckpointBytes int64        // the log grows by it before a checkpoint; 0 = the default
	MaxUnwritten    int64        // bytes that wait for a disk that does not work; 0 = the default
	BackupPath      string       // where DN.BACKUP may write; "" = it may not
	Writing         func()       // called before each write of the log; nil = nobody wants to know
}

// openDisk takes the storage directory of an engine node. A node on Redis, or without a directory, has none.
func (n *Node) openDisk(incarnation replog.Incarnation) (err error) {
	if n.self.OnRedis() || n.cfg.StoragePath == "" {
		return nil
	}
	c := n.cfg.Disk
	n.disk, err = storage.Open(storage.Config{
		FS: fsx.OS{}, Path: n.cfg.StoragePath, Layout: n.cfg.Topology.Layout,
		Origin: replog.Origin{Node: n.self.Name, Incarnation: incarnation}, Fsync: c.Fsync, Keep: c.Keep,
		CheckpointBytes: c.CheckpointBytes, MaxUnwritten: c.MaxUnwritten, BackupPath: c.BackupPath, Log: n.log,
		Now: time.Now, Held: func(bytes int64) { n.keeper.budget.Set(budget.Log, bytes) },
		Edicts: n.orders.Logged, Writing: c.Writing,
	}, n.keeper.Floor())
	if err == nil {
		n.scrub = scrub.New(scrub.Config{
			FS: fsx.OS{}, Path: n.cfg.StoragePath, Every: cmp.Or(n.cfg.Proof.Reread, proof.Reread),
			Doubt: n.disk.Doubt, Log: n.log,
		})
		n.keeper.advance(n.disk.Floor()) // the log may know a later one than the floor file
		n.orders.Recall(n.disk.Edicts())
	}
	return err
}

// newRecorder gives what a shard tells the log and the peers with, nil when there are neither.
func (n *Node) newRecorder() *replog.Recorder {
	switch {
	case n.peers != nil:
		return replog.NewRecorder()
	case n.disk != nil:
		return replog.NewEncoder()
	}
	return nil
}

// serverDisk is what the front door asks of the disk.
func (n *Node) serverDisk() server.Disk {
	if n.disk == nil {
		return server.Disk{}
	}
	return server.Disk{
		Commit: n.disk.Log().Commit, Info: persistence{n},
	}
}

// persistence is the section of INFO.
type persistence struct{ n *Node }

// Persistence is what the directory says, and what reading its files again found.
func (p persistence) Persistence() [][2]string {
	s := p.n.scrub.Status()
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	return append(p.n.disk.Persistence(), [][2]string{
		{"files_reads", num(s.Rounds)},
		{"files_read_bytes", num(s.Bytes)},
		{"files_damaged", num(s.Damaged)},
		{"files_damaged_last", s.Last},
	}...)
}

// errNoDisk: there is nothing that a backup could be made of.
var errNoDisk = errors.New("this node keeps no points on disk: there is nothing to back up")

// backup is DN.BACKUP: it makes a backup of that name and says where.
func (n *Node) backup(ctx context.Context, name string) (string, error) {
	if n.disk == nil {
		return "", errNoDisk
	}
	b, err := n.disk.Backup(ctx, name)
	return fmt.Sprintf("%s: %d files, %d bytes", b.Path, b.Files, b.Bytes), err
}

// loaded waits until the points on disk are in memory. false: ctx has ended before.
func (n *Node) loaded(ctx context.Context) bool {
	if n.disk == nil {
		return true
	}
	select {
	case <-n.disk.Ready():
		return true
	case <-ctx.Done():
		return false
	}
}

// closeTimeout is how long the last checkpoint may take.
const closeTimeout = time.Minute

// closeDisk writes what a next start reads.
func (n *Node) closeDisk() {
	if n.disk == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := n.disk.Close(ctx); err != nil {
		n.log.Error("storage: the last checkpoint failed, the next start reads the log instead", "err", err)
	}
}

// Loading gives how many bytes of the points on disk are in memory, and of how many; ok = false when all are.
func (n *Node) Loading() (done, total int64, ok bool) {
	if n.disk == nil {
		return 0, 0, false
	}
	s := n.disk.Status()
	return s.Done, s.Total, s.Loading
}

// diskWarnings is what people should know of the disk.
func (n *Node) diskWarnings() (w []string) {
	if n.disk == nil {
		return nil
	}
	s := n.disk.Status()
	if s.Loading {
		w = append(w, fmt.Sprintf("%s is loading its points: %.0f %%", n.self.Name, 100*s.Share()))
	}
	if why := s.Degraded(); why != "" {
		w = append(w, n.self.Name+" can not write to its disk, points are in memory only: "+why)
	}
	if s.Err != nil {
		w = append(w, n.self.Name+" could not write a checkpoint: "+s.Err.Error())
	}
	if s.Unread > 0 && !s.Loading {
		w = append(w, fmt.Sprintf("%s can not read %d files of its storage, and keeps trying", n.self.Name, s.Unread))
	}
	if found := n.scrub.Status(); found.Damaged > 0 {
		w = append(w, fmt.Sprintf("%s found %d damaged files while it ran, and wrote their points again: %s at %s",
			n.self.Name, found.Damaged, found.Last, found.LastAt.UTC().Format(time.RFC3339)))
	}
	if s.Damaged > 0 || s.Lost > 0 {
		w = append(w, fmt.Sprintf("%s found %d damaged records in %d files at its start", n.self.Name, s.Damaged,
			s.Quarantined))
	}
	return w
}
