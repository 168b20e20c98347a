package resp

import "time"

// Limits bound what one connection, and all of them together, may cost. Sizes are bytes. Each is checked against what
// a client announces, before memory is taken for it; a zero field takes its default.
type Limits struct {
	Bulk       int // longest argument
	Args       int // most arguments of a command
	Query      int // longest command, all its arguments together
	Inline     int // longest inline command
	Output     int // longest unsent reply
	AllBuffers int // unfinished commands and unsent replies of all connections; the largest is closed first
	ReadBuffer int // most that one read takes
	MaxClients int // connections at a time

	UnauthBulk int           // Bulk before AUTH
	UnauthArgs int           // Args before AUTH
	UnauthTime time.Duration // from connect to AUTH
	NoProgress time.Duration // a client that takes nothing of its replies for so long is closed
}

// DefaultLimits are the limits of a node that is told nothing else.
func DefaultLimits() Limits {
	return Limits{
		Bulk: 1 << 20, Args: 65536, Query: 64 << 20, Inline: 4 << 10,
		Output: 16 << 20, AllBuffers: 256 << 20, ReadBuffer: 256 << 10, MaxClients: 10000,
		UnauthBulk: 4 << 10, UnauthArgs: 8, UnauthTime: 2 * time.Second, NoProgress: 10 * time.Second,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	ints := [][2]*int{
		{&l.Bulk, &d.Bulk},
		{&l.Args, &d.Args},
		{&l.Query, &d.Query},
		{&l.Inline, &d.Inline},
		{&l.Output, &d.Output},
		{&l.AllBuffers, &d.AllBuffers},
		{&l.ReadBuffer, &d.ReadBuffer},
		{&l.MaxClients, &d.MaxClients},
		{&l.UnauthBulk, &d.UnauthBulk},
		{&l.UnauthArgs, &d.UnauthArgs},
	}
	for _, p := range ints {
		if *p[0] == 0 {
			*p[0] = *p[1]
		}
	}
	if l.UnauthTime == 0 {
		l.UnauthTime = d.UnauthTime
	}
	if l.NoProgress == 0 {
		l.NoProgress = d.NoProgress
	}
	return l
}
