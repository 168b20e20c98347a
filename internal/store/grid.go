package store

import "github.com/dunlin-db/dunlin/internal/series"

// Buckets is into how many parts the series of a shard are divided when replicas are compared.
const Buckets = 256

// Bucket gives the part of a series, by its SeriesSeed.
func Bucket(seriesSeed uint64) byte { return byte(seriesSeed) }

// HourDigest stands for all points of an hour.
type HourDigest struct {
	Hour int64 // since 1970
	Digest
}

// SeriesDigest stands for the points of one series in one hour.
type SeriesDigest struct {
	Series []byte // host:metric, the caller's
	Digest
}

// Grid is a store that knows the digests of its points by hour and bucket.
type Grid interface {
	// FillGrid reads points whose digests by hour are not known yet, of about n keys, and says whether there are more.
	// Until there are none the other methods can not tell.
	FillGrid(n int) (more bool)
	// HourDigests gives the hours that have points, the latest first. ok is false while the grid is being filled.
	HourDigests() (hours []HourDigest, ok bool)
	// BucketDigests gives the parts of an hour.
	BucketDigests(hour int64) [Buckets]Digest
	// SeriesDigests gives, of the series with points in an hour that lie in the wanted buckets, those from a place on:
	// at most n keys are looked at. next is the place to go on from, 0 at the end.
	SeriesDigests(hour int64, want *[Buckets]bool, from uint32, n int) (list []SeriesDigest, next uint32)
	// SeriesDigest gives that of one series in an hour.
	SeriesDigest(hour int64, series []byte) Digest
}

// HourKey gives the key of a series in the period that holds an hour.
func HourKey(l series.Layout, hour int64, k series.Key) series.Key {
	k.Period = l.PeriodOf(hour * HourMillis)
	return k
}

// HourMillis is an hour, ms.
const HourMillis = 3_600_000
