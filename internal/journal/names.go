package journal

import "strings"

// The keys that replication keeps in a Redis, beside the series keys.
const (
	Seed    = "journal"    // ZSET key → time of the last change, any unit, written by seed-style writers
	Journal = "dn:journal" // ZSET key → µs, written by the scripts only
	Late    = "dn:late"    // ZSET key#hour → µs, written by the scripts only
	Cursors = "dn:cursors" // HASH peer → cursor
	Floor   = "dn:floor"   // STRING oldest live period, in the flock's layout
	Epoch   = "dn:epoch"   // STRING random name of this data set
	Cards   = "dn:cards"   // HASH key → members that are journalled, newest score, members in its last 60 s
	// Dropped stands in dn:journal for a key that was dropped while it was the newest entry: scores never fall.
	Dropped = "dn:dropped"

	marksPrefix = "dn:marks:"
)

// Marks names the hash key → mark of what was taken over from a peer.
func Marks(peer string) string { return marksPrefix + peer }

// Own says whether a key belongs to replication and not to a user.
func Own(key string) bool { return strings.HasPrefix(key, "dn:") }
