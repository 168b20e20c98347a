package store

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/series"
)

// Polled is what a peer's poll finds, read at one instant where the store is in memory.
type Polled struct {
	Epoch         string
	Changes, Late []Change
	States        []State // of Changes, nil = the store can not tell
}

// PollQuery says from which scores on, and how many entries of each journal at most.
type PollQuery struct {
	Journal, Late int64
	Limit         int
}

// Poll reads the epoch before the journals, and the keys after them.
func Poll(ctx context.Context, st Store, q PollQuery, l series.Layout) (got Polled, err error) {
	if got.Epoch, err = st.Epoch(ctx); err != nil {
		return got, err
	}
	if got.Changes, err = st.Changes(ctx, q.Journal, q.Limit); err != nil {
		return got, err
	}
	if got.Late, err = st.LateChanges(ctx, q.Late, q.Limit); err != nil {
		return got, err
	}
	s, ok := st.(Stater)
	if !ok {
		return got, nil
	}
	keys := make([]series.Key, len(got.Changes))
	for i, ch := range got.Changes {
		if keys[i], err = l.ParseKey([]byte(ch.Key)); err != nil {
			return got, err
		}
	}
	got.States, err = s.States(ctx, keys)
	return got, err
}
