// Package mend changes what a store in memory holds without a point being added: it finds what is damaged, replaces it,
// and takes out what was forgotten.
//
// # What it is
//
// Verify reads the points of a period and compares them with the digests that were kept as they came. Replace puts
// points in the place of those of a damaged key. Remove takes points out. All go piece by piece.
//
// # Where it sits
//
// Between shard, under whose lock it runs, and the engine, which rewrites single keys.
//
// # Invariants
//
// What Replace puts in has the digest of what was there. Remove takes out what it is told and nothing else; digests and
// counts are those of what stays. What is damaged loses nothing to Remove but what could not be read anyway.
//
// # What it does not do
//
// It decides nothing: which points are dead is edict's to say, where good ones are is proof's to find.
package mend
