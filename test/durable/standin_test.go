//go:build linux

package durable

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dunlin-db/dunlin/test/plain"
)

// standin is the least that keeps the promises: sets of points, a log of lines, and one fault that breaks one of them.
// The rows must find each fault, and find nothing without one.
type standin struct {
	fault, dir, fsync string

	mu       sync.Mutex // protects what follows; never held over I/O
	cond     *sync.Cond // something of it changed
	keys     map[string]map[string]bool
	pending  []byte      // not written
	tail     []byte      // written, not fsynced
	appended int         // bytes ever put into pending
	done     int         // of these, safe by the policy
	degraded bool        // nobody waits for the disk
	behind   int         // what was acknowledged meanwhile ends here
	sync     bool        // an fsync is due
	disk     standinDisk // the writer's
}

// standinDisk is the file that is written.
type standinDisk struct {
	ending  bool      // all is to end
	calling time.Time // when the call began that the writer is in
	file    *os.File
	number  int
}

// The faults. Each breaks what one row promises.
const (
	noFault      = ""
	inMemory     = "memory"      // writes no log
	repliesEarly = "early"       // replies before it writes
	neverSyncs   = "nosync"      // never calls fsync
	syncsLate    = "late"        // fsyncs every three seconds
	invents      = "invents"     // loads some points twice, under two names
	dropsLast    = "drops"       // takes the last line of each file for damaged
	endsOnError  = "ends"        // ends on a failed write
	neverHeals   = "degraded"    // stays degraded
	forgetsTail  = "forgets"     // does not write again what a failed fsync left open
	readsWait    = "waits"       // reads wait for the disk
	refusesStart = "refuses"     // does not start when a line is damaged
	skipsRest    = "skips"       // reads nothing behind a damaged line
	ignoresTerm  = "ignoresterm" // SIGTERM does not flush
)

func runStandin(fault string, args []string) int {
	s := &standin{fault: fault, keys: map[string]map[string]bool{}}
	s.cond = sync.NewCond(&s.mu)
	flags := map[string]string{}
	for i := 1; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	s.dir, s.fsync = filepath.Join(flags["--storage.path"], "log"), flags["--storage.fsync"]
	ln, err := net.Listen("tcp", flags["--resp.listen-address"])
	if err == nil {
		err = s.load()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go s.runWeb(flags["--web.listen-address"])
	go s.runTicks()
	written := make(chan struct{})
	go func() { s.runWriter(); close(written) }()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	term := make(chan os.Signal, 2)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	if fault == ignoresTerm {
		return 0
	}
	ln.Close()
	s.mu.Lock()
	s.disk.ending, s.sync = true, true
	s.cond.Broadcast()
	s.mu.Unlock()
	select {
	case <-written:
		return 0
	case <-term:
		return 1
	}
}

func (s *standin) load() error {
	names, _ := filepath.Glob(filepath.Join(s.dir, "*.log"))
	slices.Sort(names)
	for _, name := range names {
		_, _ = fmt.Sscanf(filepath.Base(name), "%d.log", &s.disk.number)
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		if s.fault == dropsLast && len(lines) > 0 {
			lines = lines[:len(lines)-1]
		}
		for _, line := range lines {
			sum, text, _ := strings.Cut(line, " ")
			key, member, ok := strings.Cut(text, " ")
			if !ok || sum != checksum(text) {
				if s.fault == refusesStart {
					return fmt.Errorf("%s is damaged", name)
				}
				if s.fault == skipsRest {
					break
				}
				continue
			}
			s.add(key, member)
			if s.fault == invents && member[len(member)-1] == '7' {
				s.add(key+"x", member)
			}
		}
	}
	return nil
}

func checksum(text string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) }

func (s *standin) add(key, member string) bool {
	set := s.keys[key]
	if set == nil {
		set = map[string]bool{}
		s.keys[key] = set
	}
	if set[member] {
		return false
	}
	set[member] = true
	return true
}

// runWriter writes what is pending, fsyncs what is due, and begins a new file after each failure.
func (s *standin) runWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.pending) == 0 && !s.sync {
			s.cond.Wait()
		}
		batch, upTo, last := s.pending, s.appended, s.disk.ending
		due := (s.sync || last || s.fsync == "always" || s.degraded) && s.fault != neverSyncs
		s.pending, s.sync, s.disk.calling = nil, false, time.Now()
		if s.disk.file == nil && s.fault != forgetsTail {
			batch = append(s.tail, batch...)
			s.tail = nil
		}
		s.mu.Unlock()
		err := s.write(batch, due)
		s.mu.Lock()
		s.disk.calling = time.Time{}
		s.tail = append(s.tail, batch...)
		if err != nil {
			s.failed(err)
			continue
		}
		if due {
			s.tail = nil
		}
		if s.done = upTo; s.degraded && s.fault != neverHeals {
			s.degraded, s.behind = false, s.appended
		}
		s.cond.Broadcast()
		if last && len(s.pending) == 0 {
			return
		}
	}
}

