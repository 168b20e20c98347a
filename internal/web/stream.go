package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/dunlin-db/dunlin/internal/query"
)

const (
	maxSeries    = 500               // of one host on one page
	sparkMillis  = 2 * 60 * 1000     // history behind a host at a glance
	maxSparks    = 500               // hosts that get one
	refreshEvery = 30                // ticks after which a host's history is sent anew
	futureMillis = int64(86_400_000) // how far ahead of our clock points are looked for
	retryMillis  = 1000              // what a page waits before it connects again
)

// snapshot is the first event of a stream, and any later one after series disappeared.
type snapshot struct {
	Server  string      `json:"server"` // another one after a restart
	Node    string      `json:"node"`
	Now     int64       `json:"now"`
	Flock   Flock       `json:"flock"`
	Metrics []metricRow `json:"metrics"`
	Metric  string      `json:"metric"` // that colours the hosts
	Hosts   []hostRow   `json:"hosts"`
	Sparks  []spark     `json:"sparks"`
	Host    *hostData   `json:"host,omitempty"`
}

type spark struct {
	Host   string     `json:"host"`
	TS     []int64    `json:"t"`
	Values []*float64 `json:"v"`
}

// hostData is the host whose charts the page shows.
type hostData struct {
	Name   string       `json:"name"`
	Window int64        `json:"window"` // ms
	Series []seriesData `json:"series"`
}

// update is what changed since the event before.
type update struct {
	Now     int64        `json:"now"`
	Flock   Flock        `json:"flock"`
	Metrics []metricRow  `json:"metrics,omitempty"` // when a new one appeared
	Hosts   []hostRow    `json:"hosts"`
	Series  []seriesData `json:"series,omitempty"`
}

// stream is one page's connection.
type stream struct {
	s       *Server
	host    string           // whose charts are shown, "" = none
	metric  string           // that colours the hosts, "" = not chosen yet
	window  int64            // ms
	version uint64           // of the index, sent so far
	metrics int              // names sent so far
	hosts   map[string]bool  // sent so far
	sent    map[string]int64 // by metric of host: the newest timestamp sent, ms
	ticks   int
}

// serveStream answers ?host=&metric=&since= with server-sent events: a snapshot, then an update per tick.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) {
	window, err := parseWindow(r.FormValue("since"), 15*time.Minute)
	st := &stream{s: s, host: r.FormValue("host"), metric: r.FormValue("metric"), window: window}
	if err != nil || len(st.host) > maxName || len(st.metric) > maxName {
		plain(w, http.StatusBadRequest, "want since= as a duration up to 192h, names up to 2048 bytes\n")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "too many open pages\n")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not hold events back
	if err := st.run(r.Context(), &sink{w: w, rc: http.NewResponseController(w)}); err != nil && r.Context().Err() == nil {
		s.cfg.Log.Debug("stream ended", "err", err)
	}
}

// run sends events until the page goes, the server stops, or a write takes too long. A shard that can not be read only
// lacks from them: the flock's warnings name it.
func (st *stream) run(ctx context.Context, out *sink) error {
	if err := out.retry(); err != nil {
		return err
	}
	if err := st.sendSnapshot(ctx, out); err != nil {
		return err
	}
	t := time.NewTicker(st.s.cfg.Tick / 2)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if n%2 == 1 && !st.urgent() {
			continue
		}
		if err := st.sendUpdate(ctx, out); err != nil {
			return err
		}
	}
}

// urgent says whether what changed should not wait for the tick: it is the shown host's, or a host is new.
func (st *stream) urgent() bool {
	for _, n := range st.s.cfg.Index.Since(st.version).Series {
		if n.Host == st.host || !st.hosts[n.Host] {
			return true
		}
	}
	return false
}

func (st *stream) sendSnapshot(ctx context.Context, out *sink) error {
	s := st.s
	st.version = s.cfg.Index.Version() // before reading: what changes meanwhile is sent again
	metric := s.overviewMetric(st.metric)
	snap := snapshot{
		Server: s.started, Node: s.cfg.Node, Now: s.now(), Flock: s.flock(),
		Metrics: s.metricRows(), Metric: metric, Hosts: s.hostRows(metric),
	}
	st.metric, st.metrics, st.hosts = metric, len(snap.Metrics), make(map[string]bool, len(snap.Hosts))
	for _, h := range snap.Hosts {
		st.hosts[h.Name] = true
	}
	snap.Sparks = st.sparks(ctx, snap.Hosts)
	if st.host != "" {
		snap.Host = &hostData{st.host, st.window, st.history(ctx)}
	}
	return out.send("snapshot", snap)
}

