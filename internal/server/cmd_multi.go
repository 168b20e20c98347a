package server

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/reply"

	"github.com/dunlin-db/dunlin/internal/store"
)

// maxQueued bounds a transaction.
const (
	maxQueued      = 65536
	maxQueuedBytes = 64 << 20
)

// transaction is what stands between MULTI and EXEC.
type transaction struct {
	open   bool
	doomed bool // a command was refused when it was queued
	queue  []queued
	bytes  int
}

type queued struct {
	cmd  *command
	args [][]byte // copied
}

func ofTransaction(name string) bool {
	return name == "exec" || name == "discard" || name == "multi" || name == "quit" || name == "reset"
}

func (cl *client) enqueue(cmd *command, args [][]byte) {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	if cl.tx.bytes+size > maxQueuedBytes || len(cl.tx.queue) == maxQueued {
		cl.reject(fmt.Sprintf("ERR a transaction takes at most %d commands and %d bytes", maxQueued, maxQueuedBytes))
		return
	}
	cl.tx.bytes += size
	own := make([][]byte, len(args))
	for i, a := range args {
		own[i] = bytes.Clone(a)
	}
	cl.tx.queue = append(cl.tx.queue, queued{cmd, own})
	cl.exec.settle()
	cl.exec.w.Simple("QUEUED")
}

func cmdMulti(c *call) {
	if c.cl.tx.open {
		c.w.Error("ERR MULTI calls can not be nested")
		return
	}
	c.cl.tx = transaction{open: true}
	c.w.Simple("OK")
}

func cmdDiscard(c *call) {
	if !c.cl.tx.open {
		c.w.Error("ERR DISCARD without MULTI")
		return
	}
	c.cl.tx = transaction{}
	c.w.Simple("OK")
}

func cmdExec(c *call) {
	tx := c.cl.tx
	c.cl.tx = transaction{}
	switch {
	case !tx.open:
		c.w.Error("ERR EXEC without MULTI")
	case tx.doomed:
		c.w.Error("EXECABORT Transaction discarded because of previous errors.")
	default:
		c.cl.exec.transact(tx.queue)
	}
}

// transact executes a transaction: under the locks of all its slots, or as one MULTI of one other process.
func (x *exec) transact(queue []queued) {
	var need []*slot
	away := 0
	for _, q := range queue {
		id, refusal := x.cl.footprint(q)
		switch {
		case refusal != "":
			x.w.Error("EXECABORT Transaction discarded because of: " + refusal)
			return
		case id > 0 && away > 0 && id != away, id > 0 && len(need) > 0, id == 0 && away > 0 && len(x.need) > 0:
			x.w.Error("CROSSSLOT a transaction needs all its keys on one shard where shards are processes of their own: " +
				"use keys of one shard, or SELECT it")
			return
		case id > 0:
			away = id
		}
		for _, sl := range x.need {
			if !slices.Contains(need, sl) {
				need = append(need, sl)
			}
		}
	}
	if away > 0 {
		x.transactRemote(queue, away)
		return
	}
	slices.SortFunc(need, func(a, b *slot) int { return a.Shard.ID() - b.Shard.ID() })
	x.lock(need)
	x.w.Array(len(queue))
	x.inExec = true
	for _, q := range queue {
		x.invoke(q.cmd, q.args)
	}
	x.inExec = false
	x.unlock()
}

// footprint gives the slots of a queued command in exec.need, or the one shard in another process.
func (cl *client) footprint(q queued) (away int, refusal string) {
	x := cl.exec
	x.need = x.need[:0]
	if q.cmd.flags&flagAllSlots != 0 {
		x.need = append(x.need, cl.slotsOfDB()...)
		if len(x.need) == 0 {
			return 0, "ERR " + q.cmd.name + " inside a transaction needs a store in memory"
		}
		return 0, ""
	}
	if q.cmd.first == 0 || q.cmd.first >= len(q.args) {
		return 0, ""
	}
	r, refusal := cl.route(q.cmd, q.args)
	if refusal != "" || r.local {
		return 0, refusal
	}
	for _, id := range r.shards {
		if id != r.shards[0] {
			return 0, "CROSSSLOT keys of several shards"
		}
	}
	return r.shards[0], ""
}

// transactRemote sends the commands with keys between MULTI and EXEC, and runs the others here.
func (x *exec) transactRemote(queue []queued, id int) {
	x.sendStrings(id, []string{"MULTI"})
	var pieces []piece
	for _, q := range queue {
		var p piece
		if q.cmd.first > 0 {
			x.gather(q.cmd, q.args, route{shards: []int{id}})
			p, x.pieces = x.pieces[0], x.pieces[:0]
		}
		pieces = append(pieces, p)
	}
	done := x.sendStrings(id, []string{"EXEC"})
	x.runLanes()
	x.lanes, x.pieces = nil, nil
	results, ok := done.reply().([]store.Reply)
	if !ok {
		reply.Write(x.w, done.reply())
		return
	}
	// From here on the parts of the pieces find their replies where EXEC gave them: behind the one of MULTI.
	done.lane.replies = append([]store.Reply{nil}, results...)
	x.w.Array(len(queue))
	for i, q := range queue {
		x.writeQueued(q, pieces[i])
	}
}

func (x *exec) writeQueued(q queued, p piece) {
	replies := make([]store.Reply, len(p.parts))
	for i, pt := range p.parts {
		replies[i] = pt.reply()
	}
	switch {
	case p.combine != nil:
		reply.Write(x.w, p.combine(replies))
	case len(replies) == 1:
		reply.Write(x.w, replies[0])
	default:
		x.invoke(q.cmd, q.args)
	}
}
