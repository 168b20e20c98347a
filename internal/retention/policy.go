package retention

import (
	"fmt"
	"time"

	"github.com/dunlin-db/dunlin/internal/series"
)

const (
	// maxJump is how far the wall clock may stray from monotonic time since the start before retention pauses.
	maxJump = 5 * time.Minute
	// maxSkew is how far the wall clock may be from the median of the reachable peers before retention pauses.
	maxSkew = time.Hour
)

// Clocks is what is known about the time at one moment.
type Clocks struct {
	Start   time.Time      // wall clock at the start of the node
	Elapsed time.Duration  // monotonic time since then
	Wall    time.Time      // wall clock now
	Skew    *time.Duration // median of the reachable peers' clocks less ours; nil = no peer reachable
}

// Policy is what decides how far the floor may go.
type Policy struct {
	Layout series.Layout
	Keep   int           // periods kept besides the current one
	Floor  series.Period // the floor now, 0 = never set
	Oldest series.Period // the oldest period that holds keys, 0 = none
	// Raised is the monotonic time of the last raise in this run, nil = none yet.
	Raised *time.Duration
}

// Want is the floor that the wall clock asks for.
func (r Policy) Want(wall time.Time) series.Period {
	return r.Layout.PeriodOf(wall.UnixMilli()) - series.Period(r.Keep)
}

// Due says whether the wall clock asks for a higher floor.
func (r Policy) Due(wall time.Time) bool { return r.Want(wall) > r.Floor }

// Next gives the floor that holds now and, when it should be higher but the clock is not vouched for, why not. It is
// pure: wiping live data because of a clock must be impossible to get wrong.
func (r Policy) Next(c Clocks) (floor series.Period, paused string) {
	want := r.Want(c.Wall)
	if !r.Due(c.Wall) {
		return r.Floor, ""
	}
	if why := c.Doubt(); why != "" {
		return r.Floor, why
	}
	if c.Skew != nil {
		return want, ""
	}
	return r.alone(c, want), ""
}

// Doubt says why the wall clock can not be vouched for, "" when it can.
func (c Clocks) Doubt() string {
	if jump := c.Wall.Sub(c.Start.Add(c.Elapsed)); jump > maxJump || jump < -maxJump {
		return fmt.Sprintf("the wall clock moved by %s against monotonic time", jump.Round(time.Second))
	}
	if c.Skew != nil && (*c.Skew > maxSkew || *c.Skew < -maxSkew) {
		return fmt.Sprintf("the peers' clocks are %s from this one", c.Skew.Round(time.Second))
	}
	return ""
}

// alone is Next without a peer to ask: what frees nothing goes at once, data goes one period per period of monotonic
// time.
func (r Policy) alone(c Clocks, want series.Period) series.Period {
	base := max(r.Floor, r.Oldest)
	if r.Oldest == 0 || want <= r.Oldest {
		return want
	}
	length := time.Duration(r.Layout.Millis()) * time.Millisecond
	if r.Raised != nil && c.Elapsed-*r.Raised < length {
		return r.Floor
	}
	return min(want, base+1)
}
