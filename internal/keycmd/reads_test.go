package keycmd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

// dayGen makes reads and writes of a long series: a day of points, some at one instant, some with fractions, some late,
// some long.
type dayGen struct {
	gen
	day time.Time
	key string
}

func (g *dayGen) point() (score, member string) {
	ts := strconv.FormatInt(g.day.Unix()+g.r.Int64N(86_400), 10)
	if g.chance(20) {
		ts = strconv.FormatInt(g.day.Unix()+1000*g.r.Int64N(3), 10)
	}
	if g.chance(20) {
		ts += pick(&g.gen, ".0", ".1", ".10", ".001", ".25", ".999")
	}
	value := pick(&g.gen, "0", "100", g.num(10), g.num(1000), g.num(1e6)+".50", "-"+g.num(100)+".25", "1e-05", "nan")
	if g.chance(3) {
		value = fmt.Sprintf("%0*d", 80+g.r.IntN(49), g.r.IntN(10))
	}
	return ts, ts + ":" + value
}

func (g *dayGen) zadd(n int) op {
	o := op{args: []string{"ZADD", g.key}}
	for range n {
		score, member := g.point()
		o.args = append(o.args, score, member)
	}
	return o
}

func (g *dayGen) bound() string {
	switch g.r.IntN(8) {
	case 0:
		return pick(&g.gen, "-inf", "+inf", "(inf", "0", "2e9", "(0")
	case 1:
		return fmt.Sprintf("%d.%04d", g.day.Unix()+g.r.Int64N(86_400), g.r.IntN(10_000))
	}
	ts, _ := g.point()
	return pick(&g.gen, "", "(") + ts
}

func (g *dayGen) rank() string { return strconv.Itoa(g.r.IntN(24_000) - 12_000) }

// read is a range in one of its forms, with options in any order.
func (g *dayGen) read() op {
	var o op
	switch lo, hi := g.bound(), g.bound(); g.r.IntN(7) {
	case 0:
		o.args = []string{pick(&g.gen, "ZRANGE", "ZREVRANGE"), g.key, g.rank(), g.rank()}
	case 1:
		o.args = []string{pick(&g.gen, "ZRANGE", "ZREVRANGE"), g.key, "0", "-1"}
	case 2:
		o.args = []string{pick(&g.gen, "ZRANGE", "ZREVRANGE"), g.key, pick(&g.gen, "-1", "0"), pick(&g.gen, "-1", "0")}
	case 3:
		o.args = cat("ZRANGE", g.key, lo, hi, "BYSCORE", pick(&g.gen, "REV", "BYSCORE"))
		if o.args[5] == "BYSCORE" {
			o.args = o.args[:5]
		}
	default:
		o.args = []string{pick(&g.gen, "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), g.key, lo, hi}
	}
	var options [][]string
	if g.chance(50) {
		options = append(options, []string{"WITHSCORES"})
	}
	if g.chance(40) && len(o.args[0]) > 9 {
		n := pick(&g.gen, "1", "0", "-1", "-7", "100", "5000")
		options = append(options, []string{"LIMIT", pick(&g.gen, "0", "0", "1", "300", "8000", "99999", "-1", "-5"), n})
	}
	g.r.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	for _, opt := range options {
		o.args = append(o.args, opt...)
	}
	return o
}

func (g *dayGen) next() op {
	switch n := g.r.IntN(10); {
	case n == 0:
		return g.zadd(1 + g.r.IntN(40))
	case n == 1:
		return op{args: []string{"ZCOUNT", g.key, g.bound(), g.bound()}}
	case n == 2:
		_, member := g.point()
		return op{args: []string{pick(&g.gen, "ZRANK", "ZREVRANK", "ZSCORE"), g.key, member}}
	case n == 3:
		return op{args: []string{"ZCARD", g.key}}
	}
	return g.read()
}

// TestSeries_longReadsSameAsRedis compares the reads of a day of points with those of redis-server. Some of its replies
// are made in pieces.
func TestSeries_longReadsSameAsRedis(t *testing.T) {
	addr := redistest.Start(t).Addr
	now := time.Now()
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprint("resp", proto), func(t *testing.T) {
			g := &dayGen{
				gen: gen{r: rand.New(rand.NewPCG(7, uint64(proto))), now: now},
				day: now.UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour),
			}
			g.key = g.day.Format("2006-01-02") + ":h:m"
			var ops []op
			for range 300 {
				ops = append(ops, g.zadd(1+g.r.IntN(60)))
			}
			for range 500 {
				ops = append(ops, g.next())
			}
			d := &differ{redis: dialRedis(t, addr, proto), proto: proto, shards: 1, now: now}
			if at, why := d.run(t, ops); at >= 0 {
				t.Fatalf("op %d: %s", at, why)
			}
			if d.pieces == 0 {
				t.Error("no reply was made in pieces")
			}
		})
	}
}
