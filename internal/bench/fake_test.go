package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/dunlin-db/dunlin/internal/load"
)

// fakeServer answers INFO and DBSIZE, and every other command with what answer says.
func fakeServer(t *testing.T, answer func(command []string) string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var handlers sync.WaitGroup
	handlers.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			handlers.Go(func() {
				defer func() { _ = c.Close() }()
				serveFake(c, answer)
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); handlers.Wait() })
	return "redis://" + ln.Addr().String()
}

func serveFake(c net.Conn, answer func([]string) string) {
	in := bufio.NewReader(c)
	for {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		out := ":0\r\n"
		switch command[0] {
		case "INFO":
			text := "dunlin_version:fake\r\nused_memory:1000\r\n"
			out = fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		case "DBSIZE":
		default:
			out = answer(command)
		}
		if _, err := io.WriteString(c, out); err != nil {
			return
		}
	}
}

func readCommand(in *bufio.Reader) (command []string, err error) {
	number := func(mark byte) int {
		line, e := in.ReadString('\n')
		if e != nil || line[0] != mark {
			err = errors.Join(e, fmt.Errorf("want %c: %q", mark, line))
			return 0
		}
		n, e := strconv.Atoi(strings.TrimSpace(line[1:]))
		err = errors.Join(err, e)
		return n
	}
	for range number('*') {
		b := make([]byte, number('$')+2)
		if err != nil {
			return nil, err
		}
		if _, err = io.ReadFull(in, b); err != nil {
			return nil, err
		}
		command = append(command, string(b[:len(b)-2]))
	}
	if err == nil && len(command) == 0 {
		err = errors.New("no words")
	}
	return command, err
}

// TestRun_countsRefusals: a command of many points answers with its refusals in an array; they are counted, named, and
// do not end the run.
func TestRun_countsRefusals(t *testing.T) {
	url := fakeServer(t, func(command []string) string {
		if n := (len(command) - 2) / 2; command[0] == "DN.MADD" && n > 2 {
			return fmt.Sprintf("*3\r\n:%d\r\n*2\r\n:0\r\n$8\r\nERR late\r\n*2\r\n:1\r\n-ERR later\r\n", n-2)
		}
		return ":1\r\n"
	})
	l := testLoad()
	r, err := Run(t.Context(), Config{Load: l, Servers: []Server{{URL: url, Form: load.MADD}}})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Servers[0].Rounds[0]
	if got.Errors != 2*7*30 || got.Added != 18*7*30 || got.FirstError != "ERR late" {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(strings.Join(r.Warnings, " "), "420 error replies, the first: \"ERR late\"") {
		t.Error(r.Warnings)
	}
}

// remoteSample is what a WriteRequest says of one point.
type remoteSample struct {
	name, host string
	value      float64
	millis     int64
}

// fields calls f for each field of a protobuf message; number is the value of what is no bytes.
func fields(t *testing.T, b []byte, f func(field int, number uint64, bytes []byte)) {
	t.Helper()
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[n:]
		switch tag & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			f(int(tag>>3), v, nil)
			b = b[n:]
		case 1:
			f(int(tag>>3), binary.LittleEndian.Uint64(b), nil)
			b = b[8:]
		case 2:
			l, n := binary.Uvarint(b)
			f(int(tag>>3), 0, b[n:n+int(l)])
			b = b[n+int(l):]
		default:
			t.Fatalf("wire type of tag %d", tag)
		}
	}
}

func readWriteRequest(t *testing.T, body []byte) (out []remoteSample) {
	t.Helper()
	raw, err := s2.Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	fields(t, raw, func(_ int, _ uint64, series []byte) {
		labels := map[string]string{}
		fields(t, series, func(field int, _ uint64, b []byte) {
			if field == 1 {
				var pair [3]string
				fields(t, b, func(i int, _ uint64, text []byte) { pair[i] = string(text) })
				labels[pair[1]] = pair[2]
				return
			}
			s := remoteSample{name: labels["__name__"], host: labels["host"]}
			fields(t, b, func(i int, v uint64, _ []byte) {
				if i == 1 {
					s.value = math.Float64frombits(v)
				} else {
					s.millis = int64(v)
				}
			})
			out = append(out, s)
		})
	})
	return out
}

func TestRun_remoteWrite(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	requests := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		if err != nil || r.URL.Path != "/api/v1/write" || user != "u" || password != "p" ||
			r.Header.Get("Content-Encoding") != "snappy" || r.Header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		requests++
		for _, s := range readWriteRequest(t, body) {
			seen[fmt.Sprintf("%s %s %d", s.host, s.name, s.millis)]++
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	l := testLoad()
	l.Fill, l.Pipeline, l.Dup = 70, 200, 0.01
	s := Server{URL: strings.Replace(srv.URL, "//", "//u:p@", 1) + "/api/v1/write", Form: load.Write, PID: os.Getpid()}
	r, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}})
	if err != nil {
		t.Fatal(err)
	}
	round := r.Servers[0].Rounds[0]
	if len(seen) != 7*20*100 || round.Points != 7*20*30 || round.Errors != 0 {
		t.Errorf("%d points in %d requests: %+v", len(seen), requests, round)
	}
	twice := 0
	for p, n := range seen {
		twice += n - 1
		if !strings.HasPrefix(p, "bench-0000") || !strings.Contains(p, "_") && !strings.Contains(p, "uptime") {
			t.Fatal(p)
		}
	}
	if twice != int(round.Repeated) {
		t.Errorf("%d repeated, %d arrived", round.Repeated, twice)
	}
	if strings.Contains(r.Servers[0].URL, ":p@") {
		t.Error("the report shows the password: ", r.Servers[0].URL)
	}
	s.URL = srv.URL + "/write"
	if _, err := Run(t.Context(), Config{Load: l, Servers: []Server{s}}); err == nil ||
		!strings.Contains(err.Error(), "is this its path for remote write?") {
		t.Error(err)
	}
}
