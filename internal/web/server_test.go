package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunlin-db/dunlin/internal/query"
	"github.com/dunlin-db/dunlin/internal/store"
)

const hostile = `<img src=x onerror=alert(1)>`

func get(t *testing.T, h http.Handler, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "http://localhost:8390"+path, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServer_headers(t *testing.T) {
	h := New(Config{Index: query.NewIndex(query.Config{})}).Handler(true)
	for _, path := range []string{"/", "/api/v1/flock", "/api/v1/hosts", "/-/healthy", "/metrics", "/nothing"} {
		got := get(t, h, path).Header()
		csp := got.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: may be sniffed", path)
		}
	}
}

func TestServer_refuses(t *testing.T) {
	h := New(Config{Index: query.NewIndex(query.Config{})}).Handler(true)
	host := func(v string) func(*http.Request) { return func(r *http.Request) { r.Host = v } }
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	method := func(v string) func(*http.Request) { return func(r *http.Request) { r.Method = v } }
	for _, c := range []struct {
		name   string
		path   string
		change func(*http.Request)
		status int
	}{
		{"rebound name", "/", host("evil.example:8390"), 421},
		{"localhost", "/", host("localhost:8390"), 200},
		{"other loopback", "/", host("127.3.2.1:8390"), 200},
		{"IPv6", "/", host("[::1]:8390"), 200},
		{"name that looks like one", "/", host("127.0.0.1.evil.example"), 421},
		{"cross-site stream", "/api/v1/stream", header("Sec-Fetch-Site", "cross-site"), 403},
		{"POST", "/api/v1/hosts", method("POST"), 405},
		{"cross-site POST", "/", func(r *http.Request) {
			r.Method = "POST"
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, 403},
		{"path out of dist", "/assets/..%2Fserver.go", host("localhost"), 404},
		{"README is no asset", "/assets/README", host("localhost"), 404},
		{"no host", "/api/v1/series", host("localhost"), 400},
		{"long window", "/api/v1/series?host=a&metric=b&since=9999h", host("localhost"), 400},
		{"negative window", "/api/v1/stream?since=-1s", host("localhost"), 400},
		{"unknown series", "/api/v1/series?host=a&metric=b", host("localhost"), 404},
	} {
		if got := get(t, h, c.path, c.change); got.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, got.Code, got.Body, c.status)
		}
	}
	open := New(Config{Index: query.NewIndex(query.Config{})}).Handler(false)
	if got := get(t, open, "/", host("dunlin.example")); got.Code != 200 {
		t.Errorf("beyond loopback any name is good: %d", got.Code)
	}
}

func TestServer_health(t *testing.T) {
	err := errors.New("shard 3 is loading")
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "dunlin_test_total", Help: "x"}))
	index := query.NewIndex(query.Config{})
	h := New(Config{Index: index, Ready: func() error { return err }, Registry: reg}).Handler(true)
	if got := get(t, h, "/-/healthy"); got.Code != 200 {
		t.Error(got.Code)
	}
	if got := get(t, h, "/-/ready"); got.Code != 503 || !strings.Contains(got.Body.String(), "shard 3") {
		t.Error(got.Code, got.Body)
	}
	err = nil
	if got := get(t, h, "/-/ready"); got.Code != 200 {
		t.Error(got.Code)
	}
	if got := get(t, h, "/metrics"); !strings.Contains(got.Body.String(), "dunlin_test_total 0") {
		t.Error(got.Body)
	}
}

func TestServer_hostileNames(t *testing.T) {
	h := newHarness(t)
	h.add(hostile, `</script><script>alert(2)//`, time.Now().UnixMilli(), "1")
	h.until("the host", func() bool { return len(h.index.Hosts()) == 1 })
	s := New(Config{Index: h.index}).Handler(true)
	for _, path := range []string{"/api/v1/hosts", "/api/v1/metrics"} {
		got := get(t, s, path)
		if ctype := got.Header().Get("Content-Type"); ctype != "application/json" {
			t.Errorf("%s: %s", path, ctype)
		}
		if strings.ContainsAny(got.Body.String(), "<>") {
			t.Errorf("%s: markup in %s", path, got.Body)
		}
	}
	var hosts struct{ Hosts []hostRow }
	err := json.Unmarshal(get(t, s, "/api/v1/hosts").Body.Bytes(), &hosts)
	if err != nil || hosts.Hosts[0].Name != hostile {
		t.Errorf("%+v %v", hosts, err)
	}
}

