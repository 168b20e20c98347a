package peering

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/exchange"
	"github.com/dunlin-db/dunlin/internal/replica"
	"github.com/dunlin-db/dunlin/internal/replog"
	"github.com/dunlin-db/dunlin/internal/shard"
	"github.com/dunlin-db/dunlin/internal/watermark"
)

// How long an answer may take, and how large it gets.
const (
	gather     = 50 * time.Millisecond // after the first entry, for others to come
	longPoll   = time.Second           // without any
	mostAnswer = 64 << 10              // bytes of records, about
)

// Feed is what a node answers its peers from.
type Feed struct {
	Self   Hello
	Meet   func(other Hello) error // says why a node is not to be answered, each time it asks; nil = all are
	Heard  func(other Hello)       // is told of a node that has introduced itself; may be nil
	Shards []*shard.Shard          // with a log of their own
	Bell   *replica.Bell           // theirs
	Clock  func() time.Time
	// Compared gives the excess of a peer's shard that this node has compared with; may be nil.
	Compared func(peer string, shard int) uint64
	Disk     Archive          // where the log goes on when it is no longer in memory; nil = nowhere
	Edicts   Edicts           // what was dropped and forgotten; may be nil
	Marks    *watermark.Board // up to when others are complete here; nil = nobody wants to know
}

func (f *Feed) shard(id int) *shard.Shard {
	for _, sh := range f.Shards {
		if sh.ID() == id {
			return sh
		}
	}
	return nil
}

// Source gives what the shards are compared by.
func (f *Feed) Source() exchange.Source { return f.Shards }

// Edicts is what a node was told to drop and to forget, edict.Set of which is said.
type Edicts interface {
	Hash() uint64
	Append(dst []byte) []byte
	// Learn takes over what a peer says. An error says what of it was not taken over, and why.
	Learn(ctx context.Context, peer string, b []byte) error
}

func (f *Feed) edicts() uint64 {
	if f.Edicts == nil {
		return 0
	}
	return f.Edicts.Hash()
}

// Session answers one peer over one connection. It has one owner.
type Session struct {
	feed     *Feed
	origins  originNumbers
	follows  map[string]bool
	lanes    map[int]*lane
	first    int  // of the feed's shards, for collect
	most     int  // bytes of records of an answer, as the peer wants it
	previews bool // are welcome
	edicts   uint64
	marks    originNumbers           // of the answers
	marked   map[replog.Origin]int64 // ms: of the mark that was told last
	other    Hello
}

// lane is one shard for one peer.
type lane struct {
	sh     *shard.Shard
	cursor replica.Cursor
	disk   fromDisk
	writer
	told told
}

// told is what the peer was told of a shard.
type told struct {
	status status
	excess uint64
}

// ErrNoHello: a connection asks before it has said who it is.
var ErrNoHello = errors.New("DN.PEER comes first")

// Do executes a command of the protocol.
func (s *Session) Do(ctx context.Context, cmd string, arg []byte) ([]byte, error) {
	switch {
	case cmd == "dn.peer":
		return s.hello(string(arg))
	case s.other.Node == "":
		return nil, ErrNoHello
	}
	if err := s.meet(s.other); err != nil { // the one that it must not be may have been found later
		return nil, err
	}
	if cmd == "dn.pull" {
		return s.Pull(ctx, arg, nil, true)
	}
	return s.Grid(ctx, arg, nil)
}

// hello meets the peer. Whatever was asked over the connection before is forgotten.
func (s *Session) hello(text string) ([]byte, error) {
	other, err := ParseHello(text)
	if err == nil {
		err = s.feed.Self.Check(other)
	}
	if err == nil {
		err = s.meet(other)
	}
	if err != nil {
		return nil, err
	}
	*s = *s.feed.NewSession()
	s.other = other
	if s.feed.Heard != nil {
		s.feed.Heard(other)
	}
	return []byte(s.feed.Self.String()), nil
}

func (s *Session) meet(other Hello) error {
	if s.feed.Meet == nil {
		return nil
	}
	return s.feed.Meet(other)
}

// NewSession begins one.
func (f *Feed) NewSession() *Session {
	return &Session{
		feed: f, lanes: map[int]*lane{}, follows: map[string]bool{}, marked: map[replog.Origin]int64{},
	}
}

// Pull answers a request for the log (docs/log-protocol.md). It waits for something to answer, at most a second if wait
// is set.
func (s *Session) Pull(ctx context.Context, req, dst []byte, wait bool) ([]byte, error) {
	if err := s.read(req); err != nil {
		return nil, err
	}
	a := &answering{ctx: ctx, left: s.most}
	s.collect(a)
	if wait && a.left > 0 && !a.urgent {
		s.await(ctx, a)
	}
	return s.append(dst, a)
}

