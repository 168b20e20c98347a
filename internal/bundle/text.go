package bundle

import (
	"github.com/dunlin-db/dunlin/internal/series"
)

// Text is one point as it is written. Its memory is used again by the next Set.
type Text struct {
	layout    series.Layout
	periodLen int

	ms     int64
	time   []byte
	series []byte
	value  []byte
	key    series.Key
	whole  []byte
}

// NewText makes a Text for a flock that writes periods in a layout.
func NewText(l series.Layout) Text {
	return Text{layout: l, periodLen: len(l.String()), ms: -1}
}

// Set writes a point, ms in milliseconds since 1970. An error is one of package series: the point can never be stored.
func (t *Text) Set(ms int64, host, metric, value string) error {
	if ms < 0 {
		return series.ErrMember
	}
	if ms != t.ms {
		t.time = series.AppendTime(t.time[:0], ms, series.FracFor(ms))
		t.ms = ms
		if _, _, ok := series.ParseTime(t.time); !ok {
			t.ms = -1
			return series.ErrMember
		}
	}
	t.series = series.AppendSeries(t.series[:0], host, metric)
	t.value = append(t.value[:0], value...)
	return t.check()
}

func (t *Text) check() error {
	var err error
	if t.key, err = series.ParseSeries(t.series); err != nil {
		return err
	}
	if t.periodLen+1+len(t.series) > series.MaxKey {
		return series.ErrKeyTooLong
	}
	if !series.CleanValue(t.value) {
		return series.ErrValue
	}
	t.key.Period = t.layout.PeriodOf(t.ms)
	return nil
}

// Load writes a point of a bundle again.
func (t *Text) Load(b *Bundle, i int) error {
	time, name, value := b.At(i)
	ms, _, ok := series.ParseTime(time)
	if !ok {
		return series.ErrMember
	}
	t.ms = ms
	t.time, t.series, t.value = append(t.time[:0], time...), append(t.series[:0], name...), append(t.value[:0], value...)
	return t.check()
}

// Key is the point's key, parsed.
func (t *Text) Key() series.Key { return t.key }

// Whole is the point's key as it stands on the wire.
func (t *Text) Whole() []byte {
	t.whole = t.layout.AppendKey(t.whole[:0], t.key)
	return t.whole
}
