package wal

import (
	"errors"
	"fmt"
	"time"
)

// Policy says when what was written is fsynced. The zero Policy is never.
type Policy struct {
	Always bool          // before Commit returns
	Every  time.Duration // nothing that was written stays so long without
}

var errPolicy = errors.New("want always, never, or a bound from 10ms to 1m such as 1s")

// ParsePolicy reads "always", "never" or a duration.
func ParsePolicy(s string) (Policy, error) {
	switch s {
	case "always":
		return Policy{Always: true}, nil
	case "never":
		return Policy{}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 10*time.Millisecond || d > time.Minute {
		return Policy{}, fmt.Errorf("%q: %w", s, errPolicy)
	}
	return Policy{Every: d}, nil
}

// String gives what ParsePolicy reads.
func (p Policy) String() string {
	switch {
	case p.Always:
		return "always"
	case p.Every == 0:
		return "never"
	}
	return p.Every.String()
}

func (p Policy) never() bool { return !p.Always && p.Every == 0 }
