package replog

import (
	"encoding/binary"
	"math"

	"github.com/dunlin-db/dunlin/internal/series"
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
	dst = binary.AppendUvarint(dst, zigzag(int64(s.Floor)))
	dst = binary.AppendUvarint(dst, uint64(len(s.Shards)))
	for _, sh := range s.Shards {
		dst = binary.AppendUvarint(dst, uint64(sh.Shard))
		dst = binary.AppendUvarint(dst, uint64(sh.Seq))
	}
	return dst
}

// ReadState reads a state record. What later versions add behind it is passed over.
func ReadState(rec []byte) (s State, err error) {
	in := input{b: rec}
	kind := in.byte()
	s.Node = string(in.bytes(in.uvarint(), mostNode))
	s.Incarnation = Incarnation(in.uint64())
	layout := string(in.bytes(in.uvarint(), 64))
	floor := unzigzag(in.uvarint())
	shards := in.uvarint()
	if in.bad || Kind(kind) != States || floor < math.MinInt32 || floor > math.MaxInt32 || shards > uint64(len(rec)) {
		return State{}, ErrCorrupt
	}
	s.Floor = series.Period(floor)
	if s.Layout, err = series.ParseLayout(layout); err != nil {
		return State{}, err
	}
	for range shards {
		shard, seq := in.uvarint(), Seq(in.uvarint())
		if in.bad || shard > math.MaxInt32 {
			return State{}, ErrCorrupt
		}
		s.Shards = append(s.Shards, ShardState{int(shard), seq})
	}
	return s, nil
}