func (s *standin) failed(err error) {
	if s.fault == endsOnError {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.degraded, s.disk.file, s.sync = true, nil, true
	s.cond.Broadcast()
	s.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // between two tries
	s.mu.Lock()
}

func (s *standin) write(batch []byte, due bool) error {
	if s.fault == inMemory {
		return nil
	}
	if s.disk.file == nil {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
		s.disk.number++
		name := filepath.Join(s.dir, fmt.Sprintf("%06d.log", s.disk.number))
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		s.disk.file = f
		for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
			if d, err := os.Open(dir); err == nil && due {
				_ = d.Sync()
				d.Close()
			}
		}
	}
	// After a failed write a broken line may stand before this one.
	if _, err := s.disk.file.Write(append([]byte("\n"), batch...)); err != nil {
		return err
	}
	if due {
		return s.disk.file.Sync()
	}
	return nil
}

// runTicks makes fsyncs due, notices calls that hang and a directory that is gone.
func (s *standin) runTicks() {
	every := 300 * time.Millisecond
	if s.fault == syncsLate {
		every = 3 * time.Second
	}
	for range time.Tick(every) {
		_, err := os.Stat(s.dir)
		s.mu.Lock()
		s.sync = s.sync || s.fsync == "1s" || s.fault == repliesEarly
		if !s.disk.calling.IsZero() && time.Since(s.disk.calling) > 5*time.Second {
			s.degraded = true
		}
		if errors.Is(err, os.ErrNotExist) && s.disk.file != nil {
			s.degraded, s.disk.file, s.sync = true, nil, true
			for key, set := range s.keys {
				for member := range set {
					s.line(key, member)
				}
			}
		}
		s.cond.Broadcast()
		s.mu.Unlock()
	}
}

func (s *standin) behindDisk() bool { return s.degraded || s.done < s.behind }

func (s *standin) line(key, member string) {
	n := len(s.pending)
	s.pending = fmt.Appendf(s.pending, "%s %s %s\n", checksum(key+" "+member), key, member)
	s.appended += len(s.pending) - n
}

// put adds points, which are pairs of key and member, and returns when they are safe by the policy.
func (s *standin) put(pairs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		if s.add(pairs[i], pairs[i+1]) {
			s.line(pairs[i], pairs[i+1])
		}
	}
	lsn := s.appended
	if s.fault == repliesEarly || s.fault == ignoresTerm {
		return // the next tick writes it
	}
	s.cond.Broadcast()
	for s.done < lsn && !s.degraded {
		s.cond.Wait()
	}
}

func (s *standin) runWeb(addr string) {
	_ = http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.URL.Path == "/metrics" {
			n := 0
			if s.behindDisk() {
				n = 1
			}
			fmt.Fprintf(w, "dunlin_durability_degraded %d\n", n)
		}
	}))
}

func (s *standin) serve(nc net.Conn) {
	defer nc.Close()
	c := plain.New(nc)
	out := bufio.NewWriter(nc)
	for {
		v, err := c.Reply()
		list, ok := v.([]any)
		if err != nil || !ok {
			return
		}
		args := make([]string, len(list))
		for i := range list {
			args[i], _ = list[i].(string)
		}
		s.command(out, args)
		if c.Buffered() == 0 && out.Flush() != nil {
			return
		}
	}
}

func (s *standin) command(out io.Writer, args []string) {
	day := func(ts string) string {
		return time.UnixMilli(int64(number(ts)*1000 + 0.5)).UTC().Format(time.DateOnly)
	}
	var pairs []string
	switch args[0] {
	case "ZADD":
		for i := 3; i < len(args); i += 2 {
			pairs = append(pairs, args[1], args[i])
		}
	case "DN.MADD":
		for i := 2; i+1 < len(args); i += 2 {
			pairs = append(pairs, day(args[1])+":"+args[i], args[1]+":"+args[i+1])
		}
	case "DN.MADDT":
		for i := 1; i+2 < len(args); i += 3 {
			pairs = append(pairs, day(args[i])+":"+args[i+1], args[i]+":"+args[i+2])
		}
	default:
		s.read(out, args)
		return
	}
	s.put(pairs)
	fmt.Fprintf(out, ":%d\r\n", len(pairs)/2)
}

func (s *standin) read(out io.Writer, args []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.fault == readsWait && !s.disk.calling.IsZero() {
		s.cond.Wait()
	}
	list := func(items []string) {
		fmt.Fprintf(out, "*%d\r\n", len(items))
		for _, i := range items {
			fmt.Fprintf(out, "$%d\r\n%s\r\n", len(i), i)
		}
	}
	switch args[0] {
	case "KEYS":
		var keys []string
		for k := range s.keys {
			keys = append(keys, k)
		}
		list(keys)
	case "ZRANGE":
		var items []string
		for m := range s.keys[args[1]] {
			ts, _, _ := strings.Cut(m, ":")
			items = append(items, m, ts)
		}
		list(items)
	case "ZCARD":
		fmt.Fprintf(out, ":%d\r\n", len(s.keys[args[1]]))
	case "INFO":
		text := "loading:0\r\ndurability:" + map[bool]string{false: "ok", true: "degraded"}[s.behindDisk()] + "\r\n"
		fmt.Fprintf(out, "$%s\r\n%s\r\n", strconv.Itoa(len(text)), text)
	default:
		fmt.Fprint(out, "+PONG\r\n")
	}
}
