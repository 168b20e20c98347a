// Package grid keeps the digests of a shard's points by hour and bucket, by which replicas are compared.
//
// # What it is
//
// A Grid has a digest for each hour and each of 256 parts of the series. The engine tells it every point that is new;
// points that were loaded as whole chunks are read once, piece by piece, by Fill. Series gives the digests of single
// series, which are worked out when they are asked for.
//
// # Where it sits
//
// Beside the engine, which tells it; package peering asks it. Both under the shard's lock.
//
// # Invariants
//
// Once it is filled, the digest of an hour is that of the points of the hour. A nil Grid takes everything and costs
// nothing.
//
// # What it does not do
//
// It keeps no points, and nothing of it is on disk: it is worked out again from what is there.
package grid
