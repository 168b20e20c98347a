package shard

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/mend"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// hurt is the keys whose memory is damaged, as a point showed that belongs between what can not be read. Points of
// peers that do are laid aside until the key is mended; a client is told to send its point again. Under the shard's
// lock.
type hurt struct {
	keys  map[string]*hurtKey
	aside int // points, of all keys
}

type hurtKey struct {
	key    series.Key
	points []series.Point
}

// mostAside bounds what is laid aside of a shard.
const mostAside = 1 << 16

// room says that n points more can be laid aside.
func (h *hurt) room(n int) bool { return h.aside+n <= mostAside }

func (h *hurt) of(k series.Key) *hurtKey {
	return h.keys[strconv.Itoa(int(k.Period))+":"+string(k.Series)]
}

// note notes that a key is damaged.
func (h *hurt) note(k series.Key) *hurtKey {
	if had := h.of(k); had != nil {
		return had
	}
	if h.keys == nil {
		h.keys = map[string]*hurtKey{}
	}
	one := &hurtKey{key: k.Clone()}
	h.keys[strconv.Itoa(int(k.Period))+":"+string(k.Series)] = one
	return one
}

// lay lays points of a key aside.
func (h *hurt) lay(k series.Key, points ...series.Point) {
	one := h.note(k)
	for _, pt := range points {
		pt.Value = bytes.Clone(pt.Value)
		one.points = append(one.points, pt)
	}
	h.aside += len(points)
}

// forget takes a key out.
func (h *hurt) forget(one *hurtKey) {
	h.aside -= len(one.points)
	delete(h.keys, strconv.Itoa(int(one.key.Period))+":"+string(one.key.Series))
}

// noteHurt notes the keys that a batch found damaged; lay says that their points are to be kept.
func (s *Shard) noteHurt(puts []store.Put, lay bool) {
	for i := range puts {
		p := &puts[i]
		if p.Err != store.ErrDamaged {
			continue
		}
		k, err := series.ParseSeries(p.Series)
		if k.Period = p.Period; err != nil {
			continue
		}
		if s.hurt.note(k); lay {
			s.hurt.lay(k, p.Point())
		}
	}
}

// Hurt gives the keys that are known to be damaged: those of which a point could not be put where it belongs.
func (s *Shard) Hurt() (keys []series.Key) {
	t := s.Begin()
	defer t.End()
	for _, one := range s.hurt.keys {
		if one.key.Period < s.Floor() {
			s.hurt.forget(one)
			continue
		}
		keys = append(keys, one.key)
	}
	return keys
}

// Replace puts points, in order and without duplicates, in the place of those of a damaged key, if they are the ones
// that it had, with those of what was laid aside that it had too; false: they are not. Then all that was laid aside
// goes in, but for what was forgotten since. A key that is whole by now, as what could not be read of it was forgotten,
// needs no points.
func (s *Shard) Replace(k series.Key, points []series.Point) bool {
	t := s.Begin()
	defer t.End()
	st, one := s.cfg.Store.(mend.Store), s.hurt.of(k)
	if one == nil {
		return mend.Whole(st, k) || mend.Replace(st, k, points, nil)
	}
	if !mend.Whole(st, k) && !mend.Replace(st, k, points, one.points) {
		return false
	}
	live := slices.DeleteFunc(slices.Clone(one.points), func(pt series.Point) bool {
		return s.dead(k.Period, k.Series, pt.TS)
	})
	if len(live) > 0 && s.cfg.Recorder != nil {
		s.cfg.Recorder.BeginEntry() // they are in the log
	}
	g := []store.Group{{Key: k, Points: live}}
	if err := st.Unite(context.Background(), g, store.Origin{Peer: repairs}); err != nil {
		return false // there is no room for them now
	}
	s.hurt.forget(one)
	return true
}
