// Package chunk is the text-exact encoding of one run of points.
//
// # What it is
//
// A chunk is a header of 7 bytes and a stream of bits, described byte by byte in docs/format/chunk.md. A value that is
// a plain decimal is an integer mantissa, never a float64: its text comes back byte for byte from the mantissa and the
// chunk's two decimal counts. Everything else (exponents, -0, words, another spelling of the time) is an odd point and
// stands in the stream as text. Append adds one point to an open chunk in place; Encode chooses the best parameters for
// a whole run; Reader decodes.
//
// # Where it sits
//
// Under engine, which decides which points form a chunk and where its bytes live. It imports nothing of ours.
//
// # Invariants
//
// Reader gives exactly the points that were put in, in that order. No input makes Reader panic, loop or read outside
// its bytes: damage is ErrCorrupt.
//
// # What it does not do
//
// It does not sort, does not compare, and has no checksum: whoever writes chunks to a file adds one.
package chunk
