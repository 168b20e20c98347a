package bench

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/fleet"
	"github.com/dunlin-db/dunlin/internal/load"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// testLoad is small and lies in the past of every day.
func testLoad() Load {
	return Load{
		Shape: load.Shape{Hosts: 7, Metrics: 20, Interval: 10 * time.Second, Mix: fleet.Standard, Seed: 1},
		Ticks: 30, Rounds: 1, Pipeline: 32, Batches: 2, Clients: 2, Now: time.Now(),
	}
}

func TestRun_onRedis(t *testing.T) {
	for _, form := range []load.Form{load.ZADD, load.ZADDJournal} {
		redis := redistest.Start(t, "--requirepass", "geheim")
		l := testLoad()
		l.Fill, l.Rounds, l.Ticks, l.Late, l.Dup = 70, 3, 10, 0.1, 0.01
		l.Reads, l.Drop = 20*time.Millisecond, true
		s := Server{URL: redis.URL + "/2", Password: "geheim", Form: form}
		r, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}})
		if err != nil {
			t.Fatal(err)
		}
		checkReport(t, r, l)
		c, err := dial(t.Context(), &s, 4096)
		if err != nil {
			t.Fatal(err)
		}
		left, err := c.ask("INFO", "keyspace")
		if _ = c.Close(); err != nil {
			t.Fatal(err)
		}
		want := "db2:keys=1" // the probe's point
		if form == load.ZADDJournal {
			want = "db2:keys=2"
		}
		if !strings.Contains(left, want) {
			t.Errorf("after the drop: %q", left)
		}
	}
}

// checkReport checks a report of one server that did everything.
func checkReport(t *testing.T, r *Report, l Load) {
	t.Helper()
	s := r.Servers[0]
	if want := int64(l.Hosts * l.Metrics * l.Fill); s.Fill.Points != want {
		t.Errorf("fill: %d points, want %d", s.Fill.Points, want)
	}
	var points, repeated, added int64
	for _, round := range s.Rounds {
		points, repeated, added = points+round.Points, repeated+round.Repeated, added+round.Added
		if round.Errors != 0 || round.PointsPerSecond <= 0 || round.Batch.P50 <= 0 || round.Batch.P99 < round.Batch.P50 {
			t.Errorf("%+v", round)
		}
	}
	if want := int64(l.Hosts * l.Metrics * l.Ticks * l.Rounds); points != want || added != want || repeated == 0 {
		t.Errorf("%d points, %d added, %d repeated; want %d", points, added, repeated, want)
	}
	if s.Memory.Points != points+s.Fill.Points || s.Server == "" || s.PID == 0 || s.Memory.RSSAfter == 0 {
		t.Errorf("%+v", s)
	}
	for i, read := range s.Median.Reads {
		if read.Queries == 0 || read.Members == 0 || read.Name != readKinds[i].name {
			t.Errorf("%+v", read)
		}
	}
	// 100 ticks of 10 s lie within an hour that begins at a midnight; of the last of them some are held back.
	if len(s.Median.Reads) != len(readKinds) || s.Median.Reads[2].Members < 80 || s.Median.Reads[4].Members < 20*2*80 {
		t.Errorf("%+v", s.Median.Reads)
	}
	if d := s.Drop; d == nil || d.Seconds <= 0 || d.Probe.P50 <= 0 || d.Quiet.P50 <= 0 || d.Settled < d.Seconds {
		t.Errorf("%+v", d)
	}
	if len(r.Warnings) > 0 && !strings.Contains(r.Warnings[0], "of server CPU a round") &&
		!strings.Contains(r.Warnings[0], "busy") {
		t.Error(r.Warnings)
	}
}

