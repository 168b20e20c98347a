package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dunlin-db/dunlin/internal/address"
	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
)

// PeerConfig says which shard of which node.
type PeerConfig struct {
	URL string // of the node's front door
	address.Login
	Shard   int // 1..N, the database that is selected
	Layout  series.Layout
	Cluster string
}

// Peer reads a shard of another node through its front door. Where a plain Redis process answers instead (it knows no
// DN.EPOCH), the Peer reads that process' first database. It is safe for concurrent use.
type Peer struct {
	cfg PeerConfig
	c   *conn

	plain atomic.Bool // the other end knows no DN.POLL

	mu   sync.Mutex
	bare *Redis // not nil once the other end turned out to be a plain process; protected by mu
}

var (
	_ Tailer = (*Peer)(nil)
	_ Poller = (*Peer)(nil)
)

var errAnswer = errors.New("unexpected answer")

// DialPeer makes a Peer. It connects when first asked.
func DialPeer(cfg PeerConfig) *Peer {
	return &Peer{cfg: cfg, c: mustConn(newConn(cfg.URL, cfg.Login, cfg.Shard, false))}
}

// Close ends the connections.
func (p *Peer) Close() error {
	if b := p.process(); b != nil {
		return errors.Join(p.c.close(), b.Close())
	}
	return p.c.close()
}

// Traffic is what went over the connections so far.
func (p *Peer) Traffic() Traffic {
	t := p.c.traffic()
	if b := p.process(); b != nil {
		u := b.Traffic()
		t.Commands, t.Sent, t.Received = t.Commands+u.Commands, t.Sent+u.Sent, t.Received+u.Received
	}
	return t
}

func (p *Peer) process() *Redis {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bare
}

// Epoch asks DN.EPOCH. Every other question relies on it having been asked first.
func (p *Peer) Epoch(ctx context.Context) (string, error) {
	if b := p.process(); b != nil {
		return b.Epoch(ctx)
	}
	m, err := p.c.one(ctx, "DN.EPOCH")
	if isUnknown(err) {
		p.mu.Lock()
		p.bare = DialProcess(ProcessConfig{
			URL: p.cfg.URL, Login: p.cfg.Login, Layout: p.cfg.Layout,
			Cluster: p.cfg.Cluster,
		})
		p.mu.Unlock()
		return p.process().Epoch(ctx)
	}
	if err != nil {
		return "", err
	}
	s, err := m.ToString()
	return s, wrap(err)
}

// Poll is Poller.
func (p *Peer) Poll(ctx context.Context, journalFrom, lateFrom int64, limit int) (
	epoch string, list, late []Change, err error,
) {
	if b := p.process(); b != nil {
		return pollEach(ctx, b, journalFrom, lateFrom, limit)
	}
	if !p.plain.Load() {
		epoch, list, late, err = p.c.poll(ctx, journalFrom, lateFrom, limit)
		if !isUnknown(err) {
			return epoch, list, late, err
		}
		p.plain.Store(true) // an older node
	}
	return p.pollPlain(ctx, journalFrom, lateFrom, limit)
}

// pollPlain is Poll without DN.POLL.
func (p *Peer) pollPlain(ctx context.Context, journalFrom, lateFrom int64, limit int) (
	epoch string, list, late []Change, err error,
) {
	replies, err := p.c.do(ctx, []string{"DN.EPOCH"}, changesCommand(journal.Journal, journalFrom, limit),
		changesCommand(journal.Late, lateFrom, limit))
	if err != nil {
		return "", nil, nil, err
	}
	if isUnknown(replies[0].Error()) { // Epoch finds out what it is
		return pollEach(ctx, p, journalFrom, lateFrom, limit)
	}
	if epoch, err = replies[0].ToString(); wrap(err) != nil {
		return "", nil, nil, wrap(err)
	}
	for i, to := range []*[]Change{&list, &late} {
		m, err := replies[i+1].ToMessage()
		if wrap(err) != nil {
			return "", nil, nil, wrap(err)
		}
		if *to, err = readChanges(m); err != nil {
			return "", nil, nil, err
		}
	}
	return epoch, list, late, nil
}

// pollEach asks one after the other.
func pollEach(ctx context.Context, r Reader, journalFrom, lateFrom int64, limit int) (
	epoch string, list, late []Change, err error,
) {
	if epoch, err = r.Epoch(ctx); err == nil {
		list, err = r.Changes(ctx, journalFrom, limit)
	}
	if err == nil {
		late, err = r.LateChanges(ctx, lateFrom, limit)
	}
	return epoch, list, late, err
}

