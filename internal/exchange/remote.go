package exchange

import (
	"context"
	"errors"

	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/shard"
)

// Want is an exchange that is needed.
type Want struct {
	Shard *shard.Shard
	Adopt bool    // the peer's vector too
	Hours []int64 // since 1970: these only; none = all
	Token uint64  // the peer's excess
}

// Standing is what a shard says of itself before an exchange.
type Standing struct {
	Whole    bool // its vector may be adopted
	Suspect  bool // it lacks points that its log claims
	Busy     bool // an exchange of its own is under way
	Ahead    bool // it may have points that the vector does not cover yet
	Vector   []replog.Reach
	Excess   uint64 // not 0: it has points that no log tells of
	Compared uint64 // the excess of the asker that it has compared with
	Turn     uint64 // another one after each beginning and end of an exchange of its own
	Floor    series.Period
	Thin     series.Period // before it, it may lack points that the vector claims
	Edicts   uint64        // the hash of the node's
}

// Snapshot is a Standing, and the digests of the hours at the same moment.
type Snapshot struct {
	Standing
	Hours []grid.HourDigest // the latest first
}

// Remote is the other side of an exchange.
type Remote interface {
	Standing(ctx context.Context, shard int) (Standing, error)
	Snapshot(ctx context.Context, shard int) (Snapshot, error)
	// Hours gives the hours that have points, the latest first.
	Hours(ctx context.Context, shard int) ([]grid.HourDigest, error)
	Buckets(ctx context.Context, q HourQuery) (grid.Sums, error)
	// Series gives some of the series in the wanted buckets, from a place on, and the next place, 0 at the end.
	Series(ctx context.Context, q HourQuery) (list []grid.SeriesDigest, next uint32, err error)
	// Points gives records of all points of an hour of some series.
	Points(ctx context.Context, q HourQuery) (recs [][]byte, err error)
	// Chunks gives records of the chunks that end in the hour, of some of the series in the wanted buckets, from a place
	// on, and the next place, 0 at the end; the open chunk of a series first. The error may be ErrNoChunks.
	Chunks(ctx context.Context, q HourQuery) (recs [][]byte, next uint32, err error)
}

// ErrNoChunks: the other side gives points only.
var ErrNoChunks = errors.New("the other node does not give whole chunks")

// HourQuery asks about an hour of a shard.
type HourQuery struct {
	Shard  int
	Hour   int64 // since 1970
	Want   [grid.Buckets]bool
	From   uint32   // Series, Chunks: the place
	Series [][]byte // Points: host:metric of each, at most MostSeries
}

// MostSeries is how many series' points are asked for together.
const MostSeries = 32
