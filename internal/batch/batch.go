package batch

import (
	"slices"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/ring"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/wal"
)

// maxPoints is how many points are gathered before they are stored.
const maxPoints = 4096

// Batch is points of commands that wait to be stored. It belongs to one connection at a time.
type Batch struct {
	topology  *ring.Topology
	periodLen int    // bytes of a period in a key
	lanes     []lane // by shard number; one without a shard takes nothing
	commands  []command
	where     []uint16 // lane of each point, in the order of the commands
	text      []byte   // members that no command spells out
	bad       []Refused
	logged    wal.LSN
	lastKey   []byte     // of the ZADD that was taken last, empty when it was something else
	last      *store.Put // the last of the ZADD whose reply was written last, and its lane
	lastLane  uint16

	key  run // of ZADD
	host run // of DN.MADD
	time stamp
}

// lane is the points of one shard.
type lane struct {
	sh   *shard.Shard
	puts []store.Put
	next int // the first whose reply is not written
}

// refusedLane is the lane of points that never reach a shard.
const refusedLane = 0

// command is a command that waits for its reply.
type command struct {
	kind   kind
	points int
}

type kind uint8

const (
	zadd    kind = iota
	many         // DN.MADD: each refusal is named
	journal      // ZADD journal of the key before it
)

// run is what the last key told, so that the next of the same host need not be looked at as closely.
type run struct {
	db      int
	prefix  []byte // period:host: of keys, host: of series; empty = nothing is known
	period  series.Period
	first   int64 // ms, of the period
	last    int64
	lane    int
	perHost bool // the ring looks at the host only, so that all of it is in one lane
}

// goesOn says whether a key, or a series, is of the same host as the last.
func (r *run) goesOn(db int, key []byte) bool {
	n := len(r.prefix)
	return n > 0 && r.perHost && db == r.db && len(key) > n && string(key[:n]) == string(r.prefix)
}

// place finds the lane of a parsed key; prefix is what keys of its host begin with. false: it is no shard in memory.
func (b *Batch) place(r *run, db int, k series.Key, prefix []byte) bool {
	r.prefix = r.prefix[:0]
	placed := b.topology.RingFor(k.Period)
	r.db, r.lane = db, db
	if db == 0 {
		r.lane = b.topology.ShardOfSeries(b.fullKey(placed, k), k)
	}
	if r.lane >= len(b.lanes) || b.lanes[r.lane].sh == nil {
		return false
	}
	r.perHost = db > 0 || placed.Hash == ring.HashHost
	if r.period != k.Period || r.last == 0 {
		r.period = k.Period
		r.first, r.last = b.topology.Layout.Span(k.Period)
	}
	r.prefix = append(r.prefix, prefix...)
	return true
}

// fullKey spells out a key for the one ring that looks at all of it.
func (b *Batch) fullKey(r *ring.Ring, k series.Key) []byte {
	if r.Hash != ring.HashCraigslist {
		return nil
	}
	return b.topology.Layout.AppendKey(nil, k)
}

// stamp is the last timestamp: most points of a batch have the same.
type stamp struct {
	text []byte
	ts   int64 // ms
	frac uint8
}

// New makes a Batch for the shards in memory of a node.
func New(t *ring.Topology, shards []*shard.Shard) *Batch {
	b := &Batch{topology: t, periodLen: len(t.Layout.String()), lanes: make([]lane, t.Shards()+1)}
	for _, sh := range shards {
		b.lanes[sh.ID()].sh = sh
	}
	return b
}

// Empty says that nothing waits.
func (b *Batch) Empty() bool { return len(b.commands) == 0 }

// Full says that it is time to Commit.
func (b *Batch) Full() bool { return len(b.where) >= maxPoints }

// Commit stores what was gathered and writes the replies.
func (b *Batch) Commit(w *resp.Writer) {
	for i := range b.lanes {
		if l := &b.lanes[i]; len(l.puts) > 0 {
			b.logged = max(b.logged, l.store())
		}
	}
	at := 0
	for _, c := range b.commands {
		b.reply(w, c, b.where[at:at+c.points])
		at += c.points
	}
	b.reset()
}

