package interop

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// perTick is how many points of different series have the same timestamp.
const perTick = 1000

// ticks makes the points of one client: 50 hosts with 20 metrics, a point each every 10 ms of made-up time.
type ticks struct {
	points []dunlin.Point
	at     time.Time
}

func newTicks(client string) *ticks {
	t := &ticks{at: time.Now().UTC().Truncate(24 * time.Hour)}
	for i := range perTick {
		t.points = append(t.points, dunlin.Point{
			Host: fmt.Sprintf("%s-%d-%d", client, time.Now().UnixNano(), i/20), Metric: fmt.Sprintf("metric.%d", i%20),
		})
	}
	return t
}

func (t *ticks) next() []dunlin.Point {
	t.at = t.at.Add(10 * time.Millisecond)
	value := strconv.FormatFloat(float64(t.at.UnixMilli()%1000)/8, 'f', -1, 64)
	for i := range t.points {
		t.points[i].Time, t.points[i].Value = t.at, value
	}
	return t.points
}

// zadd is the command that stores a point, as a program without our client would write it.
func zadd(p *dunlin.Point) (key string, score float64, member string) {
	seconds := float64(p.Time.UnixMilli()) / 1000
	key = p.Time.Format("2006-01-02") + ":" + p.Host + ":" + p.Metric
	return key, seconds, strconv.FormatFloat(seconds, 'f', -1, 64) + ":" + p.Value
}

// BenchmarkClients stores points of 1,000 series with the client's Add, and with go-redis' Ring and rueidis, which send
// the same points as pipelines of 1,000 ZADD: at a node, where Add sends DN.MADD, and at a redis-server, where it sends
// the same ZADDs as the others.
func BenchmarkClients(b *testing.B) {
	b.Run("node", func(b *testing.B) { clients(b, nodeAddr) })
	b.Run("redis", func(b *testing.B) { clients(b, redistest.Start(b).Addr) })
}

func clients(b *testing.B, addr string) {
	b.Run("dunlin", func(b *testing.B) {
		c, err := dunlin.Open(b.Context(), dunlin.Config{URL: "redis://" + addr, Timeout: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		measure(b, "dunlin", func(ctx context.Context, points []dunlin.Point) error { return c.Add(ctx, points...) },
			func() error { return c.Flush(b.Context()) })
	})
	b.Run("go-redis Ring", func(b *testing.B) {
		c := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"node": addr}})
		defer func() { _ = c.Close() }()
		measure(b, "goredis", func(ctx context.Context, points []dunlin.Point) error {
			pipe := c.Pipeline()
			for i := range points {
				key, score, member := zadd(&points[i])
				pipe.ZAdd(ctx, key, redis.Z{Score: score, Member: member})
			}
			_, err := pipe.Exec(ctx)
			return err
		}, nil)
	})
	b.Run("rueidis", func(b *testing.B) {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		measure(b, "rueidis", func(ctx context.Context, points []dunlin.Point) error {
			commands := make(rueidis.Commands, len(points))
			for i := range points {
				key, score, member := zadd(&points[i])
				commands[i] = c.B().Zadd().Key(key).ScoreMember().ScoreMember(score, member).Build()
			}
			for _, r := range c.DoMulti(ctx, commands...) {
				if err := r.Error(); err != nil {
					return err
				}
			}
			return nil
		}, nil)
	})
}

// measure stores b.N points and reports points a second, and the CPU of this process a point.
func measure(b *testing.B, name string, send func(context.Context, []dunlin.Point) error, flush func() error) {
	t := newTicks(name)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	for left := b.N; left > 0; left -= perTick {
		if err := send(b.Context(), t.next()[:min(left, perTick)]); err != nil {
			b.Fatal(err)
		}
	}
	if flush != nil {
		if err := flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "points/s")
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/point")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
