package server

import (
	"errors"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/series"
)

// errLoading answers who asks for points that may still be on disk. Writers need not wait: a point is united with what
// comes later.
const errLoading = "LOADING Dunlin is loading the points on disk into memory; points are taken, what is asked for " +
	"may not be there yet"

func anyLoading(slots []*slot) bool {
	for _, sl := range slots {
		if sl.Shard.Loading() {
			return true
		}
	}
	return false
}

// readsSeries says whether a command asks for a series key or a journal: plain keys are never on disk.
func (cl *client) readsSeries(cmd *command, args [][]byte) bool {
	from, to, step := cmd.keys(len(args))
	for i := from; i <= to; i += step {
		if _, err := cl.srv.cfg.Topology.Layout.ParseKey(args[i]); !errors.Is(err, series.ErrPlain) ||
			keycmd.IsJournal(args[i]) {
			return true
		}
	}
	return false
}
