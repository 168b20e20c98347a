package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
)

// controlKeys are the first KEYS of the scripts that write the journal.
func controlKeys(peer string) []string {
	return []string{
		journal.Journal, journal.Late, journal.Cards, journal.Floor, journal.Cursors,
		journal.Marks(peer), journal.Epoch,
	}
}

// slice is a part of a batch that one script call takes: some points of some groups.
type slice struct {
	groups []int // index into the batch
	keys   []string
	args   []string
	items  int
}

// Unite runs the atomic script, in calls of bounded size; cursor and marks go with the last.
func (r *Redis) Unite(ctx context.Context, groups []Group, origin Origin) error {
	slices := r.slices(groups, origin)
	for i := range groups {
		groups[i].Added = 0
	}
	for i := range slices {
		if err := r.uniteSlice(ctx, &slices[i], groups, origin, i == len(slices)-1); err != nil {
			return err
		}
	}
	return nil
}

// slices cuts a batch. Marks come after all points, so that none is kept before its data.
func (r *Redis) slices(groups []Group, origin Origin) []slice {
	out := []slice{{}}
	for i := range groups {
		key := string(r.cfg.Layout.AppendKey(nil, groups[i].Key))
		pts := groups[i].Points
		for len(pts) > 0 {
			s := &out[len(out)-1]
			if s.items >= scriptItems || len(s.keys) >= scriptKeys {
				out = append(out, slice{})
				s = &out[len(out)-1]
			}
			n := min(len(pts), scriptItems-s.items)
			s.add(i, key, "", pts[:n])
			pts = pts[n:]
		}
	}
	for key, m := range origin.Marks {
		s := &out[len(out)-1]
		if len(s.keys) >= 4*scriptKeys {
			out = append(out, slice{})
			s = &out[len(out)-1]
		}
		s.add(-1, key, journal.FormatMark(m.TS, m.Score), nil)
	}
	if origin.Peer == "" && len(out[len(out)-1].keys) == 0 {
		return out[:len(out)-1]
	}
	return out
}

func (s *slice) add(group int, key, mark string, pts []series.Point) {
	s.groups = append(s.groups, group)
	s.keys = append(s.keys, key)
	s.args = append(s.args, mark, strconv.Itoa(len(pts)))
	for _, p := range pts {
		s.args = append(s.args, scoreText(p.TS), string(series.AppendMember(nil, p)))
	}
	s.items += len(pts)
}

// scoreText is the canonical score: Redis reads it as the float64 that series.Score gives.
func scoreText(tsMillis int64) string {
	return string(series.AppendTime(nil, tsMillis, series.FracFor(tsMillis)))
}

func (r *Redis) uniteSlice(ctx context.Context, s *slice, groups []Group, origin Origin, last bool) error {
	cursor := ""
	if c := origin.Cursor; last && c != nil {
		if cursor = journal.FormatCursor(c.Epoch, c.Journal, c.Late); c.Epoch == "" {
			cursor = "-"
		}
	}
	epoch, err := r.dataEpoch(ctx, origin)
	if err != nil {
		return err
	}
	keys := append(controlKeys(origin.Peer), s.keys...)
	args := append([]string{origin.Peer, cursor, epoch}, s.args...)
	m, err := r.eval(ctx, journal.Unite, keys, args)
	if err != nil {
		r.forgetEpoch()
		return err
	}
	added, err := m.AsIntSlice()
	if err != nil {
		return wrap(err)
	}
	for i, g := range s.groups {
		if g >= 0 {
			groups[g].Added += int(added[i])
		}
	}
	if origin.Peer != "" && added[len(added)-1] == 0 {
		r.forgetEpoch()
		return ErrEpoch
	}
	return nil
}

// dataEpoch is dn:epoch as it was read last; it is read now if it never was and a cursor depends on it.
func (r *Redis) dataEpoch(ctx context.Context, origin Origin) (string, error) {
	r.mu.Lock()
	epoch := r.epoch
	r.mu.Unlock()
	if epoch != "" || origin.Peer == "" {
		return epoch, nil
	}
	if _, err := r.askEpoch(ctx, r.cfg.Clock()); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch, nil
}

// eval runs a script by its name, and by its text where the process does not know it yet.
func (r *Redis) eval(ctx context.Context, s journal.Script, keys, args []string) (rueidis.RedisMessage, error) {
	return evalOn(ctx, r.c, s, keys, args)
}

