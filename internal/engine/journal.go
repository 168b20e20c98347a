package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dunlin-db/dunlin/internal/late"
	"github.com/dunlin-db/dunlin/internal/store"
)

// order links the entries of a period from the newest change to the oldest. Ends are id+1, 0 = none.
type order struct{ newest, oldest int32 }

// touch makes an entry the newest of its period's journal.
func (p *period) touch(id uint32, e *entry, score int64) {
	me := int32(id + 1)
	e.score = score
	if p.order.newest == me {
		return
	}
	if e.newer != 0 { // it is linked, and not the newest
		p.unlink(e)
	}
	e.newer, e.older = 0, p.order.newest
	if e.older != 0 {
		p.entry(uint32(e.older - 1)).newer = me
	} else {
		p.order.oldest = me
	}
	p.order.newest = me
}

// unlink takes an entry that is linked out of the journal.
func (p *period) unlink(e *entry) {
	if e.newer != 0 {
		p.entry(uint32(e.newer - 1)).older = e.older
	} else {
		p.order.newest = e.older
	}
	if e.older != 0 {
		p.entry(uint32(e.older - 1)).newer = e.newer
	} else {
		p.order.oldest = e.newer
	}
	e.newer, e.older = 0, 0
}

// change is an entry of a journal before its key is written out.
type change struct {
	score int64
	id    uint32
	hour  int64 // of the late journal
}

// appendChanges appends the journal of a period from a score on, lowest first: all of it, or at least the lowest limit
// entries if limit > 0. dst must be empty. It walks back from the newest, so a poll that finds little costs little.
func (p *period) appendChanges(dst []change, from int64, limit int) []change {
	if p.order.newest == 0 {
		return dst
	}
	if oldest := p.entry(uint32(p.order.oldest - 1)); oldest.score >= from { // all of it: forward, up to the limit
		for at := p.order.oldest; at != 0 && (limit == 0 || len(dst) < limit); {
			e := p.entry(uint32(at - 1))
			dst = append(dst, change{score: e.score, id: uint32(at - 1)})
			at = e.newer
		}
		return dst
	}
	first := len(dst)
	for at := p.order.newest; at != 0; {
		e := p.entry(uint32(at - 1))
		if e.score < from {
			break
		}
		dst = append(dst, change{score: e.score, id: uint32(at - 1)})
		at = e.older
	}
	slices.Reverse(dst[first:])
	return dst
}

// Heads implements store.Reader.
func (s *Store) Heads(context.Context) (journal, lateHead int64, err error) {
	for _, p := range s.periods {
		if p.order.newest != 0 {
			journal = max(journal, p.entry(uint32(p.order.newest-1)).score)
		}
		lateHead = max(lateHead, p.late.Head())
	}
	return journal, lateHead, nil
}

// Changes implements store.Reader.
func (s *Store) Changes(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return s.collect(limit, func(dst []change, p *period) []change { return p.appendChanges(dst, from, limit) },
		func(dst []byte, _ change) []byte { return dst }), nil
}

// LateChanges implements store.Reader.
func (s *Store) LateChanges(_ context.Context, from int64, limit int) ([]store.Change, error) {
	return s.collect(limit, func(dst []change, p *period) []change {
		p.late.Each(from, func(l late.Entry) { dst = append(dst, change{l.Score, l.ID, l.Hour}) })
		return dst
	},
		func(dst []byte, c change) []byte {
			dst = append(dst, '#')
			return time.UnixMilli(c.hour*hourMillis).UTC().AppendFormat(dst, "2006-01-02T15")
		}), nil
}

// collect merges what the periods have by score, cuts it and writes the keys out.
func (s *Store) collect(limit int, from func([]change, *period) []change, suffix func([]byte, change) []byte,
) []store.Change {
	type found struct {
		change
		p *period
	}
	var all []found
	var buf []change
	for _, p := range s.periods {
		buf = from(buf[:0], p)
		for _, c := range buf {
			all = append(all, found{c, p})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.score, b.score) })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	out := make([]store.Change, len(all))
	var key []byte
	for i, f := range all {
		key = append(s.cfg.Layout.AppendPeriod(key[:0], f.p.id), ':')
		key = append(key, s.names.Name(f.id)...)
		out[i] = store.Change{Key: string(suffix(key, f.change)), Score: f.score}
	}
	return out
}
