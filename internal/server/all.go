package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/reply"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// runAll runs a command over all shards of the client's database.
func (x *exec) runAll(cmd *command, args [][]byte) {
	x.collect()
	cl := x.cl
	shards := cl.srv.shards
	if cl.db > 0 {
		if cl.srv.held[cl.db] == nil {
			x.settle()
			x.w.Error(cl.srv.wrongShard(cl.db))
			return
		}
		shards = []int{cl.db}
	}
	if len(shards) > 0 && cl.srv.held[shards[0]].remote != nil {
		x.unlock()
		x.runAllRemote(cmd, args, shards)
		return
	}
	if cmd.flags&flagWrite == 0 && anyLoading(cl.slotsOfDB()) {
		x.settle()
		x.w.Error(errLoading)
		return
	}
	x.lock(cl.slotsOfDB())
	x.invoke(cmd, args)
}

// runAllRemote is runAll over Redis processes.
func (x *exec) runAllRemote(cmd *command, args [][]byte, shards []int) {
	switch cmd.name {
	case "scan":
		x.scan(args, shards)
	case "flushall", "flushdb":
		reply.Write(x.w, x.flush(shards))
	default:
		p := piece{combine: reply.Sum}
		if cmd.name == "keys" {
			p.combine = reply.Concat
		}
		for _, id := range shards {
			p.parts = append(p.parts, x.send(id, args))
		}
		x.pieces = append(x.pieces, p)
	}
}

// scan walks the shards one after the other. The cursor is theirs times the number of shards, plus the index of the
// shard.
func (x *exec) scan(args [][]byte, shards []int) {
	cursor, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil {
		x.w.Error("ERR invalid cursor")
		return
	}
	n := uint64(len(shards))
	at := cursor % n
	own := slices.Clone(args)
	own[1] = strconv.AppendUint(nil, cursor/n, 10)
	next := func(rs []store.Reply) store.Reply {
		r, _ := rs[0].([]store.Reply)
		if len(r) != 2 {
			return rs[0]
		}
		text, _ := r[0].(string)
		inner, err := strconv.ParseUint(text, 10, 64)
		switch {
		case err != nil:
			return fmt.Errorf("ERR a cursor of shard %d: %w", shards[at], err)
		case inner > 0:
			inner = inner*n + at
		case at+1 < n:
			inner = at + 1
		}
		return []store.Reply{strconv.FormatUint(inner, 10), r[1]}
	}
	x.pieces = append(x.pieces, piece{parts: []part{x.send(shards[at], own)}, combine: next})
}

// flush unlinks the plain keys, in batches. Series keys and the journals stay.
func (x *exec) flush(shards []int) store.Reply {
	srv := x.cl.srv
	for _, id := range shards {
		for cursor := "0"; ; {
			r := srv.ask(x.cl, id, []string{"SCAN", cursor, "COUNT", "1000"})
			page, _ := r.([]store.Reply)
			if len(page) != 2 {
				return r
			}
			cursor, _ = page[0].(string)
			keys, _ := page[1].([]store.Reply)
			unlink := []string{"UNLINK"}
			for _, k := range keys {
				if name, _ := k.(string); srv.flushable([]byte(name)) {
					unlink = append(unlink, name)
				}
			}
			if len(unlink) > 1 {
				if err, ok := srv.ask(x.cl, id, unlink).(error); ok {
					return err
				}
			}
			if cursor == "0" {
				break
			}
		}
	}
	return store.Simple("OK")
}

// ask sends one command to a shard in another process and waits.
func (s *Server) ask(cl *client, shard int, cmd []string) store.Reply {
	l := &lane{shard: shard, cmds: [][]string{cmd}}
	s.do(cl.context(), l, 2)
	return part{l, 0}.reply()
}

func (s *Server) flushable(key []byte) bool {
	_, err := s.cfg.Topology.Layout.ParseKey(key)
	return errors.Is(err, series.ErrPlain) && string(key) != "journal" && (len(key) < 3 || string(key[:3]) != "dn:")
}
