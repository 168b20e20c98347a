package peering

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/archive"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
)

// Archive is the log on disk; archive.Log is one.
type Archive interface {
	// NewReader makes a Reader from where on a peer lacks something of a shard. covers says whether the peer knows all
	// that it is to be told of a vector; it may be called by another goroutine.
	NewReader(shard int, covers archive.Covers) archive.Reader
}

// fromDisk is what is read of a shard for a peer that lacks more of the log than is in memory.
type fromDisk struct {
	r     archive.Reader // nil = nothing is read
	all   bool           // as Lacks said when it began
	gap   bool           // the log on disk is of no use to the peer, whatever else it knows
	gave  bool           // the Reader gave something that the peer lacked
	chunk archive.Chunk
	dict  replog.Dict // of the chunk's segment
}

// more gets the next chunk. false: there is none now, or, with gap, the peer can not be told the rest of the log.
func (d *fromDisk) more(ctx context.Context, log Archive, shard int, l *replica.Lacks) (ok, gap bool) {
	if d.all != l.All || d.r == nil && !d.gap {
		*d = fromDisk{r: log.NewReader(shard, l.Covers), all: l.All}
	}
	if d.gap {
		return false, true
	}
	c, ok, err := d.r.Next(ctx)
	switch {
	case ctx.Err() != nil || err == nil && !ok:
		return false, false
	case err != nil, c.End && len(c.Records) == 0 && !d.gave: // all was read, and something was missing in it
		*d = fromDisk{all: d.all, gap: true}
		return false, true
	case c.End && len(c.Records) == 0: // more may have been written since
		d.r = nil
		return false, false
	}
	if c.Salt != d.chunk.Salt {
		d.dict = replog.Dict{}
	}
	d.chunk = c
	return true, false
}

// readDisk gives what the log on disk has for the peer, as much as fits. gap: it does not have all that it lacks.
func (l *lane) readDisk(a *answering, log Archive, lacks *replica.Lacks) (recs [][]byte, gap bool) {
	for left := a.left; left > 0; {
		if len(l.disk.chunk.Records) == 0 || l.disk.all != lacks.All {
			ok, gap := l.disk.more(a.ctx, log, l.sh.ID(), lacks)
			if !ok {
				return recs, gap
			}
		}
		picks := l.pick(lacks, left)
		some, err := l.encode(picks, l.ofDisk)
		if err != nil { // each was read before
			panic("BUG: peering: " + err.Error())
		}
		for _, rec := range some {
			left -= len(rec)
		}
		recs = append(recs, some...)
	}
	return recs, false
}

// pick takes from the chunk what is next for the peer, about so many bytes. What can not be read is as if it was not
// there: nothing of its origin behind it is taken. All records are read, also for the names in them.
func (l *lane) pick(lacks *replica.Lacks, most int) (picks []replica.Pick) {
	d, in := &l.disk, &l.in
	for most > 0 && len(d.chunk.Records) > 0 {
		rec := d.chunk.Records[0]
		d.chunk.Records = d.chunk.Records[1:]
		if in.Reset(rec) != nil {
			continue
		}
		h := in.Head
		if !h.Foreign {
			h.Origin = d.chunk.Writer
			h.Origin.Shard = h.Shard
		}
		for in.Next(&d.dict) {
		}
		if in.Err() == nil && in.Unknown == 0 && l.cursor.Take(lacks, h) {
			picks = append(picks, replica.Pick{Head: h, Record: rec})
			most -= len(rec)
		}
	}
	d.gave = d.gave || len(picks) > 0
	return picks
}

// ofDisk writes the points of an entry of the chunk.
func (l *lane) ofDisk(replica.Pick) {
	l.points(l.book(l.disk.chunk.Salt, l.in.Epoch()), &l.disk.dict)
}
