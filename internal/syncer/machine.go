package syncer

import (
	"errors"
	"time"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Sizes of what one action may ask for.
const (
	pollEntries = 16384 // journal entries of one poll
	tailKeys    = 128   // keys whose ends are pulled together
	tailPoints  = 2048  // points of one key at a time
	hourKeys    = 32    // hours pulled whole together
	sumKeys     = 256   // keys whose hour sums are compared together
	listEntries = 8192  // journal entries of one step of listing the peer's keys
)

// rebaseAfter is how long a window of counted points grows before it starts anew, ms.
const rebaseAfter = 600_000

type kind uint8

const (
	actWait   kind = iota // sleep until at
	actOwn                // read the own store's epoch; cursor too when it changed
	actPoll               // read the peer's epoch and both journals from cursor on
	actLacks              // ask the own store what it lacks of the states that the peer told
	actMarks              // read the own store's marks of keys
	actTails              // read the ends of keys from the peer
	actRanges             // read spans of keys from the peer
	actHeads              // read the peer's epoch and heads
	actList               // read the peer's journal from `from` on
	actSums               // read hour sums of keys from both sides
	actMerge              // unite groups with the shard, keep origin
)

// action is what to do next. It is a plain value: who carries it out decides nothing.
type action struct {
	kind   kind
	at     time.Time // actWait
	cursor store.Cursor
	known  string // actOwn: the epoch whose cursor is known
	from   int64  // actList
	limit  int
	tails  []store.TailQuery
	ranges []store.RangeQuery
	keys   []series.Key  // actSums, actMarks, actLacks
	told   []store.State // actLacks
	hour   int64         // actSums
	groups []store.Group
	origin store.Origin
}

// event is what came of the last action.
type event struct {
	err    error
	local  bool // err came from the own store
	epoch  string
	cursor store.Cursor // actOwn: as kept
	heads  [2]int64
	list   []store.Change
	late   []store.Change
	lacks  []store.Lack
	marks  []store.Mark
	counts []int
	points [][]series.Point
	sums   [2][]store.Sum // own, peer's
}

// mark is how far one key of the peer has been taken over, in this epoch.
type mark struct {
	ts    int64 // ms: the newest timestamp seen
	base  int64 // ms: count counts the points base ≤ TS ≤ ts that were seen; 0 = nothing is counted
	count int
}

// mutations switches single rules off, to show that the tests notice. All false outside tests.
type mutations struct {
	tailAboveMark     bool // pull with > instead of from 60 s below the mark
	headsAfter        bool // read heads after comparing
	keepCursorOnError bool // believe a cursor whose data could not be stored
	noLate            bool // ignore the late journal
	ignoreEpoch       bool // do not notice that the peer lost its memory
	ignoreOwnEpoch    bool // do not notice that the own store was emptied
	trustCounts       bool // take a window for unchanged without looking at its count
	trustNewest       bool // take the newest point of a key for all that is lacking
}

// given is what a machine is made of.
type given struct {
	peer   string
	layout series.Layout
	poll   time.Duration
	floor  func() series.Period
	jitter func() float64 // 0 ≤ x < 1
	mut    mutations
}

// seen is what a machine tells of itself.
type seen struct {
	pollAt  time.Time // when the last poll was asked
	covered time.Time // everything the peer had at this time is here
	head    int64     // µs, the highest journal score that was met
	state   State
	lastErr error
	pulled  int64 // points offered
	repairs int64 // hours that differed when compared
}

// machine decides. It is driven by step from one goroutine.
type machine struct {
	given
	seen

	ownEpoch string
	cursor   store.Cursor        // as far as everything is merged
	handled  [2]map[string]int64 // entries of journal and late journal at the cursor
	marks    map[string]mark
	marksOf  bool // marks that are not in memory may be in the store

	pending kind  // of the action whose event comes next
	plan    queue // what the last poll asked for
	compare *comparison
	closed  int64 // the last hour that was compared after it closed; -1 = not known yet
	delay   time.Duration
	backoff int
}

// queue is work on a poll's entries, in order.
type queue struct {
	fresh    []store.RangeQuery // after a long gap: the newest minutes first
	asking   int                // of fresh, now
	tails    []store.Change
	settled  []store.Change // keys that are equal here, or will be with the next merge
	settling bool           // that merge is under way
	late     []store.Change
	more     bool // the poll was full: poll again at once
	asked    []store.Change
	tq       []store.TailQuery
	again    []store.TailQuery // keys whose answer was full
	marked   map[string]store.Mark
}

func newMachine(g given) *machine {
	m := &machine{given: g, seen: seen{state: Connecting}, pending: actWait, closed: -1}
	m.forget()
	return m
}

// step takes the event of the last action and gives the next one.
func (m *machine) step(now time.Time, ev event) action {
	a := m.decide(now, ev)
	m.pending = a.kind
	return a
}

func (m *machine) decide(now time.Time, ev event) action {
	if ev.err != nil {
		return m.failed(now, ev)
	}
	switch m.pending {
	case actWait:
		return m.ownAction()
	case actOwn:
		return m.own(now, ev)
	case actPoll:
		return m.polled(now, ev)
	case actLacks:
		return m.gotLacks(now, ev)
	case actMarks:
		return m.gotMarks(now, ev)
	case actTails:
		return m.gotTails(now, ev)
	case actRanges:
		return m.gotRanges(now, ev)
	case actHeads:
		return m.gotHeads(now, ev)
	case actList:
		return m.gotList(now, ev)
	case actSums:
		return m.gotSums(now, ev)
	case actMerge:
		return m.merged(now)
	}
	panic("BUG: no such action")
}

// failed gives up what the poll asked for; the cursor stands, so it will be asked for again. A comparison keeps its
// place.
func (m *machine) failed(now time.Time, ev event) action {
	m.lastErr = ev.err
	m.plan = queue{}
	if m.pending == actMerge && !m.mut.keepCursorOnError {
		m.ownEpoch = "" // what is in memory runs ahead of the store: read cursor and marks again
	}
	if m.compare != nil {
		m.compare.interrupted()
	}
	m.state = Unreachable
	if ev.local {
		m.state = StoreDown
		if errors.Is(ev.err, store.ErrMemory) {
			m.state = StoreFull
		}
	}
	wait := min(m.poll<<min(m.backoff, 6), maxBackoff)
	m.backoff++
	return action{kind: actWait, at: now.Add(wait/2 + time.Duration(m.jitter()*float64(wait)))}
}

const maxBackoff = 3 * time.Second

// own learns whether the own store is still the one that the cursor was kept in.
func (m *machine) own(now time.Time, ev event) action {
	m.pollAt = now
	if ev.epoch != m.ownEpoch && !(m.mut.ignoreOwnEpoch && m.ownEpoch != "") {
		m.ownEpoch = ev.epoch
		m.cursor = ev.cursor
		m.forget()
		m.marksOf = ev.cursor.Epoch != ""
		m.compare = nil
		m.closed = -1
	}
	return m.pollAction()
}

// forget drops what was known of the peer's keys.
func (m *machine) forget() {
	m.handled = [2]map[string]int64{{}, {}}
	m.marks = map[string]mark{}
	m.marksOf = false
	m.plan = queue{}
}

func (m *machine) pollAction() action {
	return action{kind: actPoll, cursor: m.cursor, limit: pollEntries}
}

// polled sorts out what is new in the journals.
func (m *machine) polled(now time.Time, ev event) action {
	m.backoff, m.lastErr = 0, nil
	if ev.epoch != m.cursor.Epoch && !(m.mut.ignoreEpoch && m.cursor.Epoch != "") {
		return m.startComparison()
	}
	q := queue{more: len(ev.list) == pollEntries || len(ev.late) == pollEntries, marked: map[string]store.Mark{}}
	for _, ch := range ev.list {
		m.head = max(m.head, ch.Score)
		if m.handled[0][ch.Key] != ch.Score && m.wanted(ch.Key) {
			q.tails = append(q.tails, ch)
		}
	}
	for _, ch := range ev.late {
		key, _, ok := journal.SplitLate(ch.Key)
		if m.handled[1][ch.Key] != ch.Score && ok && m.wanted(key) && !m.mut.noLate {
			q.late = append(q.late, ch)
		}
	}
	if q.more && len(q.tails)+len(q.late) == 0 { // a page of nothing that is wanted
		m.skip(ev)
	}
	m.plan = q
	return m.askLacks(now)
}

// skip moves the cursor over entries that nobody here wants.
func (m *machine) skip(ev event) {
	if n := len(ev.list); n == pollEntries {
		m.cursor.Journal = max(m.cursor.Journal, ev.list[n-1].Score)
	}
	if n := len(ev.late); n == pollEntries {
		m.cursor.Late = max(m.cursor.Late, ev.late[n-1].Score)
	}
}

// wanted says whether a key is a series key at or above the floor.
func (m *machine) wanted(key string) bool {
	k, err := m.layout.ParseKey([]byte(key))
	return err == nil && k.Period >= m.floor()
}

// unknownMarks asks the own store for marks that an earlier run left there.
func (m *machine) unknownMarks(now time.Time) action {
	if !m.marksOf {
		return m.planFresh(now)
	}
	var keys []series.Key
	for _, ch := range m.plan.tails {
		if _, known := m.marks[ch.Key]; !known {
			keys = append(keys, m.key(ch.Key))
		}
	}
	if len(keys) == 0 {
		return m.planFresh(now)
	}
	return action{kind: actMarks, keys: keys, origin: store.Origin{Peer: m.peer}}
}

func (m *machine) gotMarks(now time.Time, ev event) action {
	i := 0
	for _, ch := range m.plan.tails {
		if _, known := m.marks[ch.Key]; !known && i < len(ev.marks) {
			m.marks[ch.Key] = mark{ts: ev.marks[i].TS}
			i++
		}
	}
	return m.planFresh(now)
}

// planFresh lets the newest minutes of all keys go before the rest, where much is missing of many keys.
func (m *machine) planFresh(now time.Time) action {
	if len(m.plan.tails) <= tailKeys {
		return m.next(now)
	}
	for _, ch := range m.plan.tails {
		newest := ch.Score / 1000
		if mk := m.marks[ch.Key]; mk.ts > 0 && newest-mk.ts > 2*freshMillis {
			m.plan.fresh = append(m.plan.fresh, store.RangeQuery{
				Key:  m.key(ch.Key),
				Span: store.Span{From: newest - freshMillis, To: store.All.To, Limit: tailPoints, Desc: true},
			})
		}
	}
	return m.next(now)
}

// freshMillis is what planFresh takes of each key.
const freshMillis = 600_000

// key parses a key that wanted accepted.
func (m *machine) key(s string) series.Key {
	k, err := m.layout.ParseKey([]byte(s))
	if err != nil {
		panic("BUG: key " + s + ": " + err.Error())
	}
	return k
}

// next goes on with the plan of the last poll, then with a comparison, and waits when there is neither.
func (m *machine) next(now time.Time) action {
	switch {
	case len(m.plan.fresh) > 0:
		m.plan.asking = min(len(m.plan.fresh), tailKeys)
		return action{kind: actRanges, ranges: m.plan.fresh[:m.plan.asking]}
	case len(m.plan.again) > 0:
		return m.askTails(nil)
	case len(m.plan.tails) > 0:
		n := min(len(m.plan.tails), tailKeys)
		part := m.plan.tails[:n]
		m.plan.tails = m.plan.tails[n:]
		return m.askTails(part)
	case len(m.plan.late) > 0:
		n := min(len(m.plan.late), hourKeys)
		return m.askHours(m.plan.late[:n])
	case m.plan.more:
		return m.pollAction()
	}
	if m.compare == nil || !m.compare.full {
		m.covered = m.pollAt
	}
	if m.compare == nil {
		m.dueComparison(now)
	}
	if m.compare != nil {
		m.state = Comparing
		if m.compare.stage == stageHours && !m.mut.headsAfter && now.Sub(m.pollAt) >= m.poll {
			return m.ownAction() // the live tail goes first
		}
		return m.compare.next(m, now)
	}
	m.state = Following
	return action{kind: actWait, at: m.pollAt.Add(m.poll)}
}

func (m *machine) ownAction() action {
	return action{kind: actOwn, origin: store.Origin{Peer: m.peer}, known: m.ownEpoch}
}