func (st *stream) sendUpdate(ctx context.Context, out *sink) error {
	s := st.s
	st.ticks++
	changed := s.cfg.Index.Since(st.version)
	if changed.Dropped || st.metric == "" && len(changed.Series) > 0 {
		return st.sendSnapshot(ctx, out)
	}
	st.version = changed.Version
	u := update{Now: s.now(), Flock: s.flock(), Hosts: []hostRow{}}
	seen := map[string]bool{}
	var mine []query.Newest
	for _, n := range changed.Series {
		if n.Host == st.host {
			mine = append(mine, n)
		}
		if seen[n.Host] {
			continue
		}
		seen[n.Host] = true
		if h, ok := s.cfg.Index.HostSummary(n.Host); ok {
			st.hosts[n.Host] = true
			u.Hosts = append(u.Hosts, s.hostRow(h, st.metric))
		}
	}
	if len(changed.Series) > 0 {
		if rows := s.metricRows(); len(rows) != st.metrics {
			u.Metrics, st.metrics = rows, len(rows)
		}
	}
	u.Series = st.tail(ctx, mine)
	return out.send("update", u)
}

// tail gives what is new of the shown host: the points after what was sent; the whole history where a change put
// points before that, and of everything now and then.
func (st *stream) tail(ctx context.Context, changed []query.Newest) []seriesData {
	if st.host == "" {
		return nil
	}
	if st.ticks%refreshEvery == 0 {
		return st.history(ctx)
	}
	var ahead, whole []query.Ref
	from := int64(1<<63 - 1)
	for _, n := range changed {
		ref := query.Ref{Host: n.Host, Metric: n.Metric}
		last, known := st.sent[n.Metric]
		switch {
		case !known && len(st.sent) >= maxSeries:
		case !known || n.Late:
			whole = append(whole, ref)
		default:
			ahead = append(ahead, ref)
			from = min(from, last)
		}
	}
	// From the last one sent on, inclusive: another value at its timestamp may win now.
	news := st.read(ctx, ahead, max(from, st.s.now()-st.window))
	for i := range news {
		news[i].Full = false
	}
	return append(st.read(ctx, whole, st.s.now()-st.window), news...)
}

func (st *stream) history(ctx context.Context) []seriesData {
	var refs []query.Ref
	for _, n := range st.s.cfg.Index.Host(st.host) {
		if len(refs) < maxSeries {
			refs = append(refs, query.Ref{Host: n.Host, Metric: n.Metric})
		}
	}
	st.sent = make(map[string]int64, len(refs))
	return st.read(ctx, refs, st.s.now()-st.window)
}

// read gives the points from an instant on, and remembers what was sent. A series that can not be read is left out: a
// page keeps what it has of it.
func (st *stream) read(ctx context.Context, refs []query.Ref, from int64) []seriesData {
	now := st.s.now()
	out := make([]seriesData, 0, len(refs))
	got := st.ranges(ctx, refs, from, now+futureMillis)
	for i, ref := range refs {
		if got[i] == nil {
			continue
		}
		d := newSeriesData(ref.Metric, got[i], now-st.window, now)
		if n, ok := st.s.cfg.Index.Newest(ref.Host, ref.Metric); ok && len(got[i]) == 0 {
			d.Text, d.Newest = n.Text, n.TS // older than the window
		}
		d.Full = true
		st.sent[ref.Metric] = max(d.Newest, st.sent[ref.Metric])
		out = append(out, d)
	}
	return out
}

func (st *stream) ranges(ctx context.Context, refs []query.Ref, from, to int64) [][]query.Sample {
	got, err := st.s.cfg.Index.Ranges(ctx, refs, from, to)
	if err != nil && ctx.Err() == nil {
		st.s.cfg.Log.Debug("a page lacks points", "err", err)
	}
	return got
}

func (st *stream) sparks(ctx context.Context, hosts []hostRow) []spark {
	var refs []query.Ref
	for _, h := range hosts {
		if h.TS > st.s.now()-sparkMillis && len(refs) < maxSparks {
			refs = append(refs, query.Ref{Host: h.Name, Metric: st.metric})
		}
	}
	out := make([]spark, 0, len(refs))
	for i, samples := range st.ranges(ctx, refs, st.s.now()-sparkMillis, st.s.now()+futureMillis) {
		d := newSeriesData("", samples, 0, 0)
		out = append(out, spark{refs[i].Host, d.TS, d.Values})
	}
	return out
}

// sink writes events, each within a deadline: a page that stopped reading must not hold a stream.
type sink struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (k *sink) send(event string, v any) error {
	data, err := json.Marshal(v) // has no line breaks, and escapes <, > and &
	if err != nil {
		return fmt.Errorf("encode %s: %w", event, err)
	}
	return k.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data))
}

func (k *sink) retry() error { return k.write(fmt.Appendf(nil, "retry: %d\n\n", retryMillis)) }

func (k *sink) write(b []byte) error {
	if err := k.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := k.w.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := k.rc.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}
