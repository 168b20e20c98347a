package server

import "github.com/dunlin-db/dunlin/internal/batch"

// batched takes a command into the batch if it is a plain write of points to shards in memory.
func (x *exec) batched(args [][]byte) bool {
	cl := x.cl
	take := batch.Taker(args[0])
	if take == nil || !cl.srv.batches.Serves() || !cl.authed || cl.tx.open {
		return false
	}
	if x.points == nil {
		x.points = cl.srv.batches.Get()
	}
	if x.points.Empty() {
		x.settle()
	}
	if !take(x.points, cl.db, args) {
		return false
	}
	if x.points.Full() {
		x.commit()
	}
	return true
}

// commit stores the points of the batch and writes its replies.
func (x *exec) commit() {
	if x.points != nil && !x.points.Empty() {
		x.points.Commit(x.w)
		x.logged = max(x.logged, x.points.Logged())
	}
}

// durable waits until what was stored is written to the log. No reply leaves before that.
func (x *exec) durable() {
	if x.logged > 0 {
		x.cl.srv.cfg.Disk.Commit(x.logged)
		x.logged = 0
	}
}

// giveBack ends the loan of the batch, which must be empty.
func (x *exec) giveBack() {
	if x.points != nil {
		x.cl.srv.batches.Put(x.points)
		x.points = nil
	}
}