// read takes over what a request says.
func (s *Session) read(req []byte) error {
	in := &input{b: req}
	if in.byte() != Version {
		return fmt.Errorf("pull: version: %w", ErrCorrupt)
	}
	most := in.uvarint(mostSeq)
	s.most, s.previews = min(int(most&^askPreviews), mostAnswer), most&askPreviews != 0
	clear(s.follows)
	for range in.count() {
		s.follows[string(in.text(mostName))] = true
	}
	for range in.count() {
		a := s.origins.readAsk(in)
		if in.bad {
			break
		}
		l := s.lanes[a.shard]
		if l == nil {
			sh := s.feed.shard(a.shard)
			if sh == nil {
				return fmt.Errorf("shard %d: %w", a.shard, exchange.ErrShard)
			}
			l = &lane{sh: sh, writer: writer{self: sh.Origin(), enc: replog.NewEncoder()}}
			s.lanes[a.shard] = l
		}
		if a.reset {
			tx := l.sh.Begin()
			l.cursor.Reset(tx.Tail(), a.vector)
			tx.End()
			l.disk = fromDisk{}
		} else {
			l.cursor.Knows(a.vector)
		}
	}
	if err := in.end(); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	return nil
}

// answering is an answer that is being collected.
type answering struct {
	ctx     context.Context
	err     error
	parts   []part
	left    int // bytes of records
	entries int
	urgent  bool // the asker must hear of it at once
	drained bool
}

// part is what is answered for one shard.
type part struct {
	lane *lane
	told told
	news bool // the peer was told otherwise before
	recs [][]byte
	// previews is how many of the first records are: they come again in their places.
	previews int
}

// collect adds what there is for the peer. Which shard comes first changes, so that none waits for another to be done.
func (s *Session) collect(a *answering) {
	a.drained = true
	a.urgent = a.urgent || s.feed.edicts() != s.edicts
	s.first++
	for i := range s.feed.Shards {
		l := s.lanes[s.feed.Shards[(s.first+i)%len(s.feed.Shards)].ID()]
		if l == nil {
			continue
		}
		p := l.collect(s, a)
		switch p.news = p.told != l.told; {
		case p.news:
			l.told, a.urgent = p.told, true
		case len(p.recs) == 0 && p.told.status == statusOK:
			continue
		}
		for _, rec := range p.recs {
			a.left -= len(rec)
		}
		a.entries += len(p.recs)
		a.parts = append(a.parts, p)
	}
}

// collect is that of one shard.
func (l *lane) collect(s *Session, a *answering) (p part) {
	p.lane, p.told = l, l.told
	if l.sh.Loading() {
		p.told.status = statusLoading
		return p
	}
	if a.left <= 0 {
		a.drained = false
		return p
	}
	served := l.sh.Serve(&l.cursor, replica.Asker{
		Follows: s.follows, Most: a.left, Disk: s.feed.Disk != nil, Previews: s.previews,
	})
	a.drained = a.drained && served.Drained
	var recs [][]byte
	shown, err := l.encode(served.Previews, l.ofTail)
	if a.err = errors.Join(a.err, err); served.Lacks == nil {
		l.disk = fromDisk{}
		recs, err = l.encode(served.Picks, l.ofTail)
	} else {
		recs, served.Gap = l.readDisk(a, s.feed.Disk, served.Lacks)
	}
	p.recs, p.previews = append(shown, recs...), len(shown)
	if a.err = errors.Join(a.err, err); served.Gap {
		p.told.status = statusGap
	} else {
		p.told.status = statusOK
	}
	p.told.excess = served.Excess
	return p
}

// await waits for the first entry, and then a little for others.
func (s *Session) await(ctx context.Context, a *answering) {
	if a.entries > 0 {
		if s.pause(ctx) {
			s.collect(a)
		}
		return
	}
	deadline := time.NewTimer(longPoll)
	defer deadline.Stop()
	for a.entries == 0 && !a.urgent {
		rung, done := s.feed.Bell.Wait()
		if s.collect(a); a.entries == 0 && !a.urgent {
			select {
			case <-rung:
			case <-deadline.C:
				done()
				s.collect(a) // what was kept from the peer so long
				return
			case <-ctx.Done():
			}
		}
		done()
		if a.urgent || !s.pause(ctx) {
			return
		}
		s.collect(a)
	}
}

// pause lets entries come together; false: the connection has ended.
func (s *Session) pause(ctx context.Context) bool {
	t := time.NewTimer(gather)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// append writes the answer: version, wall clock in ms, whether that is all there is, the hash of the edicts, the parts,
// and marks.
func (s *Session) append(dst []byte, a *answering) ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	dst = binary.AppendUvarint(append(dst, Version), uint64(s.feed.Clock().UnixMilli()))
	drained := byte(0)
	if a.drained {
		drained = 1
	}
	s.edicts = s.feed.edicts()
	dst = binary.LittleEndian.AppendUint64(append(dst, drained), s.edicts)
	dst = binary.AppendUvarint(dst, uint64(len(a.parts)))
	for _, p := range a.parts {
		dst = binary.AppendUvarint(dst, uint64(p.lane.sh.ID()))
		flags := byte(p.told.status)
		if p.news {
			flags |= withExcess
		}
		if p.previews > 0 {
			flags |= withPreviews
		}
		if dst = append(dst, flags); p.news {
			dst = binary.LittleEndian.AppendUint64(dst, p.told.excess)
		}
		if p.previews > 0 {
			dst = binary.AppendUvarint(dst, uint64(p.previews))
		}
		dst = binary.AppendUvarint(dst, uint64(len(p.recs)))
		for _, rec := range p.recs {
			dst = appendText(dst, rec)
		}
	}
	return s.appendMarks(dst), nil
}
