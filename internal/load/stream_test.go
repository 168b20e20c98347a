package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// work is what a test wants: a Config, and how it is gone through.
type work struct {
	Config
	fill, ticks, rounds, clients int
}

// small is some points of one day.
func small(form Form) work {
	u, _ := url.Parse("http://127.0.0.1:1/api/v1/write")
	return work{
		Config: Config{
			Shape: Shape{
				Hosts: 7, Metrics: 20, Interval: 10 * time.Second, Mix: fleet.Standard, Seed: 1, Late: 0.1, Dup: 0.01,
				Start: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
			},
			Form: form, Commands: 16, Samples: 200, URL: u,
		},
		ticks: 30, rounds: 1, clients: 2,
	}
}

// bytes gives all that the connections send in the fill and in the rounds.
func (w work) bytes() (fill, out []byte, filled, points, repeated int) {
	set := New(w.Config)
	for i := range w.clients {
		c := set.Stream(i*w.Hosts/w.clients, (i+1)*w.Hosts/w.clients)
		var b Batch
		for c.Fill(&b, w.fill); b.Commands > 0; c.Fill(&b, w.fill) {
			fill, filled = append(fill, b.Bytes...), filled+b.Points
		}
		for round := 1; round <= w.rounds; round++ {
			c.Until(w.fill+round*w.ticks, round == w.rounds)
			for c.Next(&b); b.Commands > 0; c.Next(&b) {
				out, points, repeated = append(out, b.Bytes...), points+b.Points, repeated+b.Repeated
			}
		}
	}
	return fill, out, filled, points, repeated
}

// TestStream_golden: a change of these sums changes what figures of earlier versions can be compared with.
func TestStream_golden(t *testing.T) {
	for form, want := range map[Form]string{
		ZADD:        "97bd1d1d513cd70e",
		ZADDJournal: "13e96bb260ea51a0",
		MADD:        "991d02b4394fe70e",
		MADDT:       "2a14a21b958a71b6",
		TSAdd:       "467e4af4b91692c4",
		TSMAdd:      "6146c567ac676d2f",
		Write:       "", // compressed by code of others; TestRun_remoteWrite reads it
	} {
		w := small(form)
		w.fill = 130
		sum := sha256.New()
		fill, out, filled, points, _ := w.bytes()
		sum.Write(fill)
		sum.Write(out)
		if filled != 7*20*130 || points != 7*20*30 {
			t.Errorf("%s: %d and %d points", form, filled, points)
		}
		if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want && form != Write {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
	}
}

// words cuts a stream of commands into commands of words.
func words(t *testing.T, stream []byte) (commands [][]string) {
	t.Helper()
	number := func(mark byte) int {
		line, rest, ok := bytes.Cut(stream, []byte("\r\n"))
		n, err := strconv.Atoi(string(line[1:]))
		if !ok || line[0] != mark || err != nil {
			t.Fatalf("want %c and a number: %.40q", mark, stream)
		}
		stream = rest
		return n
	}
	for len(stream) > 0 {
		command := make([]string, number('*'))
		for i := range command {
			n := number('$')
			command[i] = string(stream[:n])
			if string(stream[n:n+2]) != "\r\n" {
				t.Fatalf("no end after %q", command[i])
			}
			stream = stream[n+2:]
		}
		commands = append(commands, command)
	}
	return commands
}

// flat is every point of a stream as "series ts value", in order.
func flat(t *testing.T, form Form, stream []byte) (out []string) {
	t.Helper()
	for _, c := range words(t, stream) {
		switch {
		case c[0] == "ZADD" && c[1] == "journal":
		case c[0] == "ZADD":
			for i := 2; i < len(c); i += 2 {
				ts, value, _ := strings.Cut(c[i+1], ":")
				if ts != c[i] || !strings.HasPrefix(c[1], dayText10(ts)) {
					t.Fatalf("%s: score, member or day differ: %v", form, c)
				}
				out = append(out, c[1][11:]+" "+ts+" "+value)
			}
		case c[0] == "DN.MADD":
			for i := 2; i < len(c); i += 2 {
				out = append(out, c[i]+" "+c[1]+" "+c[i+1])
			}
		case c[0] == "DN.MADDT":
			for i := 1; i < len(c); i += 3 {
				out = append(out, c[i+1]+" "+c[i]+" "+c[i+2])
			}
		case c[0] == "TS.ADD":
			if c[4] != "ON_DUPLICATE" || c[5] != "LAST" {
				t.Fatalf("%v", c)
			}
			out = append(out, c[1][11:]+" "+strings.TrimSuffix(c[2], "000")+" "+c[3])
		case c[0] == "TS.MADD":
			for i := 1; i < len(c); i += 3 {
				out = append(out, c[i][11:]+" "+strings.TrimSuffix(c[i+1], "000")+" "+c[i+2])
			}
		default:
			t.Fatalf("unknown command %v", c)
		}
	}
	return out
}

func dayText10(ts string) string {
	n, _ := strconv.ParseInt(ts, 10, 64)
	return time.Unix(n, 0).UTC().Format("2006-01-02")
}

// TestStream_samePointsInEveryForm: whatever the form and however many connections, the points are the same; a
// command of DN.MADD has one timestamp, which is the only difference.
func TestStream_samePointsInEveryForm(t *testing.T) {
	var want []string
	for _, form := range []Form{ZADD, ZADDJournal, MADDT, TSAdd, TSMAdd} {
		for _, clients := range []int{1, 3} {
			w := small(form)
			w.clients, w.rounds = clients, 2
			_, out, _, _, _ := w.bytes()
			got := flat(t, form, out)
			slices.Sort(got)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s over %d connections: %d points, not those %d", form, clients, len(got), len(want))
			}
		}
	}
	_, out, _, _, _ := small(MADD).bytes()
	noTime := func(points []string) (out []string) {
		for _, p := range points {
			f := strings.Fields(p)
			out = append(out, f[0]+" "+f[2])
		}
		slices.Sort(out)
		return out
	}
	_, zadd, _, _, _ := small(ZADD).bytes()
	if !slices.Equal(noTime(flat(t, MADD, out)), noTime(flat(t, ZADD, zadd))) {
		t.Error("madd has other values")
	}
}

