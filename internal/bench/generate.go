package bench

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// generator encodes the commands of some hosts, tick by tick.
type generator struct {
	load                Load
	form                Form
	fleet               *fleet.Fleet
	firstHost, lastHost int // lastHost is not included

	names  [][]byte // :host:metric
	begin  time.Time
	ticks  int
	tick   int
	host   int
	metric int
	day    []byte // the period of the present tick
	at     int64  // its seconds
	key    []byte
	member []byte
}

// batch is commands that go out with one write.
type batch struct {
	bytes            []byte
	commands, points int
}

func (g *generator) start() {
	g.begin, g.ticks = g.load.window()
	for h := g.firstHost; h < g.lastHost; h++ {
		for m := range g.load.Metrics {
			g.names = append(g.names, fmt.Appendf(nil, ":bench-%05d:%s", h, g.fleet.Name(m)))
		}
	}
	g.host = g.firstHost
	g.setTick()
}

func (g *generator) setTick() {
	at := g.begin.Add(time.Duration(g.tick) * g.load.Interval).UTC()
	g.day = at.AppendFormat(g.day[:0], "2006-01-02")
	g.at = at.Unix()
}

// batch appends the next commands to buf; without any when the load is done.
func (g *generator) batch(buf []byte) batch {
	b := batch{bytes: buf}
	perPoint := 1
	if g.form == FormZADDJournal {
		perPoint = 2
	}
	for g.tick < g.ticks && b.commands+perPoint <= g.load.Pipeline {
		g.point(&b)
		b.commands += perPoint
		b.points++
		g.advance()
	}
	return b
}

func (g *generator) advance() {
	if g.metric++; g.metric < g.load.Metrics {
		return
	}
	g.metric = 0
	if g.host++; g.host < g.lastHost {
		return
	}
	g.host = g.firstHost
	g.tick++
	g.setTick()
}

func (g *generator) point(b *batch) {
	if g.metric == 0 {
		g.fleet.Step(g.host)
	}
	at := g.at
	if g.fleet.Late(g.host) && at%86400 < 86399 {
		at++
	}
	g.key = append(append(g.key[:0], g.day...), g.names[(g.host-g.firstHost)*g.load.Metrics+g.metric]...)
	g.member = append(strconv.AppendInt(g.member[:0], at, 10), ':')
	score := len(g.member) - 1
	g.member = g.fleet.AppendValue(g.member, g.host, g.metric)
	b.bytes = append(b.bytes, "*4\r\n$4\r\nZADD\r\n"...)
	b.bytes = appendBulk(b.bytes, g.key)
	b.bytes = appendBulk(b.bytes, g.member[:score])
	b.bytes = appendBulk(b.bytes, g.member)
	if g.form == FormZADDJournal {
		b.bytes = append(b.bytes, "*4\r\n$4\r\nZADD\r\n$7\r\njournal\r\n"...)
		b.bytes = appendBulk(b.bytes, g.member[:score])
		b.bytes = appendBulk(b.bytes, g.key)
	}
}

func appendBulk(dst, b []byte) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(b)), 10)
	dst = append(dst, '\r', '\n')
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}
