package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/dunlin-db/dunlin/internal/frame"
	"github.com/dunlin-db/dunlin/internal/replog"
)

// How long a disk is waited for: a moment each time, and so long in all.
const (
	moment  = 100 * time.Millisecond
	hanging = 5 * time.Second
)

// mostReads bounds the reads that are under way, for all peers and shards.
const mostReads = 64

// The sizes of pieces: of the records that are given, and of what is read for them.
const (
	pieceBytes = 256 << 10
	mostRead   = 8 << 20
)

// ErrHangs: the disk does not answer.
var ErrHangs = errors.New("the disk does not answer")

// Chunk is records of one shard that follow each other in one segment.
type Chunk struct {
	Records [][]byte
	Salt    uint64        // of the segment: names and epochs count within it
	Writer  replog.Origin // of records that name no origin
	End     bool          // there was nothing behind them
}

// Reader reads the log of one shard from a place on. It has one owner.
type Reader interface {
	// Next gives the next records. ok is false while the disk has not answered. The error is ErrNotCovered, ErrHangs or
	// that of the disk; the Reader is of no use then.
	Next(ctx context.Context) (c Chunk, ok bool, err error)
}

// reader is that of a Log.
type reader struct {
	log    *Log
	covers Covers // nil = the place is found
	place  place
	reads  chan read // holds one: what the read under way comes to; nil = none is wanted
	since  time.Time // when it was wanted
}

// place is where a Reader is.
type place struct {
	shard int
	seg   segment
	off   int64
}

// read is what one came to.
type read struct {
	chunk Chunk
	next  place
	err   error
}

// NewReader makes a Reader from where on a peer lacks something of a shard. covers is called until Next gives a Chunk
// or an error, by another goroutine.
func (l *Log) NewReader(shard int, covers Covers) Reader {
	l.begun.Add(1)
	return &reader{log: l, covers: covers, place: place{shard: shard}}
}

// Next implements Reader.
func (r *reader) Next(ctx context.Context) (c Chunk, ok bool, err error) {
	if r.since.IsZero() {
		r.since = time.Now()
	}
	t := time.NewTimer(moment)
	defer t.Stop()
	if r.reads == nil {
		select {
		case r.log.turns <- struct{}{}:
			r.reads = r.log.runRead(r.place, r.covers)
		case <-ctx.Done():
			return c, false, ctx.Err()
		case <-t.C:
			return c, false, r.late()
		}
	}
	select {
	case got := <-r.reads:
		r.reads, r.since, r.covers, r.place = nil, time.Time{}, nil, got.next
		if got.err != nil {
			return c, false, got.err
		}
		r.log.given.Add(int64(len(got.chunk.Records)))
		return got.chunk, true, nil
	case <-ctx.Done():
		return c, false, ctx.Err()
	case <-t.C:
		return c, false, r.late()
	}
}

// late is nil while it is not too long that something is wanted.
func (r *reader) late() error {
	if time.Since(r.since) > hanging {
		return ErrHangs
	}
	return nil
}

// runRead reads once, beside whoever waits for it: nobody may be there any more when the disk answers. It has a turn.
func (l *Log) runRead(at place, covers Covers) chan read {
	to := make(chan read, 1)
	go func() {
		defer func() { <-l.turns }()
		var got read
		if covers != nil {
			at.seg, got.err = l.find(at.shard, covers)
		}
		if got.err == nil {
			got.chunk, got.next, got.err = l.readFrom(at)
		}
		to <- got
	}()
	return to
}

// readFrom reads on, from segment to segment, until there are some records or no more.
func (l *Log) readFrom(at place) (c Chunk, next place, err error) {
	for budget := int64(mostRead); ; {
		list, err := l.list() // before it is read: then what lies before another segment is complete
		if err != nil {
			return c, at, err
		}
		seg, after := at.seg, (*segment)(nil)
		for i := range list {
			if list[i].compare(seg) > 0 {
				after = &list[i]
				break
			}
		}
		if h := l.head(seg); h != nil {
			c.Writer = h.writer
		}
		c.Salt = seg.salt
		n, end, err := l.piece(&at, &c, budget)
		switch budget -= n; {
		case errors.Is(err, fs.ErrNotExist): // it was removed
			end = true
		case err != nil:
			return c, at, fmt.Errorf("read the log %s: %w", seg.name, err)
		}
		if end && after != nil {
			at.seg, at.off = *after, 0
		} else if end {
			c.End = true
		}
		if c.End || len(c.Records) > 0 || budget <= 0 {
			return c, at, nil
		}
	}
}

// piece reads some of a segment, and says how many bytes of it, and whether to its end.
func (l *Log) piece(at *place, c *Chunk, budget int64) (n int64, end bool, err error) {
	f, err := l.fs.OpenAt(filepath.Join(l.dir, at.seg.name), at.off)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	size, in := 0, &counter{r: f}
	rep, err := frame.Scan(in, kindLog, at.seg.salt, func(off int64, rec []byte) error {
		if n = off; size >= pieceBytes || off >= budget {
			return errDone
		}
		if shardOf(rec) == at.shard {
			c.Records = append(c.Records, bytes.Clone(rec))
			size += len(rec)
		}
		return nil
	})
	if err == nil {
		end, n = true, in.n
		if rep.Torn && len(rep.Damaged) > 0 { // it may be written this moment
			n = rep.Damaged[len(rep.Damaged)-1].Offset
		}
	} else if errors.Is(err, errDone) {
		err = nil
	}
	at.off += n
	l.read.Add(in.n)
	return n, end, err
}

// shardOf gives the shard of a record of points, -1 for others.
func shardOf(rec []byte) int {
	if replog.KindOf(rec) != replog.Points {
		return -1
	}
	shard, n := binary.Uvarint(rec[1:])
	if n <= 0 || shard > 1<<31 {
		return -1
	}
	return int(shard)
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
