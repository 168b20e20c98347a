package advise

import (
	"fmt"
	"math"
	"slices"

	"github.com/dunlin-db/dunlin/internal/series"
)

// A sorted set lies in a Redis as a listpack, flat and about as long as its text, until it has more members than
// zset-max-listpack-entries; then it becomes a skiplist with a hash table beside it, four to five times the size, and
// stays one. What follows tells which of the two a flock's series keys are and whether the other would do.

// Sample is one series key of a Redis.
type Sample struct {
	Members   int64
	Bytes     int64   // MEMORY USAGE
	KeyLen    int     // bytes of its name
	MemberLen int     // bytes of its newest member
	Seconds   float64 // between two members, on average; 0 = unknown
	Encoding  string  // OBJECT ENCODING
}

// longestListpack is the most members for which a listpack is advised. Adding to one costs time in proportion to its
// length: about 500 members take the CPU time of a skiplist twice, for a fifth of its memory.
const longestListpack = 512

// fewMembers: the fixed part of a shorter key says more than its members about bytes a member.
const fewMembers = 100

// Advice says what another encoding would save.
type Advice struct {
	Now     float64 // bytes a member, as sampled
	Then    float64 // bytes a member as listpacks, estimated from the members
	Members int64   // that a full key will have
	Entries int64   // what zset-max-listpack-entries has to be
	Hourly  bool    // it takes period: hour as well
}

// String says it in a sentence.
func (a Advice) String() string {
	how := fmt.Sprintf("with zset-max-listpack-entries %d", a.Entries)
	if a.Hourly {
		how = "period: hour " + how
	}
	return fmt.Sprintf("series keys are skiplists of %.0f bytes a member; %s would make them listpacks of about %.0f "+
		"(%.1f times less)", a.Now, how, a.Then, a.Now/a.Then)
}

// Encoding judges the sampled keys of a flock with the given layout. Limit is the present
// zset-max-listpack-entries. Advice is given only when keys are skiplists now and a limit that is still cheap to
// write to would keep full keys listpacks.
func Encoding(layout series.Layout, limit int64, samples []Sample) (Advice, bool) {
	var wide, step, flat []float64
	for _, s := range samples {
		if s.Seconds > 0 {
			step = append(step, s.Seconds)
		}
		if s.Encoding != "skiplist" || s.Members < fewMembers {
			continue
		}
		wide = append(wide, float64(s.Bytes)/float64(s.Members))
		flat = append(flat, float64(s.MemberLen))
	}
	if len(wide) == 0 || len(step) == 0 {
		return Advice{}, false
	}
	a := Advice{Now: median(wide)}
	seconds := float64(layout.Millis()) / 1000
	if a.fit(seconds, median(step)); a.Entries > longestListpack && !layout.Hourly() {
		a.Hourly = true
		a.fit(float64(series.Hour.Millis())/1000, median(step))
	}
	if a.Entries > longestListpack || a.Entries <= limit && !a.Hourly {
		return Advice{}, false
	}
	a.Then = listpackBytes(median(flat), float64(samples[0].KeyLen), float64(a.Members))
	return a, a.Now > 1.5*a.Then
}

// fit computes what a full key of a period needs. Room is left for late points and for a second writer's clock, and
// the result is a round number.
func (a *Advice) fit(period, step float64) {
	const round = 50
	a.Members = int64(math.Round(period / step))
	a.Entries = (a.Members + a.Members/20 + round - 1) / round * round
}

// listpackBytes estimates the bytes a member of a listpack: text and score with a byte or two of length before and
// after each, the key's own parts, and what the allocator rounds up.
func listpackBytes(member, key, members float64) float64 {
	const (
		around   = 2 + 6 // of the member; the score, a number of 32 bits
		perKey   = 100   // name's header, object, entry of the hash table
		rounding = 1.1
	)
	return (member+around)*rounding + (key+perKey)/members
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
