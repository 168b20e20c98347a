package server

import (
	"github.com/dunlin-db/dunlin/internal/batch"
	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/reply"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// manyPoint is one point of a DN.MADD: refused, stored here, or on its way.
type manyPoint struct {
	why error        // refused
	at  part         // lane nil = it is not on its way
	sh  *shard.Shard // a shard of this node on Redis that it is on its way to
}

// gatherMAdd takes DN.MADD and DN.MADDT where a batch can not: some shards are on Redis or on other nodes. A point for
// one of these travels as a ZADD of its own.
func (x *exec) gatherMAdd(cmd *command, args [][]byte) {
	shared, step := 1, 2 // DN.MADD ts series value …
	if cmd.name == "dn.maddt" {
		shared, step = 0, 3
	}
	if (len(args)-1-shared)%step != 0 {
		x.refuse("ERR wrong number of arguments for '" + cmd.name + "' command")
		return
	}
	if _, _, ok := series.ParseTime(args[1]); !ok && shared == 1 {
		x.refuse("ERR " + batch.ErrTime.Error())
		return
	}
	var points []manyPoint
	var p piece
	for i := 1 + shared; i < len(args); i += step {
		ts := args[1]
		if shared == 0 {
			ts = args[i]
		}
		pt := x.sendPoint(ts, args[i+1-shared], args[i+2-shared])
		if pt.at.lane != nil {
			p.parts = append(p.parts, pt.at)
		}
		points = append(points, pt)
	}
	p.combine = func(replies []store.Reply) store.Reply { return manyReply(points, replies) }
	x.pieces = append(x.pieces, p)
}

// sendPoint stores one point, sends it on its way or refuses it.
func (x *exec) sendPoint(ts, name, value []byte) manyPoint {
	layout := x.cl.srv.cfg.Topology.Layout
	millis, frac, ok := series.ParseTime(ts)
	if !ok {
		return manyPoint{why: batch.ErrTime}
	}
	if !series.CleanValue(value) {
		return manyPoint{why: series.ErrValue}
	}
	k, err := series.ParseSeries(name)
	if err != nil {
		return manyPoint{why: err}
	}
	k.Period = layout.PeriodOf(millis)
	pt := series.Point{TS: millis, Frac: frac, Value: value}
	key, member := layout.AppendKey(nil, k), series.AppendMember(nil, pt)
	if len(key) > series.MaxKey {
		return manyPoint{why: series.ErrKeyTooLong}
	}
	id := x.cl.db
	if id == 0 {
		id = x.cl.srv.cfg.Topology.ShardOfSeries(key, k)
	}
	zadd := [][]byte{[]byte("ZADD"), key, ts, member}
	switch h := x.cl.srv.held[id]; {
	case h == nil && x.cl.db > 0:
		return manyPoint{why: errorReply(x.cl.srv.wrongShard(id))}
	case h == nil:
		return manyPoint{at: x.send(id, zadd)}
	case h.slot != nil:
		logged, why := h.put(k, pt, member)
		x.logged = max(x.logged, logged)
		return manyPoint{why: why}
	default:
		if err := h.sh.Admit(k, pt); err != nil {
			h.sh.CountRefused(1)
			return manyPoint{why: err}
		}
		return manyPoint{at: x.send(id, zadd), sh: h.sh}
	}
}

// put stores a point in memory; logged is what must be written to the log before that is said.
func (h *holding) put(k series.Key, pt series.Point, member []byte) (logged wal.LSN, why error) {
	puts := []store.Put{{
		Series: k.Series, Member: member, TS: pt.TS, Period: k.Period,
		ValueAt: uint8(len(member) - len(pt.Value)), Frac: pt.Frac,
	}}
	tx := h.sh.Begin()
	defer tx.End()
	tx.Put(puts)
	return tx.Logged(), puts[0].Err
}

// errorReply is an error reply, code and all.
type errorReply string

func (e errorReply) Error() string { return string(e) }

// manyReply is the reply of a DN.MADD; replies are those of the points that were on their way.
func manyReply(points []manyPoint, replies []store.Reply) store.Reply {
	refused := []store.Reply{}
	for i, p := range points {
		why, text := p.why, ""
		if reply, ok := why.(errorReply); ok {
			text = string(reply)
		} else if why != nil {
			text = keycmd.RefusalText(why)
		}
		if p.at.lane != nil {
			r := replies[0]
			replies = replies[1:]
			if err, ok := r.(error); ok {
				why, text = err, reply.ErrorText(err)
			} else if p.sh != nil {
				added, _ := r.(int64)
				p.sh.Wrote(1, int(added))
			}
		}
		if why != nil {
			refused = append(refused, []store.Reply{int64(i), text})
		}
	}
	stored := int64(len(points) - len(refused))
	if len(refused) == 0 {
		return stored
	}
	return append([]store.Reply{stored}, refused...)
}
