package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dayLoad is a whole day of some hosts.
type dayLoad struct{ hosts, ticks int }

// loneRedis is a redis-server by itself.
type loneRedis struct {
	p    *process
	addr string
	dir  string
}

func (m *measurement) startRedis(ctx context.Context, name string, more ...string) (*loneRedis, error) {
	dir, err := os.MkdirTemp("", "dunlin-measure-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	argv := append([]string{
		m.redis, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--appendonly", "no", "--dir", dir,
	}, more...)
	r := &loneRedis{addr: fmt.Sprintf("127.0.0.1:%d", port), dir: dir}
	if r.p, err = startProcess(dir, "", name, argv...); err != nil {
		return nil, err
	}
	if err := awaitAnswer(ctx, r.p, r.addr, ""); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *loneRedis) stop() {
	r.p.stop()
	_ = os.RemoveAll(r.dir)
}

// yesterday is its first moment.
func yesterday() time.Time { return time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour) }

// memoryResult is how large points lie in a Redis.
type memoryResult struct {
	what, encoding string
	keys           int
	perMember      float64
}

// memoryOfDays fills a redis-server with whole days, copies the same points under keys of hours into others, and
// gives the first, still running.
func (m *measurement) memoryOfDays(ctx context.Context, load dayLoad, r *redisReport) (*loneRedis, error) {
	day, err := m.startRedis(ctx, "day")
	if err != nil {
		return nil, err
	}
	empty, err := usedMemory(day.addr)
	if err == nil {
		_, err = m.bench(ctx, nil, "--url", "redis://"+day.addr, "--form", "zadd", "--hosts", strconv.Itoa(load.hosts),
			"--metrics", "20", "--fill", strconv.Itoa(load.ticks-1), "--ticks", "1", "--start", yesterday().Format(time.RFC3339))
	}
	var got memoryResult
	if err == nil {
		got, err = weigh(day.addr, "`period: day`", empty)
	}
	r.memory = append(r.memory, got)
	for _, limit := range []string{"128", "400"} {
		if err == nil {
			got, err = m.memoryOfHours(ctx, day, limit)
			r.memory = append(r.memory, got)
		}
	}
	if err != nil {
		day.stop()
		return nil, err
	}
	return day, nil
}

// memoryOfHours copies a day's points under keys of hours.
func (m *measurement) memoryOfHours(ctx context.Context, day *loneRedis, limit string) (got memoryResult, err error) {
	hours, err := m.startRedis(ctx, "hours-"+limit, "--zset-max-listpack-entries", limit)
	if err != nil {
		return got, err
	}
	defer hours.stop()
	empty, err := usedMemory(hours.addr)
	if err != nil {
		return got, err
	}
	err = copyDay(ctx, [2]string{day.addr, hours.addr}, "", func(key, ts string) (string, error) {
		seconds, err := strconv.ParseInt(ts, 10, 64)
		if err != nil {
			return "", err
		}
		_, series, _ := strings.Cut(key, ":")
		return time.Unix(seconds, 0).UTC().Format("2006-01-02T15") + ":" + series, nil
	})
	if err != nil {
		return got, err
	}
	return weigh(hours.addr, "`period: hour`, `zset-max-listpack-entries "+limit+"`", empty)
}

// copyDay writes all points of a Redis to another, each under the key that name gives it, one ZADD per new key.
func copyDay(ctx context.Context, fromTo [2]string, password string, name func(key, ts string) (string, error)) error {
	from, err := dial(fromTo[0], "")
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := dial(fromTo[1], password)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }()
	keys, err := from.Do("KEYS", "20*")
	if err != nil {
		return err
	}
	for _, k := range keys.([]any) {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := fmt.Sprint(k)
		members, err := from.Do("ZRANGE", key, "0", "-1")
		if err != nil {
			return err
		}
		var commands [][]string
		for _, member := range members.([]any) {
			ts, _, _ := strings.Cut(fmt.Sprint(member), ":")
			into, err := name(key, ts)
			if err != nil {
				return fmt.Errorf("copy %s: %w", key, err)
			}
			if n := len(commands); n == 0 || commands[n-1][1] != into {
				commands = append(commands, []string{"ZADD", into})
			}
			last := &commands[len(commands)-1]
			*last = append(*last, ts, fmt.Sprint(member))
		}
		replies, err := to.Pipe(commands)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(replies, func(r any) bool { _, bad := r.(error); return bad }); i >= 0 {
			return fmt.Errorf("copy %s: %w", key, replies[i].(error))
		}
	}
	return nil
}

