package replog

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// Incarnation is one life of a process.
type Incarnation uint64

// NewIncarnation draws one.
func NewIncarnation() Incarnation {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return Incarnation(binary.LittleEndian.Uint64(b[:]))
}

// String gives 16 hexadecimal digits.
func (i Incarnation) String() string { return fmt.Sprintf("%016x", uint64(i)) }

// Origin is one run of one shard on one node.
type Origin struct {
	Node        string
	Shard       int // 1..N
	Incarnation Incarnation
}

// Seq numbers the changes of an origin, from 1, without gaps.
type Seq uint64
