package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/internal/reply"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
)

// held gives the shards of the client's database; ok is false when the error reply is written.
func (c *call) held() (shards []*shard.Shard, ok bool) {
	if c.cl.db > 0 {
		h := c.srv.held[c.cl.db]
		if h == nil {
			c.w.Error(c.srv.wrongShard(c.cl.db))
			return nil, false
		}
		return []*shard.Shard{h.sh}, true
	}
	return c.srv.account.Shards, true
}

// failed writes the error reply for a shard, if there is an error.
func (c *call) failed(sh *shard.Shard, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, store.ErrUnavailable):
		c.w.Error(unavailable(sh.ID(), err).Error())
	default:
		c.w.Error(fmt.Sprintf("ERR shard %d: %v", sh.ID(), err))
	}
	return true
}

// each calls fn for the shards of the client's database; false: an error reply is written.
func (c *call) each(fn func(sh *shard.Shard) error) bool {
	shards, ok := c.held()
	for _, sh := range shards {
		if c.failed(sh, fn(sh)) {
			return false
		}
	}
	return ok
}

// cmdEpoch: DN.EPOCH names the incarnation of the data. Database 0 joins those of its shards.
func cmdEpoch(c *call) {
	var all []string
	if c.each(func(sh *shard.Shard) error {
		epoch, err := sh.Reader().Epoch(c.ctx)
		all = append(all, epoch)
		return err
	}) {
		c.w.BulkString(strings.Join(all, "+"))
	}
}

// cmdHeads: DN.HEADS gives the highest scores of the journal and of the late journal.
func cmdHeads(c *call) {
	var journal, late int64
	if c.each(func(sh *shard.Shard) error {
		j, l, err := sh.Reader().Heads(c.ctx)
		journal, late = max(journal, j), max(late, l)
		return err
	}) {
		c.w.Array(2)
		c.w.Int(journal)
		c.w.Int(late)
	}
}

// cmdHourSums: DN.HOURSUMS 2026-11-22T13 key… gives 40 hexadecimal digits a key, or "" where the hour is empty.
func cmdHourSums(c *call) {
	hour, ok := series.Hour.ParsePeriod(c.args[1])
	if !ok {
		c.w.Error("ERR want an hour such as 2026-11-22T13")
		return
	}
	if _, ok := c.held(); !ok {
		return
	}
	asked := map[int][]int{} // shard → indexes into keys
	keys := make([]series.Key, len(c.args)-2)
	for i, arg := range c.args[2:] {
		k, err := c.srv.cfg.Topology.Layout.ParseKey(arg)
		id := c.cl.place(arg)
		switch {
		case err != nil:
			c.w.Error("ERR bad series key: " + err.Error())
			return
		case c.srv.held[id] == nil:
			c.w.Error(c.srv.wrongShard(id))
			return
		}
		keys[i] = k
		asked[id] = append(asked[id], i)
	}
	sums := make([]string, len(keys))
	for id, at := range asked {
		var some []series.Key
		for _, i := range at {
			some = append(some, keys[i])
		}
		sh := c.srv.held[id].sh
		got, err := sh.Reader().HourSums(c.ctx, int64(hour), some)
		if c.failed(sh, err) {
			return
		}
		for n, i := range at {
			if got[n] != (store.Sum{}) {
				sums[i] = hex.EncodeToString(got[n][:])
			}
		}
	}
	c.w.Array(len(sums))
	for _, s := range sums {
		c.w.BulkString(s)
	}
}

// keyDigest is the digest of one key.
type keyDigest struct {
	key    string
	digest store.Digest
}

// cmdDigest: DN.DIGEST PERIOD gives [keys, points, sum]; with KEYS, key, points and sum of each.
func cmdDigest(c *call) {
	p, ok := c.period(c.args[1])
	if !ok {
		return
	}
	if len(c.args) > 3 || len(c.args) == 3 && !is(c.args[2], "keys") {
		c.w.Error(errSyntax)
		return
	}
	var keys []keyDigest
	var sum store.Digest
	if !c.each(func(sh *shard.Shard) error {
		return sh.Reader().Digests(c.ctx, p, func(k series.Key, d store.Digest) error {
			if len(c.args) == 3 {
				keys = append(keys, keyDigest{string(sh.Layout().AppendKey(nil, k)), d})
			} else {
				keys = append(keys, keyDigest{})
			}
			sum.Add(d)
			return nil
		})
	}) {
		return
	}
	if len(c.args) == 2 {
		c.w.Array(3)
		c.w.Int(int64(len(keys)))
		c.w.Int(sum.Points)
		c.w.BulkString(sum.Hex())
		return
	}
	slices.SortFunc(keys, func(a, b keyDigest) int { return strings.Compare(a.key, b.key) })
	c.w.Array(3 * len(keys))
	for _, k := range keys {
		c.w.BulkString(k.key)
		c.w.Int(k.digest.Points)
		c.w.BulkString(k.digest.Hex())
	}
}

// cmdPeriods: DN.PERIODS gives the periods that hold keys, lowest first.
func cmdPeriods(c *call) {
	var all []series.Period
	if !c.each(func(sh *shard.Shard) error {
		some, err := sh.Reader().Periods(c.ctx)
		all = append(all, some...)
		return err
	}) {
		return
	}
	slices.Sort(all)
	all = slices.Compact(all)
	c.w.Array(len(all))
	for _, p := range all {
		c.w.BulkString(c.srv.cfg.Topology.Layout.PeriodString(p))
	}
}

// cmdOrder hands on what an operator tells the whole node: DN.DROP, DN.FORGET, DN.FLOOR, DN.BACKUP.
func cmdOrder(c *call) {
	if c.srv.cfg.Order == nil {
		c.w.Error("ERR nobody carries this out here")
		return
	}
	got, err := c.srv.cfg.Order(c.ctx, c.srv.lookup(c.args[0]).name, c.args[1:])
	switch n, isInt := got.(int64); {
	case err != nil:
		c.w.Error(reply.ErrorText(err))
	case isInt:
		c.w.Int(n)
	default:
		c.w.BulkString(fmt.Sprint(got))
	}
}

// cmdDrop: DN.DROP PERIOD drops the period and what is older, everywhere. After SELECT i it is shard i of this node
// alone.
func cmdDrop(c *call) {
	if c.cl.db == 0 && c.srv.cfg.Order != nil {
		cmdOrder(c)
		return
	}
	p, ok := c.period(c.args[1])
	if !ok {
		return
	}
	now := c.srv.cfg.Topology.Layout.PeriodOf(c.srv.cfg.Clock().UnixMilli())
	if p >= now {
		c.w.Error("ERR only a period before the current one, " +
			c.srv.cfg.Topology.Layout.PeriodString(now) + ", can be dropped")
		return
	}
	total := int64(0)
	if c.each(func(sh *shard.Shard) error {
		n, err := sh.Drop(c.ctx, p+1)
		sh.Tidy()
		total += int64(n)
		return err
	}) {
		c.w.Int(total)
	}
}