func usedMemory(addr string) (float64, error) {
	c, err := dial(addr, "")
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	info, err := c.Info()
	return number(info["used_memory"]), err
}

// weigh gives what a Redis has grown by, per member.
func weigh(addr, what string, empty float64) (got memoryResult, err error) {
	used, err := usedMemory(addr)
	if err != nil {
		return got, err
	}
	c, err := dial(addr, "")
	if err != nil {
		return got, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	v, err := c.Do("KEYS", "20*")
	if err != nil {
		return got, err
	}
	keys := v.([]any)
	members := 0.0
	encodings := map[string]int{}
	for _, k := range keys {
		replies, err := c.Pipe([][]string{{"ZCARD", k.(string)}, {"OBJECT", "ENCODING", k.(string)}})
		if err != nil {
			return got, err
		}
		n, _ := replies[0].(int64)
		members += float64(n)
		encodings[fmt.Sprint(replies[1])]++
	}
	got = memoryResult{what: what, keys: len(keys), perMember: (used - empty) / members}
	for name, n := range encodings {
		if n > encodings[got.encoding] {
			got.encoding = name
		}
	}
	return got, nil
}

// dropResult is what dropping a day does; times in ms but for freed, in seconds.
type dropResult struct {
	points, answered, freed, cpu  float64
	before99, during99, duringMax float64
}

// dropDay puts a day into node 0 and drops it there, while a client goes on writing.
func (f *flock) dropDay(ctx context.Context, day *loneRedis) (d dropResult, err error) {
	period := ""
	err = copyDay(ctx, [2]string{day.addr, f.nodes[0].addr}, f.password(), func(key, _ string) (string, error) {
		period, _, _ = strings.Cut(key, ":")
		d.points++
		return key, nil
	})
	if err != nil {
		return d, err
	}
	if err := f.awaitEqual(ctx); err != nil {
		return d, err
	}
	full, err := f.redisState(0)
	if err != nil {
		return d, err
	}
	probe := &writeProbe{f: f}
	if err := probe.run(ctx, 2*time.Second); err != nil {
		return d, err
	}
	d.before99 = percentile(probe.millis, 0.99)
	probe.millis = nil
	c, err := f.dial(0)
	if err != nil {
		return d, err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	during := make(chan error, 1)
	go func() { during <- probe.run(ctx, 10*time.Second) }()
	began := time.Now()
	if _, err := c.Do("DN.DROP", period); err != nil {
		return d, fmt.Errorf("drop %s: %w", period, err)
	}
	d.answered = float64(time.Since(began).Microseconds()) / 1000
	lowest, at := full.used, time.Now()
	for time.Since(began) < 10*time.Second { // the memory is back when it falls no further
		now, err := f.redisState(0)
		if err != nil {
			return d, err
		}
		if now.used < 0.99*lowest {
			lowest, at, d.cpu = now.used, time.Now(), now.cpu-full.cpu
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return d, err
		}
	}
	d.freed = at.Sub(began).Seconds()
	if err := <-during; err != nil {
		return d, err
	}
	d.during99, d.duringMax = percentile(probe.millis, 0.99), percentile(probe.millis, 1)
	return d, nil
}

// redisState is what the Redis processes of a node hold.
type redisState struct {
	used, cpu float64
}

func (f *flock) redisState(i int) (s redisState, err error) {
	n := f.nodes[i]
	for _, addr := range n.redis {
		used, err := usedMemory(addr)
		if err != nil {
			return s, err
		}
		s.used += used
	}
	u, err := sum(n.processes)
	s.cpu = u.cpu
	return s, err
}

// writeProbe is a client that writes a point every 2 ms and notes how long each takes.
type writeProbe struct {
	f      *flock
	millis []float64
}

func (p *writeProbe) run(ctx context.Context, d time.Duration) error {
	c, err := p.f.dial(0)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing is on its way
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		now := time.Now().UTC()
		ts := strconv.FormatFloat(float64(now.UnixMilli())/1000, 'f', 3, 64)
		key := fmt.Sprintf("%s:writer-%d:probe", now.Format(time.DateOnly), now.Nanosecond()%64)
		if _, err := c.Do("ZADD", key, ts, ts+":1"); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		p.millis = append(p.millis, float64(time.Since(now).Microseconds())/1000)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}
