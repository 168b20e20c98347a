// Package watermark is up to what time a node has everything that another has taken.
//
// # What it is
//
// A Mark says how far an origin's entries went at a time of its node's clock. Nodes tell each other the marks they
// know, with the log, so they come through third nodes too. A Board has the newest of each origin, and says up to when
// a node is complete here: "nyc1 up to 12:00:31".
//
// # Where it sits
//
// Beside peering, which carries marks; node shows what a Board says.
//
// # Invariants
//
// A node is complete up to a time if and only if all that its origins had numbered by then is in the store, as the
// vector says. Marks are united by the larger one.
//
// # What it does not do
//
// It decides nothing: marks are for people, and never stored.
package watermark