// Heads asks DN.HEADS.
func (p *Peer) Heads(ctx context.Context) (journalHead, late int64, err error) {
	if b := p.process(); b != nil {
		return b.Heads(ctx)
	}
	m, err := p.c.one(ctx, "DN.HEADS")
	if err != nil {
		return 0, 0, err
	}
	heads, err := m.AsIntSlice()
	if err != nil || len(heads) != 2 {
		return 0, 0, fmt.Errorf("dn.heads: %d values, want 2: %w", len(heads), errors.Join(errAnswer, wrap(err)))
	}
	return heads[0], heads[1], nil
}

// Changes reads the journal.
func (p *Peer) Changes(ctx context.Context, from int64, limit int) ([]Change, error) {
	if b := p.process(); b != nil {
		return b.Changes(ctx, from, limit)
	}
	return p.c.changes(ctx, journal.Journal, from, limit)
}

// LateChanges reads the late journal.
func (p *Peer) LateChanges(ctx context.Context, from int64, limit int) ([]Change, error) {
	if b := p.process(); b != nil {
		return b.LateChanges(ctx, from, limit)
	}
	return p.c.changes(ctx, journal.Late, from, limit)
}

// Ranges reads points.
func (p *Peer) Ranges(ctx context.Context, queries []RangeQuery) ([][]series.Point, error) {
	if b := p.process(); b != nil {
		return b.Ranges(ctx, queries)
	}
	out, _, err := p.c.ranges(ctx, p.cfg.Layout, queries)
	return out, err
}

// Tails is Tailer.
func (p *Peer) Tails(ctx context.Context, queries []TailQuery) ([]int, [][]series.Point, error) {
	if b := p.process(); b != nil {
		return b.Tails(ctx, queries)
	}
	counts, out, _, err := p.c.tails(ctx, p.cfg.Layout, queries)
	return counts, out, err
}

// Counts asks ZCARD.
func (p *Peer) Counts(ctx context.Context, keys []series.Key) ([]int, error) {
	if b := p.process(); b != nil {
		return b.Counts(ctx, keys)
	}
	return p.c.counts(ctx, p.cfg.Layout, keys)
}

// HourSums asks DN.HOURSUMS.
func (p *Peer) HourSums(ctx context.Context, hour int64, keys []series.Key) ([]Sum, error) {
	if b := p.process(); b != nil {
		return b.HourSums(ctx, hour, keys)
	}
	out := make([]Sum, 0, len(keys))
	for start := 0; start < len(keys); start += pipeline {
		part := keys[start:min(start+pipeline, len(keys))]
		cmd := []string{"DN.HOURSUMS", journal.FormatHour(hour)}
		for _, k := range part {
			cmd = append(cmd, string(p.cfg.Layout.AppendKey(nil, k)))
		}
		m, err := p.c.one(ctx, cmd...)
		if err != nil {
			return nil, err
		}
		texts, err := m.AsStrSlice()
		if err != nil || len(texts) != len(part) {
			err = errors.Join(errAnswer, wrap(err))
			return nil, fmt.Errorf("dn.hoursums: %d sums for %d keys: %w", len(texts), len(part), err)
		}
		for _, text := range texts {
			var s Sum
			if err := s.parse(text); err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// Digests asks DN.DIGEST.
func (p *Peer) Digests(ctx context.Context, period series.Period, fn func(k series.Key, d Digest) error) error {
	if b := p.process(); b != nil {
		return b.Digests(ctx, period, fn)
	}
	m, err := p.c.one(ctx, "DN.DIGEST", p.cfg.Layout.PeriodString(period), "KEYS")
	if err != nil {
		return err
	}
	all, err := m.ToArray()
	if err != nil {
		return wrap(err)
	}
	for i := 0; i+2 < len(all); i += 3 {
		key, err := all[i].ToString()
		if err != nil {
			return wrap(err)
		}
		k, err := p.cfg.Layout.ParseKey([]byte(key))
		if err != nil {
			return fmt.Errorf("dn.digest: key %q: %w", key, err)
		}
		var d Digest
		if d.Points, err = all[i+1].AsInt64(); err != nil {
			return wrap(err)
		}
		sum, err := all[i+2].ToString()
		if err != nil {
			return wrap(err)
		}
		if err := d.ParseHex(sum); err != nil {
			return err
		}
		if err := fn(k, d); err != nil {
			return err
		}
	}
	return nil
}

// Periods asks DN.PERIODS.
func (p *Peer) Periods(ctx context.Context) ([]series.Period, error) {
	if b := p.process(); b != nil {
		return b.Periods(ctx)
	}
	m, err := p.c.one(ctx, "DN.PERIODS")
	if err != nil {
		return nil, err
	}
	texts, err := m.AsStrSlice()
	if err != nil {
		return nil, wrap(err)
	}
	out := make([]series.Period, 0, len(texts))
	for _, text := range texts {
		period, ok := p.cfg.Layout.ParsePeriod([]byte(text))
		if !ok {
			return nil, fmt.Errorf("dn.periods: %q is no period in the layout %s", text, p.cfg.Layout)
		}
		out = append(out, period)
	}
	return out, nil
}
