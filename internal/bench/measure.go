package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is the unit of /proc/PID/stat on every Linux that Go runs on (USER_HZ), per second.
const clockTicks = 100

// sample is a server's state at one moment.
type sample struct {
	name   string
	cpu    float64 // seconds since its start
	memory int64   // used_memory, bytes
}

// answerTime is how long a server may take for each question that is not load.
const answerTime = 5 * time.Second

// dial connects, authenticates and selects the url's database. The connection has a deadline of answerTime.
func dial(ctx context.Context, s Server) (net.Conn, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "redis" || u.Host == "" {
		return nil, fmt.Errorf("bad url %q: want redis://host:port", s.URL)
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", s.URL, err)
	}
	// Deadlines can be set but on a closed connection, and that the next call reports.
	_ = c.SetDeadline(time.Now().Add(answerTime))
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
	in := bufio.NewReader(c)
	if s.Password != "" {
		if _, err = command(c, in, "AUTH", s.Password); err != nil {
			return nil, errors.Join(fmt.Errorf("authenticate at %s: %w", s.URL, err), c.Close())
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if _, err = command(c, in, "SELECT", db); err != nil {
			return nil, errors.Join(fmt.Errorf("select database %s at %s: %w", db, s.URL, err), c.Close())
		}
	}
	return c, nil
}

// measure takes a sample. CPU comes from /proc where the server's process is known and here, else from INFO.
func measure(ctx context.Context, s Server) (sample, error) {
	c, err := dial(ctx, s)
	if err != nil {
		return sample{}, err
	}
	defer func() { _ = c.Close() }() // it was only asked
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
	text, err := command(c, bufio.NewReader(c), "INFO")
	if err != nil {
		return sample{}, fmt.Errorf("ask %s for INFO: %w", s.URL, err)
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[k] = v
		}
	}
	number := func(k string) float64 {
		f, err := strconv.ParseFloat(info[k], 64)
		if err != nil {
			return 0 // a server that does not say counts as 0 and shows as such
		}
		return f
	}
	out := sample{memory: int64(number("used_memory")), cpu: number("used_cpu_user") + number("used_cpu_sys")}
	for _, k := range []string{"dunlin", "valkey", "redis"} {
		if v, ok := info[k+"_version"]; ok {
			out.name = k + " " + v
			break
		}
	}
	pid := s.PID
	if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); pid == 0 && net.ParseIP(host).IsLoopback() {
		pid = int(number("process_id"))
	}
	if cpu, err := processCPU(pid); err == nil {
		out.cpu = cpu
	} else if s.PID != 0 {
		return sample{}, err
	}
	return out, nil
}

// processCPU is the CPU time a process has used, in seconds, as proc(5) describes /proc/PID/stat.
func processCPU(pid int) (float64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read cpu time: %w", err)
	}
	// The name in parentheses may hold anything; what follows the last one is fields 3 and up.
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("read cpu time of %d: unexpected stat", pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return float64(user+system) / clockTicks, errors.Join(err1, err2)
}
