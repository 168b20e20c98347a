package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
)

// ErrUnavailable: the store can not be reached now. The operation may or may not have happened; repeating it is safe.
var ErrUnavailable = errors.New("store unavailable")

// The limits of a store in memory. Nothing of what they refuse was stored; it may be taken later.
var (
	// ErrDamaged: a point belongs between others that can not be read.
	ErrDamaged = errors.New("the memory that holds this series is damaged; it is mended from a peer as soon as one has " +
		"the same points: send it again later")
	// ErrMemory: what the node may use of memory is used up.
	ErrMemory = errors.New("used memory > 'maxmemory'")
	// ErrSeriesLimit: the period has as many series as it may have.
	ErrSeriesLimit = errors.New("too many series")
)

// Group is some points of one key.
type Group struct {
	Key    series.Key
	Points []series.Point // any order; duplicates are harmless
	Added  int            // set by Unite: how many were not in the set before
	// Refused is set by Unite where a limit of the store kept points out: how many, and why the first. Only points
	// without a peer are refused so.
	Refused int
	Why     error
}

// Put is one point of a live writer. Its bytes are the caller's and are not kept.
type Put struct {
	Series  []byte // host:metric; only a series the store does not know yet is checked against the grammar
	Member  []byte // ts:value, as it would stand in a sorted set
	TS      int64  // ms, as Member spells it
	Period  series.Period
	ValueAt uint8 // the value is Member[ValueAt:]
	Frac    uint8 // fraction digits of Member's timestamp

	Added  bool  // set: it was not in the set before
	BadKey bool  // set: Err is about Series
	Err    error // set: why it was refused. A put that comes with one is passed over
}

// Point is the point of the put.
func (p *Put) Point() series.Point {
	return series.Point{TS: p.TS, Frac: p.Frac, Value: p.Member[p.ValueAt:]}
}

// Runs gives puts as groups: those of a key that follow each other are one. What does not parse is left out.
func Runs(puts []Put) (groups []Group) {
	for i := range puts {
		p := &puts[i]
		if i == 0 || p.Period != puts[i-1].Period || !bytes.Equal(p.Series, puts[i-1].Series) {
			k, err := series.ParseSeries(p.Series)
			if k.Period = p.Period; err != nil {
				k = series.Key{}
			}
			groups = append(groups, Group{Key: k})
		}
		g := &groups[len(groups)-1]
		g.Points = append(g.Points, p.Point())
	}
	return slices.DeleteFunc(groups, func(g Group) bool { return g.Key.Series == nil })
}

// Change is an entry of a journal.
type Change struct {
	Key   string // the series key; in the late journal key#hour, hour as 2006-01-02T15
	Score int64  // µs; strictly rising with every change of one store
	State *State // of the key, where a Poller tells it; nil elsewhere
}

// Mark is how far a key of one peer has been taken over.
type Mark struct {
	TS    int64 // ms: the newest timestamp seen from that peer
	Score int64 // the journal score that was handled last
}

// Cursor is how far a peer's journals have been followed.
type Cursor struct {
	Epoch   string // the peer's epoch when Journal and Late were written; "" = never
	Journal int64  // µs, score in the peer's journal
	Late    int64  // µs, score in the peer's late journal
}

// Origin says on whose behalf points are united, so that the store keeps cursor and marks together with the data.
// The zero Origin (local writes) keeps none.
type Origin struct {
	Peer   string // name of the peer, "" for local writes
	Marks  map[string]Mark
	Cursor *Cursor // one without an Epoch forgets all marks of the peer before those in Marks are kept
	// Admitted says that a client's points were admitted before, on another shard: a limit on series does not refuse
	// them. Those of a peer always were.
	Admitted bool
}

// Span selects points of a key: From ≤ TS ≤ To in ms, at most Limit of them (0 = all), newest first if Desc.
type Span struct {
	From, To int64
	Limit    int
	Desc     bool
}

// All selects everything.
var All = Span{To: 1<<63 - 1}

