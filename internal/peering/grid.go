package peering

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/edict"
	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/grid"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// What a request to compare asks for.
const (
	askStanding = iota
	askHours
	askBuckets
	askSeries
	askPoints
	askSnapshot
	askEdicts
	askChunks
)

// Grid answers a request to compare (docs/log-protocol.md).
func (s *Session) Grid(ctx context.Context, req, dst []byte) ([]byte, error) {
	in := &input{b: req}
	if in.byte() != Version {
		return nil, fmt.Errorf("grid: version: %w", ErrCorrupt)
	}
	op := in.byte()
	q := in.query()
	if err := in.end(); err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	switch f := s.feed.Source(); op {
	case askStanding:
		st, err := f.Standing(ctx, q.Shard)
		st.Compared = s.compared(q.Shard)
		return appendStanding(dst, st), err
	case askSnapshot:
		snap, err := f.Snapshot(ctx, q.Shard)
		snap.Compared = s.compared(q.Shard)
		return appendHours(appendStanding(dst, snap.Standing), snap.Hours), err
	case askEdicts:
		if s.feed.Edicts == nil {
			return (*edict.Set)(nil).Append(dst), nil
		}
		return s.feed.Edicts.Append(dst), nil
	case askHours:
		hours, err := f.Hours(ctx, q.Shard)
		return appendHours(dst, hours), err
	case askBuckets:
		sums, err := f.Buckets(ctx, q)
		for _, d := range sums {
			dst = appendDigest(dst, d)
		}
		return dst, err
	case askSeries:
		list, next, err := f.Series(ctx, q)
		dst = binary.AppendUvarint(dst, uint64(next))
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, d := range list {
			dst = appendDigest(appendText(dst, d.Series), d.Digest)
		}
		return dst, err
	case askPoints:
		recs, err := f.Points(ctx, q)
		return appendRecords(dst, recs), err
	case askChunks:
		recs, next, err := f.Chunks(ctx, q)
		return appendRecords(binary.AppendUvarint(dst, uint64(next)), recs), err
	}
	return nil, fmt.Errorf("grid: question %d: %w", op, ErrCorrupt)
}

// compared gives the excess of the asker's shard that this node has compared with.
func (s *Session) compared(shard int) uint64 {
	if s.feed.Compared == nil {
		return 0
	}
	return s.feed.Compared(s.other.Node, shard)
}

func appendRecords(dst []byte, recs [][]byte) []byte {
	size := binary.MaxVarintLen64
	for _, rec := range recs {
		size += len(rec) + binary.MaxVarintLen32
	}
	dst = slices.Grow(dst, size)
	dst = binary.AppendUvarint(dst, uint64(len(recs)))
	for _, rec := range recs {
		dst = appendText(dst, rec)
	}
	return dst
}

func (in *input) records() (recs [][]byte) {
	for range in.count() {
		recs = append(recs, in.text(len(in.b)))
	}
	return recs
}

func appendHours(dst []byte, hours []grid.HourDigest) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(hours)))
	for _, h := range hours {
		dst = appendDigest(binary.AppendUvarint(dst, uint64(h.Hour)), h.Digest)
	}
	return dst
}

func appendQuery(dst []byte, q exchange.HourQuery) []byte {
	dst = binary.AppendUvarint(dst, uint64(q.Shard))
	dst = binary.AppendUvarint(dst, uint64(q.Hour))
	var bits [grid.Buckets / 8]byte
	for b, want := range q.Want {
		if want {
			bits[b/8] |= 1 << (b % 8)
		}
	}
	dst = append(dst, bits[:]...)
	dst = binary.AppendUvarint(dst, uint64(q.From))
	dst = binary.AppendUvarint(dst, uint64(len(q.Series)))
	for _, name := range q.Series {
		dst = appendText(dst, name)
	}
	return dst
}

const (
	mostHour = 253402300799999 / store.HourMillis // of the year 9999
	mostKey  = 1 << 10                            // bytes of host:metric
)

func (in *input) query() (q exchange.HourQuery) {
	q.Shard, q.Hour = int(in.uvarint(mostShards)), int64(in.uvarint(mostHour))
	for i, bits := range in.take(grid.Buckets / 8) {
		for b := range 8 {
			q.Want[8*i+b] = bits>>b&1 != 0
		}
	}
	q.From = uint32(in.uvarint(1<<32 - 1))
	for n := min(in.count(), exchange.MostSeries+1); n > 0; n-- {
		q.Series = append(q.Series, in.text(mostKey))
	}
	in.bad = in.bad || len(q.Series) > exchange.MostSeries
	return q
}

