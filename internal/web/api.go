package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/query"
)

const (
	maxName   = 2048           // bytes of a host or metric in a URL, decoded
	maxWindow = 8 * 86_400_000 // ms that one request may ask for
	maxPoints = 1000           // per series; more is thinned out
)

func (s *Server) now() int64 { return s.cfg.Clock().UnixMilli() }

func sendJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}

func (s *Server) serveFlock(w http.ResponseWriter, _ *http.Request) { sendJSON(w, s.flock()) }

// flock is the state of the flock, with what the index itself has to warn of.
func (s *Server) flock() Flock {
	f := s.cfg.Flock()
	f.Warnings = slices.Clip(f.Warnings)
	for _, err := range s.cfg.Index.Errors() {
		f.Warnings = append(f.Warnings, err.Error())
	}
	if err := s.cfg.Index.Ready(); err != nil {
		f.Partial = append(slices.Clip(f.Partial), err.Error())
	}
	return f
}

func (s *Server) serveHosts(w http.ResponseWriter, r *http.Request) {
	partial := s.partial(w)
	sendJSON(w, struct {
		Now     int64     `json:"now"`
		Hosts   []hostRow `json:"hosts"`
		Partial []string  `json:"partial,omitempty"`
	}{s.now(), s.hostRows(s.overviewMetric(r.FormValue("metric"))), partial})
}

func (s *Server) serveMetricNames(w http.ResponseWriter, _ *http.Request) {
	s.partial(w)
	sendJSON(w, s.metricRows())
}

// partialHeader says why an answer may lack points, where it does; so does the field partial of answers that have one.
const partialHeader = "Dunlin-Partial"

// partial sets the header, and gives the reasons. They are as of before the points are read.
func (s *Server) partial(w http.ResponseWriter) []string {
	why := s.cfg.Flock().Partial
	if err := s.cfg.Index.Lacking(); err != nil {
		why = append(slices.Clip(why), err.Error())
	}
	if len(why) > 0 {
		w.Header().Set(partialHeader, strings.Join(why, "; "))
	}
	return why
}

// serveSeries answers ?host=&metric=&since=, since as a duration (15m) or in seconds, at most 8 days.
func (s *Server) serveSeries(w http.ResponseWriter, r *http.Request) {
	host, metric := r.FormValue("host"), r.FormValue("metric")
	window, err := parseWindow(r.FormValue("since"), time.Hour)
	switch {
	case err != nil:
		plain(w, http.StatusBadRequest, err.Error()+"\n")
		return
	case host == "" || metric == "" || len(host) > maxName || len(metric) > maxName:
		plain(w, http.StatusBadRequest, "want host= and metric=\n")
		return
	}
	now, partial := s.now(), s.partial(w)
	samples, err := s.cfg.Index.Range(r.Context(), query.Ref{Host: host, Metric: metric}, now-window, now+maxWindow)
	switch {
	case errors.Is(err, query.ErrUnknown):
		plain(w, http.StatusNotFound, err.Error()+"\n")
	case err != nil:
		plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
	default:
		d := newSeriesData(metric, samples, now-window, now)
		d.Partial = partial
		sendJSON(w, d)
	}
}

