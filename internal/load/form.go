package load

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/fleet"
)

// Form is how points are written.
type Form string

// The forms. A fill takes the command of the same family that carries most points.
const (
	ZADD        Form = "zadd"         // ZADD period:host:metric ts ts:value
	ZADDJournal Form = "zadd+journal" // the same, and ZADD journal ts key: what writers of 2012 send
	MADD        Form = "madd"         // DN.MADD ts host:metric value …, a host's tick in one command
	MADDT       Form = "maddt"        // DN.MADDT ts host:metric value …, the same with a timestamp for each point
	TSAdd       Form = "ts.add"       // RedisTimeSeries: TS.ADD key ms value
	TSMAdd      Form = "ts.madd"      // RedisTimeSeries: TS.MADD key ms value …, a host's tick in one command
	Write       Form = "write"        // Prometheus remote write 1.0 over HTTP
)

// Forms are all of them.
var Forms = []Form{ZADD, ZADDJournal, MADD, MADDT, TSAdd, TSMAdd, Write}

// ParseForm reads the name of a form.
func ParseForm(name string) (Form, error) {
	if slices.Contains(Forms, Form(name)) {
		return Form(name), nil
	}
	var names []string
	for _, f := range Forms {
		names = append(names, string(f))
	}
	return "", fmt.Errorf("form %q: want one of %s", name, strings.Join(names, ", "))
}

// grouped forms send a host's tick as a whole.
func (f Form) grouped() bool { return f != ZADD && f != ZADDJournal && f != TSAdd }

// Shape is what is written, whatever it is written with.
type Shape struct {
	Hosts    int           `json:"hosts"`
	Metrics  int           `json:"metrics"` // per host
	Interval time.Duration `json:"interval_ns"`
	Mix      fleet.Mix     `json:"mix"`
	Seed     uint64        `json:"seed"`
	Late     float64       `json:"late"` // share of the points that is sent 1 to 6 ticks late
	Dup      float64       `json:"dup"`  // share of the points that is sent again a tick later
	Start    time.Time     `json:"start"`
	Pack     int           `json:"fill_pack"` // ticks of a series in one command of a fill; 0 = 60
}
