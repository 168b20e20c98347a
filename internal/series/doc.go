// Package series is the grammar of series keys and members: pure functions on bytes.
//
// # What it is
//
// A series key is period:host:metric, for example 2026-11-22:web17.sfo:cpu.user. A member is ts:value. This package
// parses both in place, without allocating, and appends them back byte for byte. It is the one grammar for points
// that enter and for points that are replicated.
//
// # Where it sits
//
// At the bottom. Everything that touches a key or a member imports it; it imports nothing of ours.
//
// # Invariants
//
// AppendKey(ParseKey(k)) == k and AppendMember(ParseMember(m)) == m for everything that parses. A key that starts
// with a period is a series key or a named error, never silently a plain key. Nothing with control characters or
// invalid UTF-8 parses. A host with ':' or '%' is percent-encoded, so one host can not forge the series of another.
//
// # What it does not do
//
// It does not decide what is admitted (floor, clock: package shard), nor where a key lives (package ring).
package series
