package replog

import (
	"encoding/binary"
	"math"

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
}

// ShardState is what a State says of a shard.
type ShardState struct {
	Shard int
	Seq   Seq // of the last record before
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
	return dst
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
		s.Shards = append(s.Shards, ShardState{int(shard), seq})
	}
	return s, nil
}
