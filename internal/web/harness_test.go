package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dunlin-db/dunlin/internal/query"
	"github.com/dunlin-db/dunlin/internal/query/querytest"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// harness is a server over one shard in memory.
type harness struct {
	t     *testing.T
	shard *querytest.Memory
	index *query.Index
	addr  string
	stop  func()
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{t: t, shard: querytest.New(series.Day)}
	h.index = query.NewIndex(query.Config{
		Layout: series.Day, Readers: map[int]store.Reader{1: h.shard}, Poll: 100 * time.Millisecond,
	})
	h.background(h.index.Run)
	return h
}

// background runs fn until the test ends.
func (h *harness) background(fn func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	var ended atomic.Bool
	stop = func() {
		cancel()
		if ended.CompareAndSwap(false, true) {
			if err := <-done; err != nil {
				h.t.Error(err)
			}
		}
	}
	h.t.Cleanup(stop)
	return stop
}

// serve starts the server on h.addr, or on a free port.
func (h *harness) serve(cfg Config) {
	h.t.Helper()
	addr := h.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	cfg.Index = h.index
	s := New(cfg)
	h.stop = h.background(func(ctx context.Context) error { return s.Run(ctx, ln) })
}

func (h *harness) add(host, metric string, ts int64, value string) {
	h.t.Helper()
	if err := h.put(host, metric, ts, value); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) put(host, metric string, ts int64, value string) error {
	p := series.Day.AppendPeriod(nil, series.Day.PeriodOf(ts))
	key := series.AppendSeries(append(p, ':'), host, metric)
	m := series.AppendMember(nil, series.Point{TS: ts, Frac: series.FracFor(ts), Value: []byte(value)})
	return h.shard.Add(string(key), string(m))
}

func (h *harness) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// front is as much of a front door as redis-cli needs to write a point.
func (h *harness) front() (port int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.background(func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { ln.Close() })
		defer stop()
		for {
			c, err := ln.Accept()
			if err != nil {
				return nil
			}
			if err := h.talk(c); err != nil && err != io.EOF {
				fmt.Fprintf(c, "-ERR %s\r\n", err)
			}
			c.Close()
		}
	})
	return ln.Addr().(*net.TCPAddr).Port
}

func (h *harness) talk(c net.Conn) error {
	r := bufio.NewReader(c)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
			return io.EOF
		}
		args := make([]string, n)
		for i := range args {
			var size int
			if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
				return err
			}
			buf := make([]byte, size+2)
			if _, err := io.ReadFull(r, buf); err != nil {
				return err
			}
			args[i] = string(buf[:size])
		}
		if len(args) == 4 {
			if err := h.shard.Add(args[1], args[3]); err != nil {
				return err
			}
		}
		io.WriteString(c, ":1\r\n")
	}
}

// populate writes history and goes on writing: real hosts every second, simulated ones every five.
func (h *harness) populate(simulated int) {
	names := []string{"db1.sfo", "web1.sfo", "web2.nyc"}
	for i := range simulated {
		names = append(names, fmt.Sprintf("sim-%03d", i+1))
	}
	now := time.Now().Unix()
	for i, name := range names {
		step := int64(5)
		if i < 3 {
			step = 1
		}
		for s := now - 300; s <= now; s += step {
			h.tick(i, name, s)
		}
	}
	h.shard.Add(string(series.Day.AppendPeriod(nil, series.Day.PeriodOf(now*1000)))+":silent.nyc:load.1",
		strconv.FormatInt(now-200, 10)+":0.25")
	h.background(func(ctx context.Context) error {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case at := <-t.C:
				for i, name := range names {
					if i < 3 || (at.Unix()+int64(i))%5 == 0 {
						h.tick(i, name, at.Unix())
					}
				}
			}
		}
	})
}

func (h *harness) tick(i int, name string, s int64) {
	wave := func(period, phase float64) float64 { return math.Sin(2 * math.Pi * (float64(s)/period + phase)) }
	f := func(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
	phase := float64(i) * 0.137
	busy := 40 + 30*wave(240, phase) + 8*wave(17, phase*3)
	for metric, value := range map[string]string{
		"cpu.user": f(max(busy, 0)), "cpu.system": f(6 + 4*wave(60, phase)), "cpu.iowait": f(max(0, 3*wave(90, phase))),
		"load.1": f(2 + wave(300, phase)), "load.5": f(2 + wave(900, phase)), "mem.used": f(8e9 + 1e9*wave(500, phase)),
		"mem.free": f(4e9 - 1e9*wave(500, phase)), "net.eth0.rx_bytes": f(float64(s-1_700_000_000) * (1000 + phase)),
		"net.eth0.tx_bytes": f(float64(s-1_700_000_000) * 345), "uptime": f(float64(s - 1_700_000_000)),
		"disk.sda.read_bytes": f(float64(s%100000) * 8192), "agent.version": "1.0-beta",
	} {
		if err := h.put(name, metric, s*1000, value); err != nil {
			h.t.Error(err)
		}
	}
}