// store gives the place in the log that must be written before the replies leave, 0 when nothing was logged.
func (l *lane) store() wal.LSN {
	if l.sh == nil {
		return 0 // refused already
	}
	tx := l.sh.Begin()
	defer tx.End()
	tx.Put(l.puts)
	return tx.Logged()
}

// Logged is the place in the log up to which it must be written before the replies of all Commits so far leave, and
// forgets it.
func (b *Batch) Logged() wal.LSN {
	n := b.logged
	b.logged = 0
	return n
}

// reset forgets everything, what was not stored too.
func (b *Batch) reset() {
	for i := range b.lanes {
		l := &b.lanes[i]
		if cap(l.puts) > maxPoints {
			l.puts = nil
		}
		l.puts, l.next = l.puts[:0], 0
	}
	b.commands, b.where, b.text = b.commands[:0], b.where[:0], b.text[:0]
	b.lastKey, b.last = nil, nil
}

// Abandon forgets what was gathered.
func (b *Batch) Abandon() { b.reset() }

// one is the reply of nearly every command.
var one = []byte(":1\r\n")

// reply writes the reply of a command whose points are in these lanes.
func (b *Batch) reply(w *resp.Writer, c command, where []uint16) {
	switch c.kind {
	case many:
		b.replyMany(w, where)
		return
	case journal:
		b.replyJournal(w)
		return
	}
	if len(where) == 1 {
		if p := b.answered(where[0]); p.Added {
			b.last, b.lastLane = p, where[0]
			w.Raw(one)
			return
		}
		b.lanes[where[0]].next--
	}
	added := 0
	var refused keycmd.Refusals
	for _, lane := range where {
		p := b.answered(lane)
		b.last, b.lastLane = p, lane
		switch {
		case p.Added:
			added++
		case p.Err == nil:
		case p.BadKey:
			w.Error("ERR bad series key: " + p.Err.Error())
			return
		default:
			refused.Add(p.Err)
		}
	}
	if refused.N > 0 {
		w.Error(refused.Reply(c.points))
		return
	}
	w.Int(int64(added))
}

// replyMany writes how many points are stored and, if some are not, an array of that and a pair for each refused one.
func (b *Batch) replyMany(w *resp.Writer, where []uint16) {
	b.bad = b.bad[:0]
	for i, lane := range where {
		if p := b.answered(lane); p.Err != nil {
			b.bad = append(b.bad, Refused{i, p.Err})
		}
	}
	WriteMany(w, len(where), b.bad)
	clear(b.bad)
}

// answered gives the next point of a lane.
func (b *Batch) answered(lane uint16) *store.Put {
	l := &b.lanes[lane]
	l.next++
	return &l.puts[l.next-1]
}

// Refused is a point of a DN.MADD that is not stored.
type Refused struct {
	Index int // of the point in its command
	Why   error
}

// WriteMany writes the reply of DN.MADD and DN.MADDT: the number of points stored, those that were there already
// included; or, when some were refused, an array of that number and [index, error] for each of these.
func WriteMany(w *resp.Writer, points int, refused []Refused) {
	if len(refused) == 0 {
		w.Int(int64(points))
		return
	}
	w.Array(1 + len(refused))
	w.Int(int64(points - len(refused)))
	var why error // mostly one for all
	var text string
	for i, r := range refused {
		if r.Why != why {
			why, text = r.Why, keycmd.RefusalText(r.Why)
			w.Buf = slices.Grow(w.Buf, (len(refused)-i)*(len(text)+len("*2\r\n:1000000\r\n$100\r\n\r\n")))
		}
		w.Array(2)
		w.Int(int64(r.Index))
		w.BulkString(text)
	}
}

// take makes an empty put in a lane and gives it, good until the next.
func (b *Batch) take(lane int) *store.Put {
	l := &b.lanes[lane]
	b.where = append(b.where, uint16(lane))
	if n := len(l.puts); n < cap(l.puts) {
		l.puts = l.puts[:n+1]
		p := &l.puts[n]
		p.Added, p.BadKey, p.Err = false, false, nil
		return p
	}
	l.puts = append(l.puts, store.Put{})
	return &l.puts[len(l.puts)-1]
}