func TestServer_series(t *testing.T) {
	h := newHarness(t)
	now := time.Now().UnixMilli()
	h.add("web1", "load", now-2000, "1")
	h.add("web1", "load", now-1000, "nan")
	h.add("web1", "load", now, "2.50")
	h.until("the series", func() bool { n, _ := h.index.Newest("web1", "load"); return n.Text == "2.50" })
	s := New(Config{Index: h.index}).Handler(true)
	var d seriesData
	got := get(t, s, "/api/v1/series?host=web1&metric=load&since=60")
	if err := json.Unmarshal(got.Body.Bytes(), &d); err != nil {
		t.Fatal(err, got.Body)
	}
	if len(d.TS) != 3 || *d.Values[0] != 1 || d.Values[1] != nil || *d.Values[2] != 2.5 || d.Text != "2.50" {
		t.Errorf("%s", got.Body)
	}
}

// TestServer_partial: every answer with points says so when the node knows that it may lack some.
func TestServer_partial(t *testing.T) {
	h := newHarness(t)
	h.add("web1", "load", time.Now().UnixMilli(), "1")
	h.until("the series", func() bool { return len(h.index.Hosts()) == 1 && h.index.Ready() == nil })
	unread := query.NewIndex(query.Config{Readers: map[int]store.Reader{1: nil}})
	start := New(Config{Index: unread, Flock: func() Flock { return Flock{} }}).Handler(true)
	if got := get(t, start, "/api/v1/hosts").Header().Get(partialHeader); !strings.Contains(got, "still being read") {
		t.Errorf("while the journals are read for the first time: %q", got)
	}
	var why []string
	s := New(Config{Index: h.index, Flock: func() Flock { return Flock{Partial: why} }}).Handler(true)
	for _, path := range []string{"/series?host=web1&metric=load", "/hosts", "/metrics", "/flock"} {
		for _, why = range [][]string{nil, {"34s behind nyc1", "nobody says what b has"}} {
			got := get(t, s, "/api/v1"+path)
			if header := got.Header().Get(partialHeader); header != strings.Join(why, "; ") && path != "/flock" {
				t.Errorf("%s: %s: %q, want %q", path, partialHeader, header, why)
			}
			if strings.Contains(got.Body.String(), "34s behind") != (why != nil) && path != "/metrics" {
				t.Errorf("%s, partial for %q: %s", path, why, got.Body)
			}
		}
	}
}

// TestPage_makesNoMarkup keeps everything that turns text into markup or code out of the page's source.
func TestPage_makesNoMarkup(t *testing.T) {
	files, err := filepath.Glob("ui/src/*.ts*")
	if err != nil || len(files) == 0 {
		t.Fatal("no source", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{
			"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
			"dangerouslySetInnerHTML", "new Function", "createContextualFragment", "srcdoc",
		} {
			if strings.Contains(string(body), word) {
				t.Errorf("%s uses %s", file, word)
			}
		}
	}
}

func TestThin_keepsPeaks(t *testing.T) {
	var in []query.Sample
	for i := range int64(86_400) {
		in = append(in, query.Sample{TS: i * 1000, Value: float64(i % 10), Number: true})
	}
	in[40_000].Value, in[50_000].Value = 1e6, -1e6
	out := thin(in, 0, 86_400_000)
	if len(out) > maxPoints+4 {
		t.Errorf("%d points", len(out))
	}
	high, low := false, false
	for i, p := range out {
		high, low = high || p.Value == 1e6, low || p.Value == -1e6
		if i > 0 && out[i-1].TS >= p.TS {
			t.Fatal("out of order")
		}
	}
	if !high || !low {
		t.Error("a peak is missing")
	}
}

// events reads a stream. The test's end closes it.
type events struct {
	t    *testing.T
	scan *bufio.Scanner
}

func (h *harness) stream(query string) *events {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+h.addr+"/api/v1/stream?"+query, nil)
	tr := &http.Transport{}
	resp, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { cancel(); resp.Body.Close(); tr.CloseIdleConnections() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(resp.Body)
		h.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	scan := bufio.NewScanner(resp.Body)
	scan.Buffer(nil, 16<<20)
	return &events{h.t, scan}
}

func (e *events) next(want string, v any) {
	e.t.Helper()
	event := ""
	for e.scan.Scan() {
		line := e.scan.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if event != want {
				e.t.Fatalf("event %s, want %s", event, want)
			}
			if err := json.Unmarshal([]byte(data), v); err != nil {
				e.t.Fatal(err)
			}
			return
		}
	}
	e.t.Fatalf("the stream ended: %v", e.scan.Err())
}

