package server

import (
	"github.com/dunlin-db/dunlin/internal/batch"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// batchable gives what takes the commands of a name into a batch, nil when nothing does.
func batchable(name []byte) func(*batch.Batch, int, [][]byte) bool {
	switch {
	case is(name, "zadd"):
		return (*batch.Batch).ZAdd
	case is(name, "dn.madd"):
		return (*batch.Batch).MAdd
	case is(name, "dn.maddt"):
		return (*batch.Batch).MAddT
	}
	return nil
}

// batched takes a command into the batch if it is a plain write of points to shards in memory.
func (x *exec) batched(args [][]byte) bool {
	cl := x.cl
	take := batchable(args[0])
	if take == nil || len(cl.srv.slots) == 0 || !cl.authed || cl.tx.open {
		return false
	}
	if x.points == nil {
		x.points = cl.srv.batch()
	}
	if x.points.Empty() {
		x.settle()
	}
	if !take(x.points, cl.db, args) {
		return false
	}
	if x.points.Full() {
		x.points.Commit(x.w)
	}
	return true
}

// commit stores the points of the batch and writes its replies.
func (x *exec) commit() {
	if x.points != nil && !x.points.Empty() {
		x.points.Commit(x.w)
	}
}

// giveBack ends the loan of the batch, which must be empty.
func (x *exec) giveBack() {
	if x.points != nil {
		x.cl.srv.batches.Put(x.points)
		x.points = nil
	}
}

// batch lends a batch.
func (s *Server) batch() *batch.Batch {
	if b, ok := s.batches.Get().(*batch.Batch); ok {
		return b
	}
	shards := make([]*shard.Shard, len(s.slots))
	for i, sl := range s.slots {
		shards[i] = sl.Shard
	}
	return batch.New(s.cfg.Topology, shards)
}
