package syncer

import (
	"time"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

type stage uint8

const (
	stageHeads  stage = iota // read where the peer's journals end
	stageList                // list the peer's keys
	stageNewest              // read the newest timestamp of each: its mark
	stageHours               // compare hour by hour, newest first
	stageDone                // keep the cursor
)

// comparison compares hours with the peer: all hours of all keys after it lost its memory (or we ours), or one hour
// of all keys after it has closed. It goes on where it was when the peer comes back.
type comparison struct {
	full        bool
	stage       stage
	listed      int64
	keys        []string
	seen        map[string]bool
	at          int   // index into keys, in stageNewest and stageHours
	hour, until int64 // hours are compared from hour down to until
	asked       []series.Key
	askedFrom   int          // where in keys asked begins
	differing   []series.Key // of the hour, to be pulled
	pulling     int          // of differing, now
}

// startComparison begins a full one: nothing that was known of the peer holds.
func (m *machine) startComparison() action {
	m.forget()
	m.cursor = store.Cursor{}
	m.closed = -1
	m.state = Comparing
	m.compare = &comparison{full: true, stage: stageHeads, seen: map[string]bool{}}
	return action{kind: actMerge, origin: store.Origin{Peer: m.peer, Cursor: &store.Cursor{}}}
}

// closeAfter is how long after its end an hour is compared, plus up to as much again.
const closeAfter = 5 * time.Minute

// maxClosed is how many closed hours are compared at most after a long absence.
const maxClosed = 48

// dueComparison begins to compare the next hour that has closed, if there is one.
func (m *machine) dueComparison(now time.Time) {
	if m.delay == 0 {
		m.delay = closeAfter + time.Duration(m.jitter()*float64(closeAfter))
	}
	last := journal.HourOf(now.Add(-m.delay).UnixMilli()) - 1
	if m.closed < 0 && m.cursor.Journal == 0 {
		m.closed = last // the peer has never held anything
	}
	if m.closed < 0 {
		m.closed = min(journal.HourOf(m.cursor.Journal/1000)-1, last)
	}
	m.closed = max(m.closed, last-maxClosed)
	if m.closed >= last {
		return
	}
	hour := m.closed + 1
	m.compare = &comparison{stage: stageList, seen: map[string]bool{}, hour: hour, until: hour}
}

// interrupted takes back what was asked for and not answered.
func (c *comparison) interrupted() {
	if c.asked != nil {
		c.at, c.asked = c.askedFrom, nil
	}
	c.pulling = 0
}

// next asks for the next thing.
func (c *comparison) next(m *machine, now time.Time) action {
	switch c.stage {
	case stageHeads:
		return action{kind: actHeads}
	case stageList:
		return action{kind: actList, from: c.listed, limit: listEntries}
	case stageNewest:
		return c.askNewest(m, now)
	case stageHours:
		return c.askSums(m, now)
	}
	return c.done(m, now)
}

func (m *machine) gotHeads(now time.Time, ev event) action {
	c := m.compare
	m.cursor = store.Cursor{Epoch: ev.epoch, Journal: ev.heads[0], Late: ev.heads[1]}
	if c.stage == stageDone { // only a mutant comes here
		return c.finish(m)
	}
	c.stage = stageList
	return c.next(m, now)
}

// gotList takes a page of the peer's journal.
func (m *machine) gotList(now time.Time, ev event) action {
	c := m.compare
	for _, ch := range ev.list {
		c.listed = max(c.listed, ch.Score+1)
		if c.full && ch.Score == m.cursor.Journal {
			m.handled[0][ch.Key] = ch.Score
		}
		if !c.seen[ch.Key] && m.wanted(ch.Key) && (c.full || c.covers(m, m.key(ch.Key), c.hour)) {
			c.seen[ch.Key] = true
			c.keys = append(c.keys, ch.Key)
		}
	}
	if len(ev.list) == listEntries {
		return c.next(m, now)
	}
	c.seen = nil
	c.stage = stageHours
	if c.full {
		c.stage, c.until = stageNewest, 1<<62
	}
	return c.next(m, now)
}

// covers says whether an hour lies in the period of a key.
func (c *comparison) covers(m *machine, k series.Key, hour int64) bool {
	first, _ := journal.HourSpan(hour)
	return m.layout.PeriodOf(first) == k.Period
}

// askNewest asks for the newest point of keys.
func (c *comparison) askNewest(m *machine, now time.Time) action {
	if c.at >= len(c.keys) {
		c.stage, c.at = stageHours, 0
		return c.askSums(m, now)
	}
	a := action{kind: actRanges}
	for _, key := range c.keys[c.at:min(c.at+sumKeys, len(c.keys))] {
		last := store.Span{To: store.All.To, Limit: 1, Desc: true}
		a.ranges = append(a.ranges, store.RangeQuery{Key: m.key(key), Span: last})
	}
	return a
}

// gotRanges takes newest points, or whole hours that differed.
func (c *comparison) gotRanges(m *machine, now time.Time, ev event) action {
	if c.stage == stageNewest {
		for i, pts := range ev.points {
			if len(pts) == 0 {
				continue
			}
			m.marks[c.keys[c.at+i]] = mark{ts: pts[0].TS}
			c.hour = max(c.hour, journal.HourOf(pts[0].TS))
			first, _ := m.layout.Span(m.key(c.keys[c.at+i]).Period)
			c.until = min(c.until, journal.HourOf(first))
		}
		c.at += len(ev.points)
		return c.next(m, now)
	}
	a := action{kind: actMerge, origin: store.Origin{Peer: m.peer}}
	for i, pts := range ev.points {
		if len(pts) > 0 {
			a.groups = append(a.groups, store.Group{Key: c.differing[i], Points: pts})
		}
	}
	c.differing = c.differing[c.pulling:]
	c.pulling = 0
	return m.merge(now, a)
}

// askSums asks for the sums of the hour for the next keys that can have it, or for the points where they differed.
func (c *comparison) askSums(m *machine, now time.Time) action {
	if len(c.differing) > 0 {
		return c.askDiffering()
	}
	for c.hour >= c.until {
		c.asked, c.askedFrom = nil, c.at
		first, _ := journal.HourSpan(c.hour)
		for ; c.at < len(c.keys) && len(c.asked) < sumKeys; c.at++ {
			k := m.key(c.keys[c.at])
			newest := m.marks[c.keys[c.at]].ts
			if k.Period >= m.floor() && c.covers(m, k, c.hour) && (!c.full || newest >= first) {
				c.asked = append(c.asked, k)
			}
		}
		if len(c.asked) > 0 {
			return action{kind: actSums, hour: c.hour, keys: c.asked}
		}
		c.hour, c.at, c.asked = c.hour-1, 0, nil
	}
	c.stage = stageDone
	return c.done(m, now)
}

func (c *comparison) askDiffering() action {
	a := action{kind: actRanges}
	c.pulling = min(len(c.differing), hourKeys)
	first, last := journal.HourSpan(c.hour)
	for _, k := range c.differing[:c.pulling] {
		a.ranges = append(a.ranges, store.RangeQuery{Key: k, Span: store.Span{From: first, To: last}})
	}
	return a
}

func (m *machine) gotSums(now time.Time, ev event) action {
	c := m.compare
	for i, k := range c.asked {
		if ev.sums[1][i] != (store.Sum{}) && ev.sums[0][i] != ev.sums[1][i] {
			c.differing = append(c.differing, k)
			m.repairs++
		}
	}
	c.asked = nil
	return m.next(now)
}

// done ends a comparison. The cursor of a full one is the heads from before it, or what was followed since.
func (c *comparison) done(m *machine, now time.Time) action {
	if m.mut.headsAfter && c.full {
		return action{kind: actHeads}
	}
	if !c.full {
		m.compare = nil
		m.closed, m.delay = c.hour+1, 0
		return m.next(now)
	}
	return c.finish(m)
}

// finish keeps the cursor of a full comparison, and the marks of all keys.
func (c *comparison) finish(m *machine) action {
	m.compare = nil
	cursor := m.cursor
	a := action{kind: actMerge, origin: store.Origin{Peer: m.peer, Cursor: &cursor, Marks: map[string]store.Mark{}}}
	for key, mk := range m.marks {
		a.origin.Marks[key] = store.Mark{TS: mk.ts, Score: m.cursor.Journal}
	}
	return a
}
