package replog

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// State is what every segment of the log begins with.
type State struct {
	Node        string
	Incarnation Incarnation
	Layout      series.Layout
	Floor       series.Period
	Shards      []ShardState
	Edicts      []byte // what was dropped and forgotten, as package edict writes it; nil = nothing is said
}

// ShardState is what a State says of a shard.
type ShardState struct {
	Shard  int
	Seq    Seq // of the last record before
	Vector []Reach
	Excess uint64        // not 0: the store has points that no log tells of, see docs/log-protocol.md
	Thin   series.Period // before it points may be lacking that the vector claims
}

// Reach is how far an origin is known: all its records up to Seq are in the store.
type Reach struct {
	Origin Origin
	Seq    Seq
	Last   series.Period // of their points, none is later
}

// Append appends the record.
func (s State) Append(dst []byte) []byte {
	dst = appendText(append(dst, byte(States)), s.Node)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.Incarnation))
	dst = appendText(dst, s.Layout.String())
	dst = binary.AppendUvarint(dst, varint.Zigzag(int64(s.Floor)))
	dst = binary.AppendUvarint(dst, uint64(len(s.Shards)))
	for _, sh := range s.Shards {
		dst = binary.AppendUvarint(dst, uint64(sh.Shard))
		dst = binary.AppendUvarint(dst, uint64(sh.Seq))
	}
	for _, sh := range s.Shards {
		dst = binary.AppendUvarint(dst, uint64(len(sh.Vector)))
		for _, r := range sh.Vector {
			dst = AppendReach(dst, r)
		}
		dst = binary.LittleEndian.AppendUint64(dst, sh.Excess)
	}
	thin := slices.ContainsFunc(s.Shards, func(sh ShardState) bool { return sh.Thin != 0 })
	if len(s.Edicts) > 0 || thin {
		dst = appendText(dst, string(s.Edicts))
	}
	for i := 0; thin && i < len(s.Shards); i++ {
		dst = varint.AppendSigned(dst, int64(s.Shards[i].Thin))
	}
	return dst
}

// AppendReach appends what ReadReach reads.
func AppendReach(dst []byte, r Reach) []byte {
	dst = appendText(dst, r.Origin.Node)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Origin.Incarnation))
	dst = binary.AppendUvarint(dst, uint64(r.Seq))
	return varint.AppendSigned(dst, int64(r.Last))
}

// ReadReach reads one Reach of a shard, and gives what follows it.
func ReadReach(b []byte, shard int) (r Reach, rest []byte, err error) {
	in := varint.Reader{B: b}
	r = readReach(&in, shard)
	if in.Bad {
		return Reach{}, nil, ErrCorrupt
	}
	return r, b[in.At:], nil
}

func readReach(in *varint.Reader, shard int) (r Reach) {
	r.Origin.Node, r.Origin.Shard = string(in.Bytes(in.Unsigned(), mostNode)), shard
	r.Origin.Incarnation = Incarnation(in.Uint64())
	r.Seq = Seq(in.Unsigned())
	r.Last = readPeriod(in)
	return r
}

func readPeriod(in *varint.Reader) series.Period {
	p := in.Signed()
	in.Bad = in.Bad || p < math.MinInt32 || p > math.MaxInt32
	return series.Period(p)
}

// ReadState reads a state record. What later versions add behind it is passed over.
func ReadState(rec []byte) (s State, err error) {
	in := varint.Reader{B: rec}
	kind := in.Byte()
	s.Node = string(in.Bytes(in.Unsigned(), mostNode))
	s.Incarnation = Incarnation(in.Uint64())
	layout := string(in.Bytes(in.Unsigned(), 64))
	floor := in.Signed()
	shards := in.Unsigned()
	if in.Bad || Kind(kind) != States || floor < math.MinInt32 || floor > math.MaxInt32 || shards > uint64(len(rec)) {
		return State{}, ErrCorrupt
	}
	s.Floor = series.Period(floor)
	if s.Layout, err = series.ParseLayout(layout); err != nil {
		return State{}, err
	}
	for range shards {
		shard, seq := in.Unsigned(), Seq(in.Unsigned())
		if in.Bad || shard > math.MaxInt32 {
			return State{}, ErrCorrupt
		}
		s.Shards = append(s.Shards, ShardState{Shard: int(shard), Seq: seq})
	}
	if in.At == len(rec) {
		return s, nil // written before there were vectors
	}
	for i := range s.Shards {
		n := in.Unsigned()
		for range n {
			if in.Bad {
				return State{}, ErrCorrupt
			}
			s.Shards[i].Vector = append(s.Shards[i].Vector, readReach(&in, s.Shards[i].Shard))
		}
		s.Shards[i].Excess = in.Uint64()
	}
	if in.At < len(rec) {
		s.Edicts = bytes.Clone(in.Bytes(in.Unsigned(), uint64(len(rec))))
	}
	for i := 0; in.At < len(rec) && i < len(s.Shards); i++ {
		s.Shards[i].Thin = readPeriod(&in)
	}
	if in.Bad {
		return State{}, ErrCorrupt
	}
	return s, nil
}
