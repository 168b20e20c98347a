package server

import (
	"fmt"

	"github.com/dunlin-db/dunlin/internal/reply"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// gatherZadd admits the points of a ZADD on a series key whose shard is a Redis of this node, and sends what is
// admitted. done is false when the command is none of its business: a plain key.
func (x *exec) gatherZadd(args [][]byte, id int) (done bool) {
	k, err := x.cl.srv.cfg.Topology.Layout.ParseKey(args[1])
	if err != nil {
		return false
	}
	from := 2
	for from < len(args) && (is(args[from], "nx") || is(args[from], "ch")) {
		from++
	}
	refusal := ""
	switch pairs := args[from:]; {
	case len(pairs) == 0 || len(pairs)%2 != 0:
		refusal = errSyntax
	case !floats(pairs):
		refusal = "ERR value is not a valid float"
	}
	if refusal != "" {
		x.refuse(refusal)
		return true
	}
	x.sendAdmitted(args, from, k, x.cl.srv.held[id].sh)
	return true
}

// sendAdmitted sends the points that pass; the reply names a refused one, if there are any.
func (x *exec) sendAdmitted(args [][]byte, from int, k series.Key, sh *shard.Shard) {
	total := (len(args) - from) / 2
	kept := append([][]byte{}, args[:from]...)
	var why error
	for i := from; i < len(args); i += 2 {
		if err := admit(sh, k, args[i], args[i+1]); err != nil {
			why = err
			continue
		}
		kept = append(kept, args[i], args[i+1])
	}
	points := (len(kept) - from) / 2
	var p piece
	if points > 0 {
		p.parts = []part{x.send(sh.ID(), kept)}
	}
	p.combine = func(rs []store.Reply) store.Reply {
		if err := reply.FirstError(rs); err != nil {
			return err
		}
		if len(rs) > 0 {
			added, _ := rs[0].(int64)
			sh.Wrote(points, int(added))
		}
		if why != nil {
			return fmt.Errorf("ERR %d of %d refused: %w; the rest is stored", total-points, total, why)
		}
		return rs[0]
	}
	x.pieces = append(x.pieces, p)
}

// admit says why a point is refused; it counts the refusal.
func admit(sh *shard.Shard, k series.Key, score, member []byte) error {
	p, err := series.ParseMember(member)
	if err == nil {
		if f, _ := keyspace.ParseFloat(score); !series.ScoreIs(f, p.TS) {
			err = series.ErrScore
		}
	}
	if err == nil {
		err = sh.Admit(k, p)
	}
	if err != nil {
		sh.CountRefused(1)
	}
	return err
}

// floats says whether all scores of score-member pairs are numbers.
func floats(pairs [][]byte) bool {
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := keyspace.ParseFloat(pairs[i]); !ok {
			return false
		}
	}
	return true
}
