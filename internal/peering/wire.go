package peering

import (
	"encoding/binary"
	"errors"

	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/varint"
)

// Version is that of the log protocol.
const Version = 1

// ErrCorrupt: what the other side sent is not of the protocol.
var ErrCorrupt = errors.New("not of the log protocol")

// status says how a shard is answered.
type status byte

const (
	statusOK      status = iota
	statusGap            // the log does not reach back to where the asker is: an exchange is needed
	statusLoading        // nobody knows yet what the shard has
	statuses

	// withExcess says that the number of the shard's excess follows the status.
	withExcess = 0x80
	// withPreviews says that then follows how many of the first records are previews.
	withPreviews = 0x40
	// askPreviews, added to the bytes that are wanted, says that previews are welcome. Who knows none takes it for many.
	askPreviews = 1 << 32
)

// input reads what the other side sent. bad is set once there is something wrong, and all reads are empty from there
// on.
type input struct {
	b   []byte
	bad bool
}

func (in *input) byte() byte {
	if len(in.b) == 0 {
		in.bad = true
		return 0
	}
	c := in.b[0]
	in.b = in.b[1:]
	return c
}

func (in *input) uvarint(most uint64) uint64 {
	u, n := binary.Uvarint(in.b)
	if n <= 0 || u > most {
		in.bad, in.b = true, nil
		return 0
	}
	in.b = in.b[n:]
	return u
}

// signed reads what varint.AppendSigned appends, of 32 bits at most.
func (in *input) signed() int64 { return varint.Unzigzag(in.uvarint(1<<32 - 1)) }

func (in *input) uint64() uint64 {
	b := in.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (in *input) take(n int) []byte {
	if n > len(in.b) {
		in.bad, in.b = true, nil
		return nil
	}
	b := in.b[:n:n]
	in.b = in.b[n:]
	return b
}

// text reads bytes behind their length.
func (in *input) text(most int) []byte { return in.take(int(in.uvarint(uint64(most)))) }

// count reads how many things follow, of at least one byte each.
func (in *input) count() int { return int(in.uvarint(uint64(len(in.b)))) }

func (in *input) end() error {
	if in.bad || len(in.b) > 0 {
		return ErrCorrupt
	}
	return nil
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

const (
	mostShards = 1 << 16
	mostName   = 255 // bytes of the name of a node
	mostSeq    = 1<<63 - 1
)

// ask is what a request says of one shard.
type ask struct {
	shard  int
	reset  bool // all that is known; else what is new
	vector []replog.Reach
}

// originNumbers gives origins numbers, in the order in which they were first spoken of on a connection. Both sides keep
// the same.
type originNumbers struct {
	list []replog.Origin // without their shard
	at   map[replog.Origin]uint64
}

// mostOrigins bounds what one connection can make the other side remember.
const mostOrigins = 1 << 16

// append appends an origin: its number from 1 on, or 0 and the origin.
func (n *originNumbers) append(dst []byte, o replog.Origin) []byte {
	o.Shard = 0
	if i, ok := n.at[o]; ok {
		return binary.AppendUvarint(dst, i)
	}
	n.add(o)
	dst = appendText(append(dst, 0), o.Node)
	return binary.LittleEndian.AppendUint64(dst, uint64(o.Incarnation))
}

func (n *originNumbers) add(o replog.Origin) {
	if n.at == nil {
		n.at = map[replog.Origin]uint64{}
	}
	n.list = append(n.list, o)
	n.at[o] = uint64(len(n.list))
}

func (n *originNumbers) read(in *input, shard int) (o replog.Origin) {
	i := in.uvarint(uint64(len(n.list)))
	if i > 0 {
		o = n.list[i-1]
	} else {
		o.Node = string(in.text(mostName))
		o.Incarnation = replog.Incarnation(in.uint64())
		if len(n.list) >= mostOrigins {
			in.bad = true
		}
		if !in.bad {
			n.add(o)
		}
	}
	o.Shard = shard
	return o
}

// appendAsk appends what a request says of one shard.
func (n *originNumbers) appendAsk(dst []byte, a ask) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.shard))
	reset := byte(0)
	if a.reset {
		reset = 1
	}
	dst = binary.AppendUvarint(append(dst, reset), uint64(len(a.vector)))
	for _, r := range a.vector {
		dst = binary.AppendUvarint(n.append(dst, r.Origin), uint64(r.Seq))
	}
	return dst
}

func (n *originNumbers) readAsk(in *input) (a ask) {
	a.shard = int(in.uvarint(mostShards))
	a.reset = in.byte() == 1
	for range in.count() {
		o := n.read(in, a.shard)
		a.vector = append(a.vector, replog.Reach{Origin: o, Seq: replog.Seq(in.uvarint(mostSeq))})
		if in.bad {
			break
		}
	}
	return a
}

func appendDigest(dst []byte, d store.Digest) []byte {
	dst = binary.AppendUvarint(dst, uint64(d.Points))
	if d.Points == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, d.Hi), d.Lo)
}

func (in *input) digest() (d store.Digest) {
	if d.Points = int64(in.uvarint(mostSeq)); d.Points > 0 {
		d.Hi, d.Lo = in.uint64(), in.uint64()
	}
	return d
}