// Reader is what can be asked of a shard of any kind of node, near or far.
type Reader interface {
	// Epoch names the incarnation of the data. It changes when data may have been lost.
	Epoch(ctx context.Context) (string, error)
	// Heads gives the highest scores of the journal and the late journal, 0 when empty.
	Heads(ctx context.Context) (journal, late int64, err error)
	// Changes gives the entries of the journal with score ≥ from, lowest first, at most limit (0 = all).
	Changes(ctx context.Context, from int64, limit int) ([]Change, error)
	// LateChanges is Changes for the late journal.
	LateChanges(ctx context.Context, from int64, limit int) ([]Change, error)
	// Ranges gives, per query, the points of a key in the order of a sorted set. Foreign members are left out.
	// The points are the caller's.
	Ranges(ctx context.Context, queries []RangeQuery) ([][]series.Point, error)
	// Counts gives the number of points per key, 0 for a key that is not there.
	Counts(ctx context.Context, keys []series.Key) ([]int, error)
	// HourSums gives, per key, the SHA-1 over the members of one hour (hours since 1970) in the order of a sorted
	// set, each followed by '\n'; the zero Sum where the hour is empty.
	HourSums(ctx context.Context, hour int64, keys []series.Key) ([]Sum, error)
	// Digests calls fn for every key of a period, in any order.
	Digests(ctx context.Context, p series.Period, fn func(k series.Key, d Digest) error) error
	// Periods gives the periods that hold keys, lowest first.
	Periods(ctx context.Context) ([]series.Period, error)
}

// RangeQuery is one question to Ranges.
type RangeQuery struct {
	Key  series.Key
	Span Span
}

// Store is a Reader that can be written to.
type Store interface {
	Reader
	// Unite adds the points to the sets of their keys, sets Added of each group, enters every key that grew into
	// the journal and every (key, hour) that got a member more than LateAfter below the key's newest into the late
	// journal, and keeps origin's cursor and marks: all in one step as far as the store can. A store that is at a
	// limit refuses single points of clients (Group.Refused); points of a peer make it fail with ErrMemory then,
	// with some points united and neither cursor nor marks kept: repeating is safe, later.
	Unite(ctx context.Context, groups []Group, origin Origin) error
	// Cursor gives what Unite kept for a peer; the zero Cursor when nothing is known.
	Cursor(ctx context.Context, peer string) (Cursor, error)
	// Marks gives what Unite kept per key for a peer; the zero Mark where nothing is known.
	Marks(ctx context.Context, peer string, keys []string) ([]Mark, error)
	// Floor is the oldest live period as kept in the store; 0 when none was ever set.
	Floor(ctx context.Context) (series.Period, error)
	// Drop sets the floor and frees every period below it. It gives the number of keys dropped.
	Drop(ctx context.Context, floor series.Period) (keys int, err error)
	// Stats are cheap counts for people.
	Stats(ctx context.Context) (Stats, error)
	// Remote says that calls are round trips to another process: no lock may be held over them.
	Remote() bool
	Close() error
}

// LateAfter is how far below the newest timestamp of its key a point must lie to be entered in the late journal, ms.
const LateAfter = 60_000

// HourMillis is an hour, ms: what digests are told by.
const HourMillis = 3_600_000

// Stats describes a store.
type Stats struct {
	Series int   // keys over all periods
	Points int64 // -1 when only a scan could tell
	Bytes  int64 // memory, everything counted
	// PointBytes and SeriesBytes are the parts of Bytes that keys hold: chunks and directories; entries and names.
	// What is left is overhead: free blocks, tables, marks, journals. Only the engine knows them.
	PointBytes, SeriesBytes int64
	Foreign                 int64            // members seen that are no points
	PerPeriod               map[string]int64 // bytes per period where the store knows them
}

// Local is what the in-process engine offers beyond Store, for commands that address members by rank.
type Local interface {
	Store
	// Put is Unite for points of live writers, each of a series of its own: the same sets, journals and counts come of
	// it. A point refused costs that point.
	Put(puts []Put)
	// Open gives a key to read from, nil when it has no points. There is one View at a time.
	Open(k series.Key) View
	// Card is the number of points of a key, O(1).
	Card(k series.Key) int
	// ScanKeys walks all keys: it gives about n keys from the cursor on and the next cursor, 0 at the end. A key
	// that is there during the whole walk is given at least once.
	ScanKeys(cursor uint64, n int) (keys []series.Key, next uint64)
	// KeyBytes is the memory a key takes, 0 when it is not there.
	KeyBytes(k series.Key) int64
}

// Tidier is a store whose Drop leaves work to be done in small pieces.
type Tidier interface {
	// Tidy does a piece of it, and says whether there is more. free, when not nil, gives memory back to the system
	// and needs no lock.
	Tidy() (free func(), more bool)
}

// Commander is a store that is itself a Redis: it takes commands that Dunlin does not interpret.
type Commander interface {
	Store
	// Do sends the commands in order over one connection and gives a reply for each. proto is 2 or 3.
	Do(ctx context.Context, proto int, cmds [][]string) []Reply
}

// Reply is a decoded reply of a Redis process: nil, string (bulk), Simple, int64, float64, bool, []Reply, Map
// (flat pairs), Set or error. The text of an error begins with its code.
type Reply any

// The reply types that plain Go types can not tell apart.
type (
	Simple string
	Map    []Reply
	Set    []Reply
)
