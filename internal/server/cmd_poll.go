package server

import (
	"strconv"

	"github.com/dunlin-db/dunlin/internal/reply"
	"github.com/dunlin-db/dunlin/internal/store"
)

// cmdPoll: DN.POLL journal-from late-from limit, on the database of one shard, gives [epoch, journal, late journal]:
// entries with a score from there on, at most limit each. An entry of the journal is key, score, the sum of the key's
// digest in 16 bytes and its newest member, both "" where the store does not know; a late one is key#hour and score.
func cmdPoll(c *call) {
	var n [3]int64
	for i := range n {
		v, err := strconv.ParseInt(string(c.args[i+1]), 10, 64)
		if err != nil || v < 0 {
			c.w.Error("ERR value is not an integer or out of range")
			return
		}
		n[i] = v
	}
	shards, ok := c.held()
	if !ok {
		return
	}
	if len(shards) != 1 {
		c.w.Error("ERR SELECT a shard first")
		return
	}
	var got store.Polled
	err := shards[0].View(func(st store.Store) (err error) {
		got, err = store.Poll(c.ctx, st, store.PollQuery{Journal: n[0], Late: n[1], Limit: int(n[2])}, shards[0].Layout())
		return err
	})
	if !c.failed(shards[0], err) {
		reply.WritePolled(c.w, &got)
	}
}