func evalOn(ctx context.Context, c *conn, s journal.Script, keys, args []string) (rueidis.RedisMessage, error) {
	m, err := c.one(ctx, evalCommand("EVALSHA", s.SHA, keys, args)...)
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		return c.one(ctx, evalCommand("EVAL", s.Text, keys, args)...)
	}
	return m, err
}

func evalCommand(name, script string, keys, args []string) []string {
	cmd := make([]string, 0, 3+len(keys)+len(args))
	cmd = append(cmd, name, script, strconv.Itoa(len(keys)))
	cmd = append(cmd, keys...)
	return append(cmd, args...)
}

// Adopt journals what was added to keys without the atomic script. It gives the number of members found.
func (r *Redis) Adopt(ctx context.Context, keys []string) (found int, err error) {
	for start := 0; start < len(keys); start += scriptKeys {
		part := keys[start:min(start+scriptKeys, len(keys))]
		m, err := r.eval(ctx, journal.Adopt, append(controlKeys("self"), part...), nil)
		if err != nil {
			return found, err
		}
		counts, err := m.AsIntSlice()
		if err != nil {
			return found, wrap(err)
		}
		for _, n := range counts {
			found += int(n)
		}
	}
	return found, nil
}

// Drop raises dn:floor, and then frees the keys below it with their entries, in bounded batches. Keys that only a
// scan finds are freed when the follower's sweep meets them.
func (r *Redis) Drop(ctx context.Context, floor series.Period) (keys int, err error) {
	old, err := r.Floor(ctx)
	if err != nil {
		return 0, err
	}
	if floor > old {
		text := r.cfg.Layout.PeriodString(floor)
		if _, err := r.c.one(ctx, "SET", journal.Floor, text); err != nil {
			return 0, err
		}
	} else {
		floor = old
	}
	dead, err := r.keysWhere(ctx, func(p series.Period) bool { return p < floor })
	if err != nil {
		return 0, err
	}
	if keys, err = r.Free(ctx, dead); err != nil {
		return keys, err
	}
	return keys, r.forgetLate(ctx, floor)
}

// Free removes keys of dropped periods and everything kept about them.
func (r *Redis) Free(ctx context.Context, dead []string) (keys int, err error) {
	m, err := r.c.one(ctx, "HKEYS", journal.Cursors)
	if err != nil {
		return 0, err
	}
	control := []string{journal.Journal, journal.Late, journal.Cards}
	peers, err := m.AsStrSlice()
	if wrap(err) != nil {
		return 0, wrap(err)
	}
	for _, peer := range peers {
		control = append(control, journal.Marks(peer))
	}
	for start := 0; start < len(dead); start += scriptKeys {
		part := dead[start:min(start+scriptKeys, len(dead))]
		all := append(append([]string(nil), control...), part...)
		m, err := r.eval(ctx, journal.Forget, all, []string{strconv.Itoa(len(peers))})
		if err != nil {
			return keys, err
		}
		n, err := m.AsInt64()
		if err != nil {
			return keys, wrap(err)
		}
		keys += int(n)
	}
	return keys, nil
}

// forgetLate takes the hours of dropped periods out of dn:late. The newest entry, if it goes, leaves its score behind
// under another name: scores must not fall.
func (r *Redis) forgetLate(ctx context.Context, floor series.Period) error {
	const page = 1000
	var dead []Change
	var last Change
	for {
		part, err := r.LateChanges(ctx, last.Score+1, page)
		if err != nil {
			return err
		}
		for _, ch := range part {
			if k, err := r.cfg.Layout.ParseKey([]byte(ch.Key)); err == nil && k.Period < floor {
				dead = append(dead, ch)
			}
			last = ch
		}
		if len(part) < page {
			break
		}
	}
	if n := len(dead); n > 0 && dead[n-1] == last {
		score := strconv.FormatInt(last.Score, 10)
		if _, err := r.c.one(ctx, "ZADD", journal.Late, score, journal.Dropped); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(dead, page) {
		cmd := []string{"ZREM", journal.Late}
		for _, ch := range part {
			cmd = append(cmd, ch.Key)
		}
		if _, err := r.c.one(ctx, cmd...); err != nil {
			return err
		}
	}
	return nil
}
