package zseries_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

const (
	wirePoints = 8640
	wireReads  = 5 // rounds, of which the median counts
)

// wireDate is yesterday, so that it lives, and wireDay where it begins, s.
var (
	wireDate = time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	wireDay  = int(wireDate.Unix())
)

// TestWire_readsBesideRedis prints the CPU of a server per read, of `dunlin node` and of redis-server in the same run,
// over DUNLIN_READS series of a day. It asserts nothing but equal replies, and is skipped without the variable.
func TestWire_readsBesideRedis(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DUNLIN_READS"))
	if n == 0 {
		t.Skip("DUNLIN_READS is not set: it is the number of series to measure with")
	}
	servers := []*wireServer{startNode(t), startRedis(t)}
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() { s.fill(t, n) })
	}
	wg.Wait()
	for _, w := range wireWork(n) {
		var took [2][]float64
		for round := range wireReads {
			var sums [2]int
			for i, s := range servers {
				from := s.cpu(t)
				sums[i] = s.read(t, w, round)
				took[i] = append(took[i], float64((s.cpu(t)-from).Microseconds())/float64(w.count*w.each))
			}
			if sums[0] != sums[1] {
				t.Errorf("%s: %d bytes of replies, redis-server has %d", w.name, sums[0], sums[1])
			}
		}
		a, b := median(took[0]), median(took[1])
		t.Logf("%-28s %9.2f µs, redis-server %9.2f µs: %.2f", w.name, a, b, a/b)
	}
}

// work is count pipelines of each commands.
type work struct {
	name        string
	count, each int
	command     func(i int) string
}

func wireWork(n int) []work {
	key := func(i int) string { return wireKey(i * 7919 % n) }
	hour := func(i int) string { return fmt.Sprintf("%d (%d", wireDay+i%24*3600, wireDay+i%24*3600+3600) }
	return []work{
		{"day, random series", n / 2, 1, func(i int) string { return "ZRANGE " + key(i) + " 0 -1" }},
		{"day WITHSCORES, hot", 400, 1, func(int) string { return "ZRANGE " + key(1) + " 0 -1 WITHSCORES" }},
		{"last, ZRANGE", 4000, 16, func(i int) string { return "ZRANGE " + key(i) + " -1 -1" }},
		{"last, ZREVRANGE", 4000, 16, func(i int) string { return "ZREVRANGE " + key(i) + " 0 0" }},
		{"last, ZREVRANGEBYSCORE", 4000, 16, func(i int) string {
			return "ZREVRANGEBYSCORE " + key(i) + " +inf -inf LIMIT 0 1"
		}},
		{"hour WITHSCORES, depth 16", 500, 16, func(i int) string {
			return "ZRANGEBYSCORE " + key(i) + " " + hour(i) + " WITHSCORES"
		}},
		{"20 metrics x hour", 400, 20, func(i int) string {
			return "ZRANGEBYSCORE " + wireKey(i%n) + " " + hour(i/20)
		}},
		{"ZCOUNT of an hour", 1000, 16, func(i int) string { return "ZCOUNT " + key(i) + " " + hour(i) }},
	}
}

func wireKey(i int) string {
	return fmt.Sprintf("%s:web%04d.sfo:metric%d", wireDate.Format("2006-01-02"), i/20, i%20)
}

func median(of []float64) float64 {
	for i := range of {
		for j := i; j > 0 && of[j] < of[j-1]; j-- {
			of[j], of[j-1] = of[j-1], of[j]
		}
	}
	return of[len(of)/2]
}

type wireServer struct {
	pid  int
	conn net.Conn
	in   *bufio.Reader
}

func startRedis(t *testing.T) *wireServer {
	s := redistest.Start(t)
	w := dialWire(t, s.Addr)
	w.send(t, "INFO server\r\n")
	text := w.reply(t)
	_, after, _ := strings.Cut(string(text), "process_id:")
	w.pid, _ = strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	return w
}

func startNode(t *testing.T) *wireServer {
	bin := filepath.Join(t.TempDir(), "dunlin")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/dunlin").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	free := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return ln.Addr().String()
	}
	addr := free()
	cmd := exec.Command(bin, "node", "--resp.listen-address", addr, "--web.listen-address", free(), "--storage.path", "")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			w := dialWire(t, addr)
			w.pid = cmd.Process.Pid
			return w
		}
	}
	t.Fatal("the node does not answer")
	return nil
}

func dialWire(t *testing.T, addr string) *wireServer {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wireServer{conn: c, in: bufio.NewReaderSize(c, 1<<20)}
}

func (s *wireServer) send(t *testing.T, raw string) {
	if _, err := io.WriteString(s.conn, raw); err != nil {
		t.Error(err)
	}
}

// cpu is the time that the process has used.
func (s *wireServer) cpu(t *testing.T) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// fill writes the day point by point, the series in turn: the chunks and nodes of a series lie apart, as they do in a
// server that lives.
func (s *wireServer) fill(t *testing.T, n int) {
	const run = 1
	var b strings.Builder
	for at := 0; at < wirePoints; at += run {
		for i := range n {
			key := wireKey(i)
			fmt.Fprintf(&b, "*%d\r\n$4\r\nZADD\r\n$%d\r\n%s\r\n", 2+2*run, len(key), key)
			for j := at; j < at+run; j++ {
				ts := strconv.Itoa(wireDay + j*10)
				member := fmt.Sprintf("%s:%d.%02d", ts, 40+i%7, (j*37+i*11)*(j/9+3)%100)
				fmt.Fprintf(&b, "$%d\r\n%s\r\n$%d\r\n%s\r\n", len(ts), ts, len(member), member)
			}
			if i%500 == 499 || i == n-1 {
				s.send(t, b.String())
				b.Reset()
				for range i%500 + 1 {
					s.reply(t)
				}
			}
		}
	}
}

func (s *wireServer) read(t *testing.T, w work, round int) (size int) {
	var b strings.Builder
	for i := range w.count {
		b.Reset()
		for j := range w.each {
			b.WriteString(w.command(round*w.count*w.each+i*w.each+j) + "\r\n")
		}
		s.send(t, b.String())
		for range w.each {
			size += len(s.reply(t))
		}
	}
	return size
}

// reply gives the text of a simple reply, or as many bytes as an array of bulk strings has.
func (s *wireServer) reply(t *testing.T) []byte {
	line, err := s.in.ReadSlice('\n')
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(line[1 : len(line)-2]))
	switch line[0] {
	case '$':
		body := make([]byte, n+2)
		if _, err := io.ReadFull(s.in, body); err != nil {
			t.Fatal(err)
		}
		return body
	case '*':
		size := 0
		for range n {
			line, _ := s.in.ReadSlice('\n')
			m, _ := strconv.Atoi(string(line[1 : len(line)-2]))
			_, _ = s.in.Discard(m + 2)
			size += m
		}
		return make([]byte, size)
	}
	return append([]byte(nil), line...)
}
