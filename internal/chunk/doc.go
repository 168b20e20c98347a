// Package chunk is the text-exact encoding of one run of points.
//
// # What it is
//
// A chunk has two forms, described bit by bit in docs/format/chunk.md. The open form (open.go, walk.go, insert.go,
// marks.go) is a State and a stream of bits that grows by Append and takes late points by Insert. The sealed form
// (seal.go, column.go, pack.go) is columns of times, values and odd points, each packed as suits it. Reader decodes
// both, each as a whole.
//
// A value that is a plain decimal is an integer mantissa, never a float64: its text comes back byte for byte from the
// mantissa and the chunk's two decimal counts. Texts that are floats in full, all 17 digits, are the bits of the float.
// Everything else (exponents, words, another spelling of the time) is an odd point and is kept as text.
//
//	member text ──► State.Append ──► stream ──► Encoder.Seal ──► columns ──► Reader ──► member text
//
// # Where it sits
//
// Under engine, which decides which points form a chunk and where its bytes live. It imports decimal, which reads and
// prints values.
//
// # Invariants
//
// Reader gives exactly the points that were put in, in that order. No input makes Reader panic, loop or read outside
// its bytes: damage is ErrCorrupt. Once it has grown to the size of its chunks, nothing here allocates.
//
// # What it does not do
//
// It does not sort but for the one point of Insert, and has no checksum: whoever writes chunks to a file adds one.
package chunk
