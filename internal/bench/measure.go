package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// clockTicks is the unit of /proc/PID/stat on every Linux that Go runs on (USER_HZ), per second.
const clockTicks = 100

// sample is a server's state at one moment.
type sample struct {
	name   string // and version, as INFO gives them
	dunlin bool
	pid    int     // 0 = not known or not here
	cpu    float64 // seconds since its start
	used   int64   // used_memory, bytes; of load.Write 0
	rss    int64   // resident, bytes; 0 = not known
	cpus   string  // that it may run on; "" = not known
}

// measure takes a sample. CPU comes from /proc where the server's process is known and here, else from INFO.
func measure(ctx context.Context, s *Server) (sample, error) {
	out := sample{pid: s.PID}
	if !s.http() {
		if err := out.fromInfo(ctx, s); err != nil {
			return out, err
		}
	}
	if out.pid == 0 {
		return out, nil
	}
	if out.name == "" {
		comm, _ := os.ReadFile("/proc/" + strconv.Itoa(out.pid) + "/comm") // the name is for show
		out.name = strings.TrimSpace(string(comm))
	}
	cpu, err := processCPU(out.pid)
	if err == nil {
		// The process of that number may be another one, if the server runs in a container.
		if s.PID != 0 || out.cpu == 0 || cpu > 0.9*out.cpu-1 && cpu < 1.1*out.cpu+1 {
			out.cpu = cpu
			err = out.fromStatus()
			return out, err
		}
		out.pid = 0
		return out, nil
	}
	if s.PID != 0 {
		return out, fmt.Errorf("--pid %d: %w", s.PID, err)
	}
	out.pid = 0
	return out, nil
}

func (out *sample) fromInfo(ctx context.Context, s *Server) error {
	c, err := dial(ctx, s, 4096)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // it was only asked
	defer context.AfterFunc(ctx, func() { giveUp(ctx, c) })()
	text, err := c.ask("INFO")
	if err != nil {
		return fmt.Errorf("ask %s for INFO: %w%s", s.name(), err, hint(err.Error()))
	}
	info := parseInfo(text)
	number := func(k string) float64 {
		f, err := strconv.ParseFloat(info[k], 64)
		if err != nil {
			return 0 // a server that does not say counts as 0 and shows as such
		}
		return f
	}
	out.used, out.cpu = int64(number("used_memory")), number("used_cpu_user")+number("used_cpu_sys")
	out.rss = int64(number("used_memory_rss"))
	_, out.dunlin = info["dunlin_version"]
	for _, k := range []string{"dunlin", "valkey", "redis"} {
		if v, ok := info[k+"_version"]; ok {
			out.name = k + " " + v
			break
		}
	}
	if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); out.pid == 0 && net.ParseIP(host).IsLoopback() {
		out.pid = int(number("process_id"))
	}
	return nil
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[k] = v
		}
	}
	return info
}

// hint says what to do about an error reply, where that is known.
func hint(refusal string) string {
	switch word, _, _ := strings.Cut(refusal, " "); {
	case word == "NOAUTH" || word == "WRONGPASS":
		return "; give the password with --password-file"
	case word == "OOM":
		return "; the server is full: raise its maxmemory, or write fewer hosts or ticks"
	case strings.Contains(strings.ToLower(refusal), "unknown command"):
		return "; this form is not for this server: see --form and --against-form"
	case word == "WRONGTYPE":
		return "; its keys were written in another form: use an empty server"
	}
	return ""
}

// fromStatus reads what proc(5) says about the process: resident memory and the CPUs it may use.
func (out *sample) fromStatus() error {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(out.pid) + "/status")
	if err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	info := parseInfo(string(data))
	out.cpus = strings.TrimSpace(info["Cpus_allowed_list"])
	if kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(info["VmRSS"]), " kB"), 10, 64); err == nil {
		out.rss = kib << 10
	}
	return nil
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
