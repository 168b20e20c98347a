package syncer

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// askLacks asks the own store about the keys whose state came with the poll: most are equal here already, because
// another peer was faster, or lack the one point that came along.
func (m *machine) askLacks(now time.Time) action {
	a := action{kind: actLacks}
	for _, ch := range m.plan.tails {
		if ch.State != nil {
			a.keys = append(a.keys, m.key(ch.Key))
			a.told = append(a.told, *ch.State)
		}
	}
	if len(a.keys) == 0 {
		return m.unknownMarks(now)
	}
	return a
}

// gotLacks settles the keys that need not be read. The cursor goes over them only when nothing before them is left to
// be read.
func (m *machine) gotLacks(now time.Time, ev event) action {
	q := &m.plan
	a := action{kind: actMerge, origin: store.Origin{Peer: m.peer, Marks: map[string]store.Mark{}}}
	var rest []store.Change
	asked := 0
	for _, ch := range q.tails {
		lack := store.LacksMore
		if ch.State != nil {
			lack = ev.lacks[asked]
			asked++
			if lack == store.LacksMore && m.mut.trustNewest {
				lack = store.LacksNewest
			}
		}
		switch lack {
		case store.LacksMore:
			rest = append(rest, ch)
			continue
		case store.LacksNewest:
			a.groups = append(a.groups, store.Group{Key: m.key(ch.Key), Points: []series.Point{ch.State.Newest}})
		case store.LacksNothing:
		}
		ts := max(m.marks[ch.Key].ts, ch.State.Newest.TS)
		m.marks[ch.Key] = mark{ts: ts}
		a.origin.Marks[ch.Key] = store.Mark{TS: ts, Score: m.cursor.Journal}
		q.settled = append(q.settled, ch)
	}
	q.tails = rest
	if len(q.settled) > 0 && len(rest) == 0 {
		m.closeSettled()
		m.advance(&a, q)
	}
	q.settling = true
	return m.merge(now, a)
}

// closeSettled lets the next advance go over the settled keys, once all keys that had to be read were.
func (m *machine) closeSettled() {
	q := &m.plan
	if len(q.tails) > 0 {
		return
	}
	for _, ch := range q.settled {
		q.marked[ch.Key] = store.Mark{Score: ch.Score}
	}
	q.settled = nil
}
