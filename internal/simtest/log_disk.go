package simtest

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/archive"
	"github.com/dunlin-db/dunlin/internal/replog"
)

// NewReader implements peering.Archive. The log on disk begins with the first record of all: whether a Reader begins
// where it should is for package archive to test.
func (d *disk) NewReader(shard int, _ archive.Covers) archive.Reader {
	return &diskReader{d: d, shard: shard}
}

// diskReader reads the log of a node's disk.
type diskReader struct {
	d         *disk
	shard, at int
}

// diskChunk is how many records a diskReader reads at once.
const diskChunk = 5

// Next implements archive.Reader.
func (r *diskReader) Next(context.Context) (c archive.Chunk, ok bool, err error) {
	for r.at < len(r.d.recs) && len(c.Records) < diskChunk {
		rec := r.d.recs[r.at]
		if len(c.Records) > 0 && uint64(rec.inc) != c.Salt {
			return c, true, nil
		}
		if r.at++; replog.KindOf(rec.rec) != replog.Points {
			continue
		}
		in, err := replog.Read(rec.rec)
		must(err)
		if in.Shard == r.shard {
			c.Salt, c.Writer = uint64(rec.inc), replog.Origin{Node: rec.node, Incarnation: rec.inc}
			c.Records = append(c.Records, rec.rec)
		}
	}
	c.End = r.at >= len(r.d.recs)
	return c, true, nil
}
