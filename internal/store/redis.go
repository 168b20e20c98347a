package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
)

// ErrEpoch: the store lost its data (FLUSHALL, a restart without persistence) since its Epoch was read last. The
// points are in; cursor and marks were not kept. Read the Epoch again and start over.
var ErrEpoch = errors.New("the store's data set is another one now")

// ProcessConfig says which Redis or Valkey process.
type ProcessConfig struct {
	URL string // address.Parse
	address.Login
	Layout  series.Layout
	Cluster string           // the flock's name, keys the digests
	Clock   func() time.Time // nil = time.Now
}

// Redis is a Store in one Redis or Valkey process. It is safe for concurrent use and connects when first asked.
type Redis struct {
	cfg     ProcessConfig
	c       *conn // RESP2
	r3      *conn // RESP3, for clients that speak it
	seed    uint64
	foreign atomic.Int64

	mu    sync.Mutex // protects what follows
	epoch string     // dn:epoch as last read
	full  string     // what Epoch answered last
	asked time.Time  // when that was
}

// epochAge is how long an answer of Epoch serves everybody: each syncer of the node and of its peers asks at every
// poll. That it may be this old harms nothing: the process may be another one right after any answer, and the scripts
// compare dn:epoch themselves before they keep a cursor.
const epochAge = 200 * time.Millisecond

var (
	_ Commander = (*Redis)(nil)
	_ Tailer    = (*Redis)(nil)
)

// DialProcess makes a Redis store. It does not connect yet, so a process that is down is no error here; a URL that
// can not be read shows in the error of every call.
func DialProcess(cfg ProcessConfig) *Redis {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Redis{
		cfg: cfg, seed: DigestSeed(cfg.Cluster),
		c: mustConn(newConn(cfg.URL, cfg.Login, 0, false)), r3: mustConn(newConn(cfg.URL, cfg.Login, 0, true)),
	}
}

// mustConn turns a bad URL into a connection that always fails with it.
func mustConn(c *conn, err error) *conn {
	if err != nil {
		return &conn{bad: err}
	}
	return c
}

// Remote says that calls are round trips.
func (r *Redis) Remote() bool { return true }

// Close ends the connections.
func (r *Redis) Close() error { return errors.Join(r.c.close(), r.r3.close()) }

// Traffic is what went over the connections so far.
func (r *Redis) Traffic() Traffic {
	a, b := r.c.traffic(), r.r3.traffic()
	return Traffic{a.Commands + b.Commands, a.Sent + b.Sent, a.Received + b.Received}
}

// Epoch is the process' run_id and the random name of its data set, which it gets here if it has none.
func (r *Redis) Epoch(ctx context.Context) (string, error) {
	now := r.cfg.Clock()
	r.mu.Lock()
	full, age := r.full, now.Sub(r.asked)
	r.mu.Unlock()
	if full != "" && age >= 0 && age < epochAge {
		return full, nil
	}
	return r.askEpoch(ctx, now)
}

// forgetEpoch makes the next Epoch ask: the process may have been replaced.
func (r *Redis) forgetEpoch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = ""
}

func (r *Redis) askEpoch(ctx context.Context, now time.Time) (string, error) {
	r.forgetEpoch()
	replies, err := r.c.do(ctx, []string{"INFO", "server"}, []string{"GET", journal.Epoch})
	if err != nil {
		return "", err
	}
	info, err := replies[0].ToString()
	if err != nil {
		return "", wrap(err)
	}
	epoch, err := replies[1].ToString()
	if wrap(err) != nil {
		return "", wrap(err)
	}
	if epoch == "" {
		if epoch, err = r.newEpoch(ctx); err != nil {
			return "", err
		}
	}
	full := infoField(info, "run_id") + "-" + epoch
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch, r.full, r.asked = epoch, full, now
	return full, nil
}

func (r *Redis) newEpoch(ctx context.Context) (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw epoch: %w", err)
	}
	replies, err := r.c.do(ctx, []string{"SETNX", journal.Epoch, hex.EncodeToString(b[:])}, []string{"GET", journal.Epoch})
	if err != nil {
		return "", err
	}
	s, err := replies[1].ToString()
	return s, wrap(err)
}

// infoField finds a field in an INFO text.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Heads gives the highest scores of both journals.
func (r *Redis) Heads(ctx context.Context) (journalHead, late int64, err error) {
	last := func(name string) []string { return []string{"ZREVRANGE", name, "0", "0", "WITHSCORES"} }
	replies, err := r.c.do(ctx, last(journal.Journal), last(journal.Late))
	if err != nil {
		return 0, 0, err
	}
	var heads [2]int64
	for i, rep := range replies {
		a, err := rep.ToArray()
		if wrap(err) != nil {
			return 0, 0, wrap(err)
		}
		if len(a) == 2 {
			f, err := a[1].AsFloat64()
			if err != nil {
				return 0, 0, wrap(err)
			}
			heads[i] = int64(f)
		}
	}
	return heads[0], heads[1], nil
}

