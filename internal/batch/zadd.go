package batch

import (
	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// ZAdd gathers ZADD key ts ts:value [ts ts:value …] on a series of a shard in memory. db is the connection's database.
// false: it is not that ordinary, and nothing was taken.
func (b *Batch) ZAdd(db int, args [][]byte) bool {
	if len(args) == 4 && string(args[1]) == "journal" {
		return b.journal(args[2], args[3])
	}
	if len(args) < 4 || len(args)%2 != 0 || !b.enter(db, args[1]) {
		return false
	}
	had := len(b.where)
	name := args[1][b.periodLen+1:]
	for i := 2; i < len(args); i += 2 {
		put := store.Put{Series: name, Period: b.key.period}
		if !b.member(&put, args[i], args[i+1]) {
			b.rewind(had)
			return false
		}
		b.take(b.key.lane, put)
	}
	b.lastKey = args[1]
	b.commands = append(b.commands, command{zadd, len(args)/2 - 1})
	return true
}

// journal gathers ZADD journal score key right behind a ZADD of the key, which is how the writers of 2012 send each
// point. The journal is the shard's own change order: nothing is stored, only answered.
func (b *Batch) journal(score, key []byte) bool {
	if len(b.lastKey) == 0 || string(key) != string(b.lastKey) {
		return false
	}
	if _, ok := keyspace.ParseFloat(score); !ok {
		return false
	}
	b.commands = append(b.commands, command{kind: journal})
	return true
}

// replyJournal answers as a sorted set that has every key with points.
func (b *Batch) replyJournal(w *resp.Writer) {
	p := b.last
	if p.Err == nil || b.hasPoints(p) {
		w.Int(0)
		return
	}
	w.Int(1)
}

// hasPoints says whether the series of a refused point has others.
func (b *Batch) hasPoints(p *store.Put) bool {
	k, err := series.ParseSeries(p.Series)
	if err != nil {
		return false
	}
	k.Period = p.Period
	tx := b.lanes[b.lastLane].sh.Begin()
	defer tx.End()
	return tx.Store.(store.Local).Card(k) > 0
}

// enter makes b.key that of a key. false: the key is not one of a shard in memory.
func (b *Batch) enter(db int, key []byte) bool {
	if len(key) > series.MaxKey {
		return false
	}
	if b.key.goesOn(db, key) {
		return true
	}
	k, err := b.topology.Layout.ParseKey(key)
	return err == nil && b.place(&b.key, db, k, key[:len(key)-len(k.Metric())])
}

// member reads a member of the present run.
func (b *Batch) member(put *store.Put, score, member []byte) bool {
	n := len(score)
	if n == 0 || n >= len(member) || member[n] != ':' || string(member[:n]) != string(score) {
		return b.oddMember(put, score, member)
	}
	if string(score) != string(b.time.text) && !b.stamp(score) {
		return false
	}
	put.Member, put.TS, put.Frac, put.ValueAt = member, b.time.ts, b.time.frac, uint8(n+1)
	return b.time.ts >= b.key.first && b.time.ts <= b.key.last && series.CleanValue(member[n+1:])
}

// oddMember is member for a score that is not spelled as the member's timestamp, such as 1795348800.0.
func (b *Batch) oddMember(put *store.Put, score, member []byte) bool {
	f, ok := keyspace.ParseFloat(score)
	p, err := series.ParseMember(member)
	if !ok || err != nil || !series.ScoreIs(f, p.TS) || p.TS < b.key.first || p.TS > b.key.last {
		return false
	}
	put.Member, put.TS, put.Frac, put.ValueAt = member, p.TS, p.Frac, uint8(len(member)-len(p.Value))
	return true
}

// stamp makes time that of a text.
func (b *Batch) stamp(text []byte) (ok bool) {
	t := &b.time
	t.text = t.text[:0]
	if t.ts, t.frac, ok = series.ParseTime(text); ok {
		t.text = append(t.text, text...)
	}
	return ok
}