func appendStanding(dst []byte, st exchange.Standing) []byte {
	flags := byte(0)
	if st.Whole {
		flags |= 1
	}
	if st.Suspect {
		flags |= 2
	}
	if st.Busy {
		flags |= 4
	}
	if st.Ahead {
		flags |= 8
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, flags), st.Excess)
	dst = binary.LittleEndian.AppendUint64(dst, st.Compared)
	dst = binary.LittleEndian.AppendUint64(dst, st.Edicts)
	dst = binary.AppendUvarint(dst, st.Turn)
	dst = varint.AppendSigned(varint.AppendSigned(dst, int64(st.Floor)), int64(st.Thin))
	dst = binary.AppendUvarint(dst, uint64(len(st.Vector)))
	for _, r := range st.Vector {
		dst = replog.AppendReach(dst, r)
	}
	return dst
}

// Caller sends a command with one argument to the other node and gives its reply. Package node has it.
type Caller interface {
	Call(ctx context.Context, cmd string, arg []byte) ([]byte, error)
}

// far is a Remote at the other end of a connection.
type far struct {
	c      Caller
	chunks bool // it gives whole chunks
}

func (r far) ask(ctx context.Context, op byte, q exchange.HourQuery) (*input, error) {
	b, err := r.c.Call(ctx, "DN.GRID", appendQuery([]byte{Version, op}, q))
	return &input{b: b}, err
}

func (r far) Standing(ctx context.Context, shard int) (st exchange.Standing, err error) {
	in, err := r.ask(ctx, askStanding, exchange.HourQuery{Shard: shard})
	if err != nil {
		return st, err
	}
	st = in.standing(shard)
	return st, in.end()
}

func (r far) Snapshot(ctx context.Context, shard int) (snap exchange.Snapshot, err error) {
	in, err := r.ask(ctx, askSnapshot, exchange.HourQuery{Shard: shard})
	if err != nil {
		return snap, err
	}
	snap.Standing = in.standing(shard)
	snap.Hours = in.hours()
	return snap, in.end()
}

func (in *input) standing(shard int) (st exchange.Standing) {
	flags := in.byte()
	st.Whole, st.Suspect, st.Busy = flags&1 != 0, flags&2 != 0, flags&4 != 0
	st.Ahead = flags&8 != 0
	st.Excess, st.Compared, st.Edicts = in.uint64(), in.uint64(), in.uint64()
	st.Turn = in.uvarint(mostSeq)
	st.Floor, st.Thin = series.Period(in.signed()), series.Period(in.signed())
	for range in.count() {
		v, rest, err := replog.ReadReach(in.b, shard)
		if in.b = rest; err != nil {
			in.bad = true
			break
		}
		st.Vector = append(st.Vector, v)
	}
	return st
}

func (in *input) hours() (hours []grid.HourDigest) {
	for range in.count() {
		hours = append(hours, grid.HourDigest{Hour: int64(in.uvarint(mostHour)), Digest: in.digest()})
	}
	return hours
}

func (r far) Hours(ctx context.Context, shard int) (hours []grid.HourDigest, err error) {
	in, err := r.ask(ctx, askHours, exchange.HourQuery{Shard: shard})
	if err != nil {
		return nil, err
	}
	hours = in.hours()
	return hours, in.end()
}

func (r far) Buckets(ctx context.Context, q exchange.HourQuery) (sums grid.Sums, err error) {
	in, err := r.ask(ctx, askBuckets, q)
	if err != nil {
		return sums, err
	}
	for b := range sums {
		sums[b] = in.digest()
	}
	return sums, in.end()
}

func (r far) Series(ctx context.Context, q exchange.HourQuery) (list []grid.SeriesDigest, next uint32, err error) {
	in, err := r.ask(ctx, askSeries, q)
	if err != nil {
		return nil, 0, err
	}
	next = uint32(in.uvarint(1<<32 - 1))
	for range in.count() {
		list = append(list, grid.SeriesDigest{Series: in.text(mostKey), Digest: in.digest()})
	}
	return list, next, in.end()
}

func (r far) Points(ctx context.Context, q exchange.HourQuery) (recs [][]byte, err error) {
	in, err := r.ask(ctx, askPoints, q)
	if err != nil {
		return nil, err
	}
	recs = in.records()
	return recs, in.end()
}

func (r far) Chunks(ctx context.Context, q exchange.HourQuery) (recs [][]byte, next uint32, err error) {
	if !r.chunks {
		return nil, 0, exchange.ErrNoChunks
	}
	in, err := r.ask(ctx, askChunks, q)
	if err != nil {
		return nil, 0, err
	}
	next = uint32(in.uvarint(1<<32 - 1))
	recs = in.records()
	return recs, next, in.end()
}
