package batch

import (
	"errors"

	"github.com/dunlin-db/dunlin/internal/series"
)

// ErrTime: the timestamp of a DN.MADD.
var ErrTime = errors.New("timestamp: want decimal seconds with at most 3 fraction digits")

// MAdd gathers DN.MADD ts series value [series value …]. db is the connection's database. false: it is not that, or
// not all of its shards are in memory here; nothing was taken.
func (b *Batch) MAdd(db int, args [][]byte) bool {
	if len(args) < 4 || len(args)%2 != 0 || !b.at(args[1]) {
		return false
	}
	had := len(b.where)
	for i := 2; i < len(args); i += 2 {
		if !b.value(db, args[i], args[i+1]) {
			b.rewind(had)
			return false
		}
	}
	b.lastKey = nil
	b.commands = append(b.commands, command{many, len(args)/2 - 1})
	return true
}

// MAddT gathers DN.MADDT ts series value [ts series value …], as MAdd does.
func (b *Batch) MAddT(db int, args [][]byte) bool {
	if len(args) < 4 || len(args)%3 != 1 {
		return false
	}
	had := len(b.where)
	for i := 1; i < len(args); i += 3 {
		switch {
		case !b.at(args[i]):
			b.refuse(ErrTime)
		case !b.value(db, args[i+1], args[i+2]):
			b.rewind(had)
			return false
		}
	}
	b.lastKey = nil
	b.commands = append(b.commands, command{many, len(args) / 3})
	return true
}

// at makes time, and the period of b.host, those of a timestamp.
func (b *Batch) at(text []byte) bool {
	if (len(text) == 0 || string(text) != string(b.time.text)) && !b.stamp(text) {
		return false
	}
	if ts := b.time.ts; ts < b.host.first || ts > b.host.last {
		b.host.prefix = b.host.prefix[:0] // another period may have another ring
		b.host.period = b.topology.Layout.PeriodOf(ts)
		b.host.first, b.host.last = b.topology.Layout.Span(b.host.period)
	}
	return true
}

// value takes the point of a series at the present time. false: its shard is not in memory here.
func (b *Batch) value(db int, name, value []byte) bool {
	switch {
	case !series.CleanValue(value):
		b.refuse(series.ErrValue)
		return true
	case b.periodLen+1+len(name) > series.MaxKey:
		b.refuse(series.ErrKeyTooLong)
		return true
	case !b.host.goesOn(db, name):
		k, err := series.ParseSeries(name)
		if err != nil {
			b.refuse(err)
			return true
		}
		k.Period = b.host.period
		if !b.place(&b.host, db, k, name[:len(name)-len(k.Metric())]) {
			return false
		}
	}
	from := len(b.text)
	b.text = append(append(append(b.text, b.time.text...), ':'), value...)
	put := b.take(b.host.lane)
	put.Series, put.Member, put.TS, put.Period = name, b.text[from:], b.time.ts, b.host.period
	put.ValueAt, put.Frac = uint8(len(b.time.text)+1), b.time.frac
	return true
}

// refuse takes a point that goes nowhere.
func (b *Batch) refuse(why error) { b.take(refusedLane).Err = why }

// rewind gives back the points that were taken after the first had.
func (b *Batch) rewind(had int) {
	for _, lane := range b.where[had:] {
		l := &b.lanes[lane]
		l.puts = l.puts[:len(l.puts)-1]
	}
	b.where = b.where[:had]
}
