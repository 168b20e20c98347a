// Package chunkrec is the records of period files: full chunks and open chunks of a key, with their digest.
//
// # What it is
//
// A codec: Head.Append begins a record, AppendFull and chunk.State.AppendState end it, Reader reads and checks it. The
// bytes are in docs/format/period.md. A record stands for itself: it can be read from any file, in any order, twice. A
// Shipper chooses the chunks of a key for a peer that lacks a span of time.
//
// # Where it sits
//
// Under engine, which makes records of what it holds and takes them back, under storage, which keeps them in files, and
// under exchange, which brings them from a peer.
//
// # Invariants
//
// What Reader accepts can be decoded to its last point, has the count that its head says, and has its times in order
// and in the period. No input makes it panic, or allocate more than a chunk may be large.
//
// # What it does not do
//
// It has no checksum: the files' frames have one. Reset believes the digest; Hours computes it,
// for records of others.
package chunkrec