// parseWindow gives milliseconds.
func parseWindow(text string, fallback time.Duration) (int64, error) {
	if text == "" {
		return fallback.Milliseconds(), nil
	}
	d, err := time.ParseDuration(text)
	if n, err2 := strconv.Atoi(text); err2 == nil && n < maxWindow/1000 {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 || d.Milliseconds() > maxWindow {
		return 0, errors.New("since: want a duration such as 15m, at most 192h")
	}
	return d.Milliseconds(), nil
}

// hostRow is a host at a glance. The short names keep a snapshot of a thousand hosts small.
type hostRow struct {
	Name    string   `json:"name"`
	Metrics int      `json:"metrics"`
	Newest  int64    `json:"newest"`          // ms, over all metrics
	TS      int64    `json:"ts,omitempty"`    // ms, of the overview's metric
	Value   *float64 `json:"value,omitempty"` // nil when the host lacks the metric or its value is a word
	Text    string   `json:"text,omitempty"`
}

func (s *Server) hostRows(metric string) []hostRow {
	hosts := s.cfg.Index.Hosts()
	rows := make([]hostRow, len(hosts))
	for i, h := range hosts {
		rows[i] = s.hostRow(h, metric)
	}
	return rows
}

func (s *Server) hostRow(h query.HostSummary, metric string) hostRow {
	row := hostRow{Name: h.Name, Metrics: h.Metrics, Newest: h.Newest}
	if n, ok := s.cfg.Index.Newest(h.Name, metric); ok {
		row.TS, row.Text = n.TS, n.Text
		if n.Number {
			row.Value = &n.Value
		}
	}
	return row
}

type metricRow struct {
	Name  string `json:"name"`
	Hosts int    `json:"hosts"`
}

func (s *Server) metricRows() []metricRow {
	metrics := s.cfg.Index.Metrics()
	rows := make([]metricRow, len(metrics))
	for i, m := range metrics {
		rows[i] = metricRow(m)
	}
	return rows
}

// overviewMetric is the metric that colours the hosts: the one asked for, else of those that at least half as many
// hosts write as the most common one, the one that says best how busy a host is.
func (s *Server) overviewMetric(asked string) string {
	if asked != "" {
		return asked
	}
	metrics := s.cfg.Index.Metrics()
	most := 0
	for _, m := range metrics {
		most = max(most, m.Hosts)
	}
	best, bestRank := "", -1
	for _, m := range metrics {
		if rank := busyRank(m.Name); 2*m.Hosts >= most && rank > bestRank {
			best, bestRank = m.Name, rank
		}
	}
	return best
}

func busyRank(metric string) int {
	switch name := strings.ToLower(metric); {
	case name == "cpu.busy" || name == "cpu.used":
		return 4
	case name == "cpu.user":
		return 3
	case strings.HasPrefix(name, "cpu"):
		return 2
	case strings.HasPrefix(name, "load"):
		return 1
	}
	return 0
}

// seriesData is the history of one series in columns. A nil value is a word, not a gap.
type seriesData struct {
	Metric string     `json:"metric"`
	TS     []int64    `json:"t"` // ms
	Values []*float64 `json:"v"`
	Text   string     `json:"text"`           // the newest value as written
	Newest int64      `json:"newest"`         // ms
	Full   bool       `json:"full,omitempty"` // replaces what a page has
	// Partial says why points may be missing. In a stream the flock says so.
	Partial []string `json:"partial,omitempty"`
}

func newSeriesData(metric string, samples []query.Sample, from, to int64) seriesData {
	d := seriesData{Metric: metric, TS: []int64{}, Values: []*float64{}}
	if n := len(samples); n > 0 {
		d.Text, d.Newest = samples[n-1].Text, samples[n-1].TS
	}
	for _, p := range thin(samples, from, to) {
		d.TS = append(d.TS, p.TS)
		if !p.Number {
			d.Values = append(d.Values, nil)
			continue
		}
		d.Values = append(d.Values, &p.Value)
	}
	return d
}

// thin keeps of each slot of time the least and the greatest value, so that peaks stay and counters keep their ends.
func thin(samples []query.Sample, from, to int64) []query.Sample {
	if len(samples) <= maxPoints {
		return samples
	}
	width := max((to-from)/(maxPoints/2), 1)
	var out []query.Sample
	for i := 0; i < len(samples); {
		slot := samples[i].TS / width // not from: slots must not move with the window
		low, high := i, i
		for ; i < len(samples) && samples[i].TS/width == slot; i++ {
			if samples[i].Value < samples[low].Value {
				low = i
			}
			if samples[i].Value >= samples[high].Value {
				high = i
			}
		}
		out = append(out, samples[min(low, high)])
		if low != high {
			out = append(out, samples[max(low, high)])
		}
	}
	return out
}
