package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/journal"
	"github.com/dunlin-db/dunlin/internal/series"
)

// errZADD is a ZADD on a series key that would do more than unite.
var errZADD = errors.New("ERR series keys only grow: ZADD takes NX and CH here, not XX, GT, LT or INCR")

// doCommand is one command on its way to the process.
type doCommand struct {
	wire    []string
	script  bool  // a ZADD as the atomic script
	refused int   // of its points
	points  int   // of its points, refused ones too
	err     error // why the first was refused, or the whole command
}

// Do sends commands in order over one connection. A ZADD on a series key goes as the atomic script, with the
// canonical score; its points are checked by the grammar, not by any clock.
func (r *Redis) Do(ctx context.Context, proto int, cmds [][]string) []Reply {
	out := make([]Reply, len(cmds))
	c := r.c
	if proto == 3 {
		c = r.r3
	}
	prepared := make([]doCommand, len(cmds))
	var wire [][]string
	known := false
	for i, cmd := range cmds {
		p := &prepared[i]
		*p = r.prepare(cmd)
		if p.script && !known { // the first goes with its text: asking again would break the order
			p.wire = append([]string{"EVAL", journal.Unite.Text}, p.wire[2:]...)
			known = true
		}
		if p.wire != nil {
			wire = append(wire, p.wire)
		}
	}
	replies, err := c.do(ctx, wire...)
	next := 0
	var queued []*doCommand // of the transaction that is open
	for i := range prepared {
		p := &prepared[i]
		if p.wire == nil {
			out[i] = p.err
			continue
		}
		if err != nil {
			out[i] = err
			continue
		}
		if e := replies[next].NonRedisError(); e != nil {
			out[i] = wrap(e)
		} else {
			m, _ := replies[next].ToMessage() // an error reply is a message too
			out[i] = p.answer(decode(m, proto))
		}
		next++
		switch all, isArray := out[i].([]Reply); {
		case out[i] == Simple("QUEUED"):
			queued = append(queued, p)
		case strings.EqualFold(cmds[i][0], "EXEC") && isArray && len(all) == len(queued):
			for n, q := range queued {
				if q.script {
					all[n] = q.answer(all[n])
				}
			}
			queued = nil
		}
	}
	return out
}

// prepare decides how a command goes to the process.
func (r *Redis) prepare(cmd []string) doCommand {
	if len(cmd) < 4 || !strings.EqualFold(cmd[0], "ZADD") {
		return doCommand{wire: cmd}
	}
	k, err := r.cfg.Layout.ParseKey([]byte(cmd[1]))
	if errors.Is(err, series.ErrPlain) {
		return doCommand{wire: cmd}
	}
	if err != nil {
		return doCommand{err: fmt.Errorf("ERR bad series key: %w", err)}
	}
	args := cmd[2:]
	for len(args) > 0 {
		flag := strings.ToUpper(args[0])
		if flag == "XX" || flag == "GT" || flag == "LT" || flag == "INCR" {
			return doCommand{err: errZADD}
		}
		if flag != "NX" && flag != "CH" {
			break
		}
		args = args[1:]
	}
	if len(args) == 0 || len(args)%2 != 0 {
		return doCommand{wire: cmd} // the process words the error
	}
	return r.prepareZADD(k, cmd[1], args)
}

func (r *Redis) prepareZADD(k series.Key, key string, pairs []string) doCommand {
	var d doCommand
	var pts []series.Point
	for i := 0; i < len(pairs); i += 2 {
		d.points++
		score, err := parseScore(pairs[i])
		if err != nil {
			return doCommand{err: err}
		}
		pt, err := series.ParseMember([]byte(pairs[i+1]))
		switch {
		case err != nil:
		case !series.ScoreIs(score, pt.TS):
			err = series.ErrScore
		case r.cfg.Layout.PeriodOf(pt.TS) != k.Period:
			err = series.ErrNotPeriod
		}
		if err != nil {
			d.refused++
			if d.err == nil {
				d.err = err
			}
			continue
		}
		pts = append(pts, pt)
	}
	var s slice
	s.add(0, key, "", pts)
	d.script = true
	keys, args := append(controlKeys(""), s.keys...), append([]string{"", "", ""}, s.args...)
	d.wire = evalCommand("EVALSHA", journal.Unite.SHA, keys, args)
	return d
}

func parseScore(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(f) {
		return 0, errors.New("ERR value is not a valid float")
	}
	return f, nil
}

// answer turns the script's reply into the one of ZADD.
func (d *doCommand) answer(got Reply) Reply {
	added, ok := got.([]Reply)
	if !d.script || !ok || len(added) == 0 {
		return got
	}
	if d.refused > 0 {
		return fmt.Errorf("ERR %d of %d refused: %w; the rest is stored", d.refused, d.points, d.err)
	}
	return added[0]
}

// replyError is the text of an error reply, its code first.
type replyError string

func (e replyError) Error() string { return string(e) }

// rawText gives the RESP type of a message and its text. The client library tells neither a status from a bulk string
// nor an error with the code ERR from one without.
func rawText(m rueidis.RedisMessage) (kind byte, text string) {
	const ttl, length = 7, 8 // what stands before the type, and between type and text
	b := m.CacheMarshal(nil)
	return b[ttl], string(b[ttl+1+length:])
}

// decode turns a message of rueidis into a Reply.
func decode(m rueidis.RedisMessage, proto int) Reply {
	switch {
	case m.IsNil():
		return nil
	case m.Error() != nil:
		_, text := rawText(m)
		return replyError(text)
	case m.IsInt64():
		v, _ := m.AsInt64()
		return v
	case m.IsFloat64():
		v, _ := m.AsFloat64()
		return v
	case m.IsBool():
		v, _ := m.AsBool()
		return v
	case m.IsMap():
		pairs, _ := m.ToMap()
		out := make(Map, 0, 2*len(pairs))
		for _, k := range slices.Sorted(maps.Keys(pairs)) {
			out = append(out, k, decode(pairs[k], proto))
		}
		return out
	case m.IsArray():
		all, _ := m.ToArray()
		out := make([]Reply, len(all))
		for i, v := range all {
			out[i] = decode(v, proto)
		}
		if proto == 3 && m.CacheMarshal(nil)[7] == '~' {
			return Set(out)
		}
		return out
	}
	s, _ := m.ToString()
	if len(s) <= 64 {
		if kind, text := rawText(m); kind == '+' {
			return Simple(text)
		}
	}
	return s
}
