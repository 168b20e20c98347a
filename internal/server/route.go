package server

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/series"
)

// route says where a command runs: on slots in memory (exec.need), or in other processes, shard by shard.
type route struct {
	local  bool
	shards []int // of each key, when not local
}

// place gives the shard of a key: of database 0 by the ring of the key's period, of SELECT i always i.
func (cl *client) place(key []byte) int {
	if cl.db > 0 {
		return cl.db
	}
	return cl.srv.cfg.Topology.ShardOf(key)
}

// placeFirst is place that keeps in exec.first what it found out.
func (cl *client) placeFirst(key []byte) int {
	f := &cl.exec.first
	f.Name = key
	f.Parsed, f.Err = cl.srv.cfg.Topology.Layout.ParseKey(key)
	if cl.db > 0 {
		return cl.db
	}
	return cl.srv.cfg.Topology.ShardOfParsed(key, f.Parsed, f.Err)
}

// keys gives the positions of a command's keys: from, to (inclusive) and step.
func (cmd *command) keys(n int) (from, to, step int) {
	to = cmd.last
	if to < 0 {
		to += n
	}
	return cmd.first, min(to, n-1), max(cmd.step, 1)
}

// route finds the places of a command's keys. refusal is an error reply when it can not run.
func (cl *client) route(cmd *command, args [][]byte) (r route, refusal string) {
	x := cl.exec
	x.need = x.need[:0]
	from, to, step := cmd.keys(len(args))
	x.first = keycmd.FirstKey{}
	local, away := 0, 0
	for i := from; i <= to; i += step {
		id := 0
		if i == from {
			id = cl.placeFirst(args[i])
		} else {
			id = cl.place(args[i])
		}
		h := cl.srv.held[id]
		switch {
		case h == nil && cl.db > 0:
			return r, cl.srv.wrongShard(id)
		case h != nil && h.slot != nil:
			local++
			if i == from {
				x.first.Slot = h.slot
			}
			if cl.db == 0 && keycmd.IsJournal(args[i]) {
				x.need = append(x.need[:0], cl.srv.slots...)
				break
			}
			x.needSlot(h.slot)
		default:
			away++
		}
	}
	if away == 0 {
		return route{local: true}, ""
	}
	if local > 0 {
		return r, "CROSSSLOT some keys of this command are on this node and some on others: send one command per key"
	}
	for i := from; i <= to; i += step {
		r.shards = append(r.shards, cl.place(args[i]))
	}
	return r, cl.checkKeys(cmd, args)
}

// readsJournals says whether a command of database 0 reads a journal on a node whose shards are other processes: it is
// merged over all held shards, as on slots in memory.
func (cl *client) readsJournals(cmd *command, args [][]byte) bool {
	if cl.db > 0 || len(cl.srv.journals) == 0 || len(args) < 2 || !keycmd.IsJournal(args[cmd.first]) {
		return false
	}
	switch cmd.name {
	case "zrange", "zrevrange", "zrangebyscore", "zrevrangebyscore", "zcard", "zcount", "zscore", "zmscore", "zrank",
		"zrevrank", "type":
		return true
	}
	return false
}

// checkKeys refuses what a Redis process would accept but the data model does not.
func (cl *client) checkKeys(cmd *command, args [][]byte) string {
	from, to, step := cmd.keys(len(args))
	write := cmd.flags&flagWrite != 0
	for i := from; i <= to; i += step {
		k, err := cl.srv.cfg.Topology.Layout.ParseKey(args[i])
		switch {
		case err == nil:
			why := keycmd.CheckSeries(cmd.name, args[1:])
			if why != "" && !cl.srv.belowFloor(cl.place(args[i]), k.Period) {
				return why
			}
		case !errors.Is(err, series.ErrPlain):
			return "ERR bad series key: " + err.Error()
		case write && bytes.HasPrefix(args[i], []byte("dn:")):
			return keycmd.ErrReserved
		}
	}
	return ""
}

func (s *Server) belowFloor(shard int, p series.Period) bool {
	h := s.held[shard]
	return h != nil && p < h.sh.Floor()
}

// wrongShard names a node that holds the shard.
func (s *Server) wrongShard(id int) string {
	for _, n := range s.cfg.Topology.Holders(id) {
		if s.cfg.Self == nil || n.Name != s.cfg.Self.Name {
			return fmt.Sprintf("WRONGSHARD %d %s", id, n.HostPort())
		}
	}
	return fmt.Sprintf("UNAVAIL shard %d: no node of the topology holds it", id)
}
