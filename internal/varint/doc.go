// Package varint reads and writes numbers of variable length.
//
// # What it is
//
// Reader takes unsigned and signed numbers, bytes and texts from bytes of any origin; AppendSigned, Zigzag and Unzigzag
// go with encoding/binary's AppendUvarint, which writes the unsigned ones.
//
// # Where it sits
//
// Under chunk and replog. It imports nothing of ours.
//
// # Invariants
//
// No bytes make a Reader panic or read beyond them; what it can not read makes it Bad, for good.
//
// # What it does not do
//
// It allocates nothing and knows no records.
package varint
