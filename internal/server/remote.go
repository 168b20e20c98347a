package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dunlin-db/dunlin/internal/reply"

	"github.com/dunlin-db/dunlin/internal/store"
)

// lane is the commands for one shard in another process: a Redis of this node, or a node that holds the shard.
type lane struct {
	shard   int
	cmds    [][]string
	replies []store.Reply
}

// part is where a reply, or a share of one, will be.
type part struct {
	lane *lane
	at   int
}

// piece is the reply of one gathered command.
type piece struct {
	parts []part
	// combine makes one reply of those of the parts; nil = the only part is the reply.
	combine func(replies []store.Reply) store.Reply
}

// errMissing stands for a reply that a process did not give.
var errMissing = fmt.Errorf("no reply: %w", store.ErrUnavailable)

// gather enters a command into the lanes of its keys: one piece more.
func (x *exec) gather(cmd *command, args [][]byte, r route) {
	if cmd.name == "zadd" && x.cl.srv.held[r.shards[0]] != nil {
		if x.gatherZadd(args, r.shards[0]) {
			return
		}
	}
	one := true
	for _, id := range r.shards[1:] {
		one = one && id == r.shards[0]
	}
	if one {
		x.pieces = append(x.pieces, piece{parts: []part{x.send(r.shards[0], args)}})
		return
	}
	x.split(cmd, args, r)
}

// refuse enters an error as the reply of a gathered command.
func (x *exec) refuse(text string) {
	x.pieces = append(x.pieces, piece{combine: func([]store.Reply) store.Reply { return errors.New(text) }})
}

// send appends a command to the lane of a shard. The arguments are copied, in one piece.
func (x *exec) send(id int, args [][]byte) part {
	var b strings.Builder
	for _, a := range args {
		b.Write(a)
	}
	all, cmd := b.String(), make([]string, len(args))
	for i, a := range args {
		cmd[i], all = all[:len(a)], all[len(a):]
	}
	return x.sendStrings(id, cmd)
}

func (x *exec) sendStrings(id int, cmd []string) part {
	var l *lane
	for _, have := range x.lanes {
		if have.shard == id {
			l = have
		}
	}
	if l == nil {
		l = &lane{shard: id}
		x.lanes = append(x.lanes, l)
	}
	l.cmds = append(l.cmds, cmd)
	return part{l, len(l.cmds) - 1}
}

// split sends each key of a command to its own shard and joins the replies, where that means the same.
func (x *exec) split(cmd *command, args [][]byte, r route) {
	var join func([]store.Reply) store.Reply
	switch cmd.name {
	case "del", "unlink", "exists", "touch":
		join = reply.Sum
	case "mget":
		join = reply.Concat
	case "mset":
		join = reply.AllOK
	default:
		x.refuse("CROSSSLOT the keys of this command are on several shards: use keys of one shard, or SELECT it")
		return
	}
	p := piece{combine: join}
	from, to, step := cmd.keys(len(args))
	for i, n := from, 0; i <= to; i, n = i+step, n+1 {
		one := append([][]byte{args[0]}, args[i:min(i+step, len(args))]...)
		p.parts = append(p.parts, x.send(r.shards[n], one))
	}
	x.pieces = append(x.pieces, p)
}

// collect sends the lanes, all at the same time, and writes the replies in the order of their commands.
func (x *exec) collect() {
	if len(x.pieces) == 0 {
		return
	}
	x.runLanes()
	for _, p := range x.pieces {
		replies := make([]store.Reply, len(p.parts))
		for i, pt := range p.parts {
			replies[i] = pt.reply()
		}
		from := len(x.w.Buf)
		if p.combine != nil {
			reply.Write(x.w, p.combine(replies))
		} else {
			reply.Write(x.w, replies[0])
		}
		x.limit(from)
	}
	x.lanes, x.pieces = nil, nil
}

func (p part) reply() store.Reply {
	if p.at >= len(p.lane.replies) {
		return unavailable(p.lane.shard, errMissing)
	}
	r := p.lane.replies[p.at]
	if err, ok := r.(error); ok && errors.Is(err, store.ErrUnavailable) {
		return unavailable(p.lane.shard, err)
	}
	return r
}

func unavailable(shard int, err error) error {
	return fmt.Errorf("UNAVAIL shard %d: %w", shard, err)
}

func (x *exec) runLanes() {
	srv, ctx, proto := x.cl.srv, x.cl.context(), x.cl.proto
	if len(x.lanes) == 1 {
		srv.do(ctx, x.lanes[0], proto)
		return
	}
	var wg sync.WaitGroup
	for _, l := range x.lanes {
		wg.Go(func() { srv.do(ctx, l, proto) })
	}
	wg.Wait()
}

// do sends one lane.
func (s *Server) do(ctx context.Context, l *lane, proto int) {
	switch h := s.held[l.shard]; {
	case h != nil && h.remote != nil:
		l.replies = h.remote.Do(ctx, proto, l.cmds)
	case s.cfg.Forward != nil && len(s.cfg.Topology.Holders(l.shard)) > 0:
		l.replies = s.cfg.Forward.Do(ctx, l.shard, proto, l.cmds)
	}
}
