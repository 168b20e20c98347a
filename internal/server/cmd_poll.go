package server

import (
	"strconv"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// polled is what a peer's poll finds, read at one instant where the store is in memory.
type polled struct {
	epoch      string
	list, late []store.Change
	states     []store.State // of list, nil = the store can not tell
}

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
	var got polled
	err := shards[0].View(func(st store.Store) error { return c.poll(st, &got, n, shards[0].Layout()) })
	if !c.failed(shards[0], err) {
		c.writePolled(&got)
	}
}

// poll reads the epoch before the journals, and the keys after them.
func (c *call) poll(st store.Store, got *polled, n [3]int64, l series.Layout) (err error) {
	if got.epoch, err = st.Epoch(c.ctx); err != nil {
		return err
	}
	if got.list, err = st.Changes(c.ctx, n[0], int(n[2])); err != nil {
		return err
	}
	if got.late, err = st.LateChanges(c.ctx, n[1], int(n[2])); err != nil {
		return err
	}
	s, ok := st.(store.Stater)
	if !ok {
		return nil
	}
	keys := make([]series.Key, len(got.list))
	for i, ch := range got.list {
		if keys[i], err = l.ParseKey([]byte(ch.Key)); err != nil {
			return err
		}
	}
	got.states, err = s.States(c.ctx, keys)
	return err
}

func (c *call) writePolled(got *polled) {
	var buf []byte
	c.w.Array(3)
	c.w.BulkString(got.epoch)
	c.w.Array(4 * len(got.list))
	for i, ch := range got.list {
		c.w.BulkString(ch.Key)
		c.w.Int(ch.Score)
		if got.states == nil || len(got.states[i].Newest.Value) == 0 {
			c.w.BulkString("")
			c.w.BulkString("")
			continue
		}
		buf = got.states[i].AppendSum(buf[:0])
		c.w.Bulk(buf)
		buf = series.AppendMember(buf[:0], got.states[i].Newest)
		c.w.Bulk(buf)
	}
	c.w.Array(2 * len(got.late))
	for _, ch := range got.late {
		c.w.BulkString(ch.Key)
		c.w.Int(ch.Score)
	}
}