// TestRun_manyConnections: hosts on connections of their own.
func TestRun_manyConnections(t *testing.T) {
	redis := redistest.Start(t)
	l := testLoad()
	l.Hosts, l.Clients, l.Ticks, l.Pipeline = 300, 300, 3, 40
	r, err := Run(t.Context(), Config{Load: l, Servers: []Server{{URL: redis.URL, Form: load.ZADD}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Servers[0].Rounds[0].Added; got != 300*20*3 {
		t.Errorf("%d points", got)
	}
}

func TestRun_saysWhatIsWrong(t *testing.T) {
	redis := redistest.Start(t, "--maxmemory", "1500000")
	secret := redistest.Start(t, "--requirepass", "geheim")
	for name, c := range map[string]struct {
		server Server
		change func(*Load)
		want   string
	}{
		"unreachable": {server: Server{URL: "redis://127.0.0.1:1", Form: load.ZADD}, want: "is the server running there?"},
		"no url":      {server: Server{URL: "127.0.0.1:6379", Form: load.ZADD}, want: "want redis://host:port"},
		"http":        {server: Server{URL: "http://127.0.0.1:1/", Form: load.ZADD}, want: "write goes to http://"},
		"password":    {server: Server{URL: secret.URL, Form: load.ZADD}, want: "--password-file"},
		"not Dunlin":  {server: Server{URL: redis.URL, Form: load.MADD}, want: "form madd needs a Dunlin node"},
		"no module":   {server: Server{URL: redis.URL, Form: load.TSAdd}, want: "this form is not for this server"},
		"full": {
			server: Server{URL: redis.URL, Form: load.ZADD}, change: func(l *Load) { l.Hosts = 2000 },
			want: "the server is full",
		},
		"ahead": {
			server: Server{URL: redis.URL, Form: load.ZADD}, change: func(l *Load) { l.Start = l.Now },
			want: "reach beyond now; 1 fit",
		},
		"long drop": {
			server: Server{URL: redis.URL, Form: load.ZADD}, change: func(l *Load) { l.Drop, l.Fill = true, 9000 },
			want: "drop wants all ticks in one day: 8640 fit",
		},
		"connections": {
			server: Server{URL: redis.URL, Form: load.ZADD},
			change: func(l *Load) { l.Hosts, l.Clients = 1<<30, 1<<30 }, want: "ulimit -n",
		},
	} {
		l := testLoad()
		if c.change != nil {
			c.change(&l)
		}
		_, err := Run(t.Context(), Config{Load: l, Servers: []Server{c.server}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRun_interruptedKeepsWhatIsDone(t *testing.T) {
	redis := redistest.Start(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := testLoad()
	l.Rounds, l.Ticks, l.Hosts = 2, 1500, 20
	var mu sync.Mutex
	r, err := Run(ctx, Config{
		Load: l, Servers: []Server{{URL: redis.URL, Form: load.ZADD}},
		Progress: func(s Stage, done int64) {
			mu.Lock()
			defer mu.Unlock()
			if s.Name == "round 2" && done > 0 {
				cancel()
			}
		},
	})
	if !errors.Is(err, ErrInterrupted) || r == nil || len(r.Servers[0].Rounds) != 1 || !r.Incomplete {
		t.Fatalf("%v, %+v", err, r)
	}
}

// hangingServer answers INFO and then nothing any more. loaded is closed when the first other bytes arrive.
func hangingServer(t *testing.T) (url string, loaded chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	loaded = make(chan struct{})
	var once sync.Once
	var handlers sync.WaitGroup
	handlers.Add(1)
	go func() {
		defer handlers.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			handlers.Add(1)
			go func() {
				defer handlers.Done()
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadString('\n')
					switch {
					case err != nil:
						return
					case line == "INFO\r\n":
						_, _ = c.Write([]byte("$21\r\nused_memory:1000000\r\n\r\n"))
					case line == "ZADD\r\n":
						once.Do(func() { close(loaded) })
					}
				}
			}()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); handlers.Wait() })
	return "redis://" + ln.Addr().String(), loaded
}

func TestRun_stopsWhenServerHangs(t *testing.T) {
	url, loaded := hangingServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := testLoad()
	l.Clients = 1
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Config{Load: l, Servers: []Server{{URL: url, Form: load.ZADD}}})
		done <- err
	}()
	select {
	case <-loaded:
	case err := <-done:
		t.Fatal("ended before the load: ", err)
	case <-time.After(10 * time.Second):
		t.Fatal("no load arrives")
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run waits for a server that hangs")
	}
}
