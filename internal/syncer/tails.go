package syncer

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// askTails asks for the ends of keys: of the ones that are named, or of those whose last answer was full.
func (m *machine) askTails(part []store.Change) action {
	q := &m.plan
	q.asked = part
	q.tq = q.again
	q.again = nil
	for _, ch := range part {
		q.tq = append(q.tq, m.tailQuery(ch.Key))
	}
	return action{kind: actTails, tails: q.tq}
}

// tailQuery pulls a key from its mark on. The window of 60 s below the mark need not be read while the number of
// points in it is the number that was seen: a set that only grows and has not grown there is the same there. The peer
// may count members that are no points too; then the window is read each time.
func (m *machine) tailQuery(key string) store.TailQuery {
	mk := m.marks[key]
	q := store.TailQuery{Key: m.key(key), From: journal.TailFrom(mk.ts), Limit: tailPoints}
	q.Base = q.From
	if mk.base > 0 && mk.base < mk.ts && mk.ts-mk.base < rebaseAfter {
		q.Base, q.From = mk.base, mk.ts
	}
	if m.mut.tailAboveMark && mk.ts > 0 {
		q.Base, q.From = mk.ts+1, mk.ts+1
	}
	return q
}

// gotTails merges what came, moves the marks, and keeps the cursor with the last points of the named keys.
func (m *machine) gotTails(now time.Time, ev event) action {
	q := &m.plan
	a := action{kind: actMerge, origin: store.Origin{Peer: m.peer, Marks: map[string]store.Mark{}}}
	for i, tq := range q.tq {
		pts := ev.points[i]
		key := string(m.layout.AppendKey(nil, tq.Key))
		if len(pts) > 0 {
			a.groups = append(a.groups, store.Group{Key: tq.Key, Points: pts})
		}
		grew := ev.counts == nil || ev.counts[i] != m.marks[key].count
		if again, more := m.moveMark(key, tq, grew, pts); more {
			q.again = append(q.again, again)
			continue
		}
		if mk := m.marks[key]; mk.ts > 0 {
			a.origin.Marks[key] = store.Mark{TS: mk.ts, Score: m.cursor.Journal}
		}
	}
	for _, ch := range q.asked {
		q.marked[ch.Key] = store.Mark{Score: ch.Score}
	}
	if len(q.again) == 0 {
		m.closeSettled()
		m.advance(&a, q)
	}
	return m.merge(now, a)
}

// advance moves the cursor over the keys that are done. It only goes up to the journal score of the last of them.
func (m *machine) advance(a *action, q *queue) {
	for key, mk := range q.marked {
		m.cursor.Journal = max(m.cursor.Journal, mk.Score)
		m.handled[0][key] = mk.Score
	}
	q.marked = map[string]store.Mark{}
	m.keepCursor(a)
}

// prune forgets the entries below the cursor: they are not met again.
func prune(handled map[string]int64, cursor int64) {
	for key, score := range handled {
		if score < cursor {
			delete(handled, key)
		}
	}
}

// keepCursor stores the cursor with the merge, unless a comparison has still to make it true.
func (m *machine) keepCursor(a *action) {
	prune(m.handled[0], m.cursor.Journal)
	prune(m.handled[1], m.cursor.Late)
	if m.compare == nil || !m.compare.full {
		c := m.cursor
		a.origin.Cursor = &c
	}
}

// moveMark takes the answer for one key into account; grew says that the count below the mark is not what it was.
// more says that the key has to be asked again: because the answer was full, or because something was added below.
func (m *machine) moveMark(key string, tq store.TailQuery, grew bool, pts []series.Point) (again store.TailQuery,
	more bool,
) {
	mk := m.marks[key]
	windowed := tq.Base < tq.From
	if windowed && grew && !m.mut.trustCounts {
		mk.base, mk.count = 0, 0 // something was added in the window: read it whole
		m.marks[key] = mk
		from := journal.TailFrom(mk.ts)
		return store.TailQuery{Key: tq.Key, Base: from, From: from, Limit: tailPoints}, true
	}
	if len(pts) == 0 {
		return again, false
	}
	last := pts[len(pts)-1].TS
	full := tq.Limit > 0 && len(pts) >= tq.Limit
	switch {
	case full && last == tq.From: // more points at one instant than the limit
		tq.Limit *= 2
		return tq, true
	case full:
		mk = mark{ts: max(mk.ts, last)}
		again = store.TailQuery{Key: tq.Key, Base: last, From: last, Limit: tailPoints}
	case windowed:
		for _, p := range pts {
			if p.TS > tq.From {
				mk.count++
			}
		}
		mk.ts = max(mk.ts, last)
	default:
		mk = mark{ts: max(mk.ts, last), base: max(tq.From, 1), count: len(pts)}
		if last < mk.ts || mk.base > max(journal.TailFrom(mk.ts), 1) { // the window does not reach down 60 s
			mk.base, mk.count = 0, 0
		}
	}
	m.marks[key] = mk
	return again, full
}

// askHours asks for whole hours that the late journal names.
func (m *machine) askHours(part []store.Change) action {
	a := action{kind: actRanges}
	for _, ch := range part {
		key, hour, _ := journal.SplitLate(ch.Key)
		first, last := journal.HourSpan(hour)
		a.ranges = append(a.ranges, store.RangeQuery{Key: m.key(key), Span: store.Span{From: first, To: last}})
	}
	m.plan.asked = part
	m.plan.tq = nil
	return a
}

// gotRanges merges whole hours: of the late journal, or of a comparison.
func (m *machine) gotRanges(now time.Time, ev event) action {
	a := action{kind: actMerge, origin: store.Origin{Peer: m.peer}}
	if n := m.plan.asking; n > 0 {
		for i, q := range m.plan.fresh[:n] {
			a.groups = append(a.groups, store.Group{Key: q.Key, Points: ev.points[i]})
		}
		m.plan.fresh, m.plan.asking = m.plan.fresh[n:], 0
		return m.merge(now, a)
	}
	if m.plan.asked == nil {
		return m.compare.gotRanges(m, now, ev)
	}
	for i, ch := range m.plan.asked {
		key, _, _ := journal.SplitLate(ch.Key)
		if len(ev.points[i]) > 0 {
			a.groups = append(a.groups, store.Group{Key: m.key(key), Points: ev.points[i]})
		}
		m.cursor.Late = max(m.cursor.Late, ch.Score)
		m.handled[1][ch.Key] = ch.Score
	}
	m.plan.late = m.plan.late[len(m.plan.asked):]
	m.keepCursor(&a)
	return m.merge(now, a)
}

// merge hands points to the shard. The cursor in it is only true once it is done: if it fails, all that was known in
// memory is read again from the store.
func (m *machine) merge(now time.Time, a action) action {
	for _, g := range a.groups {
		m.pulled += int64(len(g.Points))
	}
	if len(a.groups) == 0 && len(a.origin.Marks) == 0 && a.origin.Cursor == nil {
		return m.merged(now)
	}
	a.kind = actMerge
	return a
}

func (m *machine) merged(now time.Time) action {
	if m.plan.settling {
		m.plan.settling = false
		return m.unknownMarks(now)
	}
	m.plan.asked = nil
	return m.next(now)
}