// TestFill_samePoints: a fill sends what the rounds would have sent.
func TestFill_samePoints(t *testing.T) {
	for _, form := range []Form{ZADD, ZADDJournal, TSMAdd} {
		w := small(form)
		w.Late, w.Dup, w.ticks, w.fill = 0, 0, 10, 150
		w.Start = time.Date(2026, 11, 21, 23, 50, 0, 0, time.UTC) // over midnight
		fill, rest, _, _, _ := w.bytes()
		got := flat(t, form, append(fill, rest...))
		w.fill, w.ticks = 0, 160
		_, out, _, _, _ := w.bytes()
		want := flat(t, form, out)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d points, want %d others", form, len(got), len(want))
		}
	}
}

func TestStream_lateAndDup(t *testing.T) {
	w := small(ZADD)
	w.Hosts, w.ticks, w.clients = 20, 200, 1
	_, out, _, points, repeated := w.bytes()
	all := 20 * 20 * 200
	if points != all {
		t.Fatalf("%d points of %d", points, all)
	}
	newest, late, most := map[string]int64{}, 0, int64(0)
	seen := map[string]bool{}
	twice := 0
	for _, p := range flat(t, ZADD, out) {
		f := strings.Fields(p)
		ts, _ := strconv.ParseInt(f[1], 10, 64)
		if seen[p] {
			twice++
			continue
		}
		seen[p] = true
		if behind := newest[f[0]] - ts; behind > 0 {
			late++
			most = max(most, behind)
		}
		newest[f[0]] = max(newest[f[0]], ts)
	}
	// A late point counts as such unless its followers are late as well; one second is the jitter of 3 %.
	if share := float64(late) / float64(all); share < 0.09 || share > 0.105 {
		t.Errorf("%.3f of the points are late, want 0.1", share)
	}
	if most < 60 || most > 61 {
		t.Errorf("at most %d s late, want 6 ticks", most)
	}
	if share := float64(twice) / float64(all); twice != repeated || share < 0.008 || share > 0.012 {
		t.Errorf("%d repeated, %d counted, of %d", twice, repeated, all)
	}
	jitter := 0
	for p := range seen {
		if f := strings.Fields(p); f[1][len(f[1])-1] == '1' {
			jitter++
		}
	}
	if share := float64(jitter) / float64(all); share < 0.025 || share > 0.035 {
		t.Errorf("%.3f of the points carry the second after the tick, want 0.03", share)
	}
}

// TestStream_Next_fillsBatches: a batch has as many commands as were asked for.
func TestStream_Next_fillsBatches(t *testing.T) {
	for _, form := range []Form{ZADD, ZADDJournal, MADD, MADDT, TSAdd, TSMAdd} {
		w := small(form)
		w.Late, w.Dup = 0, 0
		c := New(w.Config).Stream(0, w.Hosts)
		c.Until(w.ticks, false)
		var b Batch
		if c.Next(&b); b.Commands != 16 {
			t.Errorf("%s: %d commands of 16", form, b.Commands)
		}
	}
}

func TestStream_Next_single(t *testing.T) {
	w := small(ZADD)
	w.Late, w.Dup, w.Single, w.Commands = 0, 0, true, 100
	c := New(w.Config).Stream(2, 4)
	c.Until(2, false)
	var b Batch
	for _, want := range [][2]int{{2, 0}, {3, 0}, {2, 1}, {3, 1}} {
		c.Next(&b)
		if host, tick := c.Last(); [2]int{host, tick} != want || b.Points != 20 {
			t.Errorf("%d points of host %d, tick %d; want %v", b.Points, host, tick, want)
		}
	}
	if c.Next(&b); b.Commands != 0 {
		t.Error("more than the ticks")
	}
}

func TestStream_Next_allocatesNothing(t *testing.T) {
	w := small(ZADD)
	c := New(w.Config).Stream(0, w.Hosts)
	c.Until(1<<30, false)
	var b Batch
	for range 5000 {
		c.Next(&b)
	}
	if n := testing.AllocsPerRun(1000, func() { c.Next(&b) }); n > 0.1 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkStream_Next(b *testing.B) {
	for _, form := range Forms {
		b.Run(string(form), func(b *testing.B) {
			w := small(form)
			w.Late, w.Dup, w.Hosts, w.Samples = 0, 0, 1000, 2000
			c := New(w.Config).Stream(0, w.Hosts)
			c.Until(1<<30, false)
			var buf Batch
			b.ResetTimer()
			for points := 0; points < b.N; points += buf.Points {
				c.Next(&buf)
			}
		})
	}
}
