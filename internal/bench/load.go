package bench

import (
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/load"
)

// Load is the work, the same for every server that is compared.
type Load struct {
	load.Shape
	Fill     int           `json:"fill"`        // ticks that are written first, unmeasured
	Ticks    int           `json:"ticks"`       // ticks of each round; 0 = as many as fit in Duration and before now
	Rounds   int           `json:"rounds"`      // how often the measured part is repeated
	Duration time.Duration `json:"duration_ns"` // of a round; 0 = until its ticks are done
	Clients  int           `json:"clients"`
	Pipeline int           `json:"pipeline"` // commands on their way per connection; samples of a request of load.Write
	Batches  int           `json:"batches"`  // in how many writes they go out
	Realtime bool          `json:"realtime"` // each tick at its time, hosts spread over the interval
	Reads    time.Duration `json:"reads_ns"` // how long each kind of read is measured in each round; 0 = not at all
	Drop     bool          `json:"drop"`     // drop the day at the end

	Now time.Time `json:"-"` // points lie before it, unless Realtime

	total int // ticks of a series, of the fill and all rounds
}

const day = 24 * time.Hour

func (l *Load) check() error {
	switch {
	case l.Hosts < 1 || l.Metrics < 1 || l.Clients < 1 || l.Rounds < 1:
		return errors.New("hosts, metrics, clients and rounds must be 1 or more")
	case l.Fill < 0 || l.Ticks < 0 || l.Duration < 0 || l.Reads < 0 || l.Pack < 0:
		return errors.New("fill, ticks, duration and reads must not be negative")
	case l.Batches < 1 || l.Pipeline < 2*l.Batches:
		return errors.New("batches must be 1 or more, and pipeline at least 2 for each of them")
	case l.Interval < time.Second || l.Interval%time.Second != 0:
		return fmt.Errorf("interval %s: want whole seconds", l.Interval)
	case l.Late < 0 || l.Dup < 0 || l.Late+l.Dup > 1:
		return errors.New("late and dup are shares of the points, together at most 100%")
	case l.Ticks == 0 && l.Duration == 0:
		return errors.New("want a number of ticks or a duration")
	case l.Clients > l.Hosts:
		return errors.New("more clients than hosts: a host's points go over one connection")
	case l.Realtime && (l.Fill > 0 || l.Drop || l.Rounds > 1 || !l.Start.IsZero()):
		return errors.New("realtime writes one round at the present: no fill, drop, start or further rounds")
	}
	return nil
}

// window settles the time of the first tick and gives how many ticks each series gets at most. What fits in one day
// lies in one day, because that is how keys grow.
func (l *Load) window() (ticks int, err error) {
	midnight := l.Now.UTC().Truncate(day)
	if l.Realtime {
		l.Start = l.Now.UTC().Truncate(l.Interval)
		return l.measured(), nil
	}
	ticks = l.Fill + l.measured()
	span := time.Duration(ticks) * l.Interval
	switch {
	case !l.Start.IsZero():
		l.Start = l.Start.UTC().Truncate(time.Second)
	case l.Drop || l.Ticks == 0 || span > l.Now.Sub(midnight):
		l.Start = midnight.Add(-day)
		if !l.Drop && l.Ticks > 0 && span > day {
			l.Start = l.Now.UTC().Add(-span).Truncate(l.Interval)
		}
	default:
		l.Start = midnight
	}
	end := l.Now
	if l.Drop {
		end = l.Start.Truncate(day).Add(day)
		if end.After(midnight) {
			return 0, errors.New("drop wants the data in yesterday or before: start is today or later")
		}
	}
	fit := int((end.Sub(l.Start) + l.Interval - 1) / l.Interval)
	if l.Ticks == 0 {
		return max(fit, 0), nil
	}
	if ticks > fit && l.Drop {
		return 0, fmt.Errorf("drop wants all ticks in one day: %d fit, fill and rounds have %d", fit, ticks)
	}
	if ticks > fit {
		return 0, fmt.Errorf("%d ticks of %s from %s reach beyond now; %d fit", ticks, l.Interval,
			l.Start.Format(time.RFC3339), max(fit, 0))
	}
	return ticks, nil
}

// measured is the number of ticks of all rounds; without Ticks it is more than any window has.
func (l *Load) measured() int {
	if l.Ticks == 0 {
		return 1 << 30
	}
	return l.Ticks * l.Rounds
}

func (l *Load) series() int { return l.Hosts * l.Metrics }
