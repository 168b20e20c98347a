package store

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/series"
)

// State is what a key was when a journal was read: enough to see that another store has all of it, or all but the
// newest point.
type State struct {
	Hi, Lo uint64       // the sum of the key's Digest
	Newest series.Point // the last point in the order of a sorted set
}

// Lack says what a store lacks of a State.
type Lack uint8

// What may be lacking.
const (
	LacksMore    Lack = iota // it can not be told: the key has to be read
	LacksNewest              // the newest point and no other
	LacksNothing             // every point is here
)

// Stater is a store that keeps the digest of every key.
type Stater interface {
	// States gives the state of each key, with a Newest that has no Value where the key is not there. The points are
	// the caller's. It gives nil when the store can not tell.
	States(ctx context.Context, keys []series.Key) ([]State, error)
	// Lacks says for each key what this store lacks of what another store told of it.
	Lacks(ctx context.Context, keys []series.Key, told []State) ([]Lack, error)
}

// Lack says what a set with this digest lacks of the set that was told. own is the last point of the set. Sums are
// compared, never counts: equal sums are equal sets but for a chance of 2^-128, and the closed hour is compared anyway.
func (d Digest) Lack(seriesSeed uint64, own series.Point, told State) Lack {
	if d.Hi == told.Hi && d.Lo == told.Lo {
		return LacksNothing
	}
	grown := d
	grown.AddPoint(seriesSeed, told.Newest)
	if grown.Hi == told.Hi && grown.Lo == told.Lo {
		return LacksNewest
	}
	other := Digest{Hi: told.Hi, Lo: told.Lo}
	other.AddPoint(seriesSeed, own)
	if d.Hi == other.Hi && d.Lo == other.Lo {
		return LacksNothing // it is the other that lacks a point
	}
	return LacksMore
}