// Changes reads dn:journal.
func (r *Redis) Changes(ctx context.Context, from int64, limit int) ([]Change, error) {
	return r.changes(ctx, journal.Journal, from, limit)
}

// LateChanges reads dn:late.
func (r *Redis) LateChanges(ctx context.Context, from int64, limit int) ([]Change, error) {
	return r.changes(ctx, journal.Late, from, limit)
}

// changes leaves out the entry that only keeps the score of what was dropped.
func (r *Redis) changes(ctx context.Context, name string, from int64, limit int) ([]Change, error) {
	all, err := r.c.changes(ctx, name, from, limit)
	isDropped := func(c Change) bool { return c.Key == journal.Dropped }
	if err != nil || !slices.ContainsFunc(all, isDropped) {
		return all, err
	}
	if limit > 0 && len(all) == limit {
		if all, err = r.c.changes(ctx, name, from, limit+1); err != nil {
			return nil, err
		}
	}
	all = slices.DeleteFunc(all, isDropped)
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

// Ranges reads points. Members that can not be points are left out and counted.
func (r *Redis) Ranges(ctx context.Context, queries []RangeQuery) ([][]series.Point, error) {
	out, foreign, err := r.c.ranges(ctx, r.cfg.Layout, queries)
	r.foreign.Add(int64(foreign))
	return out, err
}

// Tails is Tailer.
func (r *Redis) Tails(ctx context.Context, queries []TailQuery) ([]int, [][]series.Point, error) {
	counts, out, foreign, err := r.c.tails(ctx, r.cfg.Layout, queries)
	r.foreign.Add(int64(foreign))
	return counts, out, err
}

// Counts is ZCARD: an upper bound where a key holds foreign members.
func (r *Redis) Counts(ctx context.Context, keys []series.Key) ([]int, error) {
	return r.c.counts(ctx, r.cfg.Layout, keys)
}

// Floor reads dn:floor.
func (r *Redis) Floor(ctx context.Context) (series.Period, error) {
	m, err := r.c.one(ctx, "GET", journal.Floor)
	if err != nil || m.IsNil() {
		return 0, err
	}
	s, err := m.ToString()
	if err != nil {
		return 0, wrap(err)
	}
	p, ok := r.cfg.Layout.ParsePeriod([]byte(s))
	if !ok {
		return 0, fmt.Errorf("%s holds %q, which is no period in the layout %s", journal.Floor, s, r.cfg.Layout)
	}
	return p, nil
}

// Stats asks the process. Its memory is all of its memory.
func (r *Redis) Stats(ctx context.Context) (Stats, error) {
	replies, err := r.c.do(ctx, []string{"INFO", "memory"}, []string{"ZCARD", journal.Journal})
	if err != nil {
		return Stats{}, err
	}
	info, err := replies[0].ToString()
	if err != nil {
		return Stats{}, wrap(err)
	}
	n, err := replies[1].AsInt64()
	if err != nil {
		return Stats{}, wrap(err)
	}
	used, err := strconv.ParseInt(infoField(info, "used_memory"), 10, 64)
	if err != nil {
		return Stats{}, fmt.Errorf("info memory: %w", err)
	}
	return Stats{Series: int(n), Points: -1, Bytes: used, Foreign: r.foreign.Load()}, nil
}

// Cursor reads dn:cursors.
func (r *Redis) Cursor(ctx context.Context, peer string) (Cursor, error) {
	m, err := r.c.one(ctx, "HGET", journal.Cursors, peer)
	if err != nil || m.IsNil() {
		return Cursor{}, err
	}
	s, err := m.ToString()
	if err != nil {
		return Cursor{}, wrap(err)
	}
	var c Cursor
	c.Epoch, c.Journal, c.Late, err = journal.ParseCursor(s)
	return c, err
}

// Marks reads dn:marks:<peer>.
func (r *Redis) Marks(ctx context.Context, peer string, keys []string) ([]Mark, error) {
	out := make([]Mark, 0, len(keys))
	for start := 0; start < len(keys); start += 1000 {
		part := keys[start:min(start+1000, len(keys))]
		m, err := r.c.one(ctx, append([]string{"HMGET", journal.Marks(peer)}, part...)...)
		if err != nil {
			return nil, err
		}
		all, err := m.ToArray()
		if err != nil {
			return nil, wrap(err)
		}
		for _, v := range all {
			s, err := v.ToString()
			if wrap(err) != nil {
				return nil, wrap(err)
			}
			ts, score, err := journal.ParseMark(s)
			if err != nil {
				return nil, err
			}
			out = append(out, Mark{TS: ts, Score: score})
		}
	}
	return out, nil
}