func TestStream_snapshotThenUpdates(t *testing.T) {
	h := newHarness(t)
	now := time.Now().UnixMilli()
	h.add("web1", "load", now-3000, "1")
	h.add("web1", "cpu", now-3000, "50")
	h.add("web2", "load", now-3000, "4")
	h.until("three series", func() bool { return h.index.Ready() == nil && len(h.index.Since(0).Series) == 3 })
	h.serve(Config{Node: "sfo1", Tick: 10 * time.Millisecond})
	e := h.stream("host=web1&metric=load&since=5m")
	var snap snapshot
	e.next("snapshot", &snap)
	if snap.Node != "sfo1" || len(snap.Hosts) != 2 || *snap.Hosts[1].Value != 4 || len(snap.Host.Series) != 2 {
		t.Fatalf("%+v", snap)
	}
	h.add("web1", "load", now-1000, "2")
	h.add("web1", "load", now, "3")
	tail := waitSeries(e, "load", "3")
	if tail.Full || len(tail.TS) == 0 || tail.TS[len(tail.TS)-1] != now {
		t.Errorf("%+v", tail)
	}
	h.add("web1", "load", now-2000, "1.5") // late: the whole history comes
	for {
		if d := waitSeries(e, "load", "3"); d.Full {
			if len(d.TS) != 4 || *d.Values[1] != 1.5 {
				t.Errorf("%+v", d)
			}
			break
		}
	}
	h.add("web1", "new.metric", now, "word")
	if d := waitSeries(e, "new.metric", "word"); !d.Full || d.Values[0] != nil {
		t.Errorf("%+v", d)
	}
}

func waitSeries(e *events, metric, text string) seriesData {
	e.t.Helper()
	for {
		var u update
		e.next("update", &u)
		for _, d := range u.Series {
			if d.Metric == metric && d.Text == text {
				return d
			}
		}
	}
}

func TestStream_unreadableShard(t *testing.T) {
	h := newHarness(t)
	now := time.Now().UnixMilli()
	h.add("web1", "load", now, "1")
	h.until("the host", func() bool { return len(h.index.Hosts()) == 1 })
	h.shard.Fail(errors.New("redis is away"))
	h.until("the failure", func() bool { return len(h.index.Errors()) == 1 })
	h.serve(Config{Tick: 10 * time.Millisecond})
	e := h.stream("host=web1")
	var snap snapshot
	e.next("snapshot", &snap)
	if len(snap.Hosts) != 1 || len(snap.Host.Series) != 0 || len(snap.Flock.Warnings) != 1 {
		t.Fatalf("%+v", snap)
	}
	h.shard.Fail(nil)
	h.add("web1", "load", now+1, "2")
	if d := waitSeries(e, "load", "2"); !d.Full || len(d.TS) != 2 {
		t.Errorf("%+v", d)
	}
}

func TestStream_bounded(t *testing.T) {
	h := newHarness(t)
	h.serve(Config{MaxStreams: 1, Tick: 10 * time.Millisecond})
	e := h.stream("")
	var snap snapshot
	e.next("snapshot", &snap)
	resp, err := http.Get("http://" + h.addr + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != 503 {
		t.Errorf("the second stream of one: %d", resp.StatusCode)
	}
}

func TestServer_Run_stopsWithOpenStreams(t *testing.T) {
	h := newHarness(t)
	h.serve(Config{Tick: time.Hour})
	var snap snapshot
	h.stream("").next("snapshot", &snap)
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > shutdownTimeout {
		t.Errorf("took %s", took)
	}
}

func TestServer_basicAuth(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	// The password is "test".
	users := "basic_auth_users:\n  ann: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\n"
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	h.serve(Config{ConfigFile: file})
	status := func(user, password string) int {
		r, _ := http.NewRequest("GET", "http://"+h.addr+"/api/v1/flock", nil)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		return resp.StatusCode
	}
	if a, b, c := status("", ""), status("ann", "wrong"), status("ann", "test"); a != 401 || b != 401 || c != 200 {
		t.Errorf("without %d, wrong %d, right %d", a, b, c)
	}
}
