// Package infotext reads what a node says in INFO.
//
// # What it is
//
// Parse gives the fields of INFO's text, Pairs those of a field that has several, such as state=following,lag_ms=31.
//
// # Where it sits
//
// Under whoever asks nodes how they fare: lookout, muster, check, flockbench. Package account writes the text.
//
// # Invariants
//
// What is not there reads as nothing, and as 0: nodes of other versions say more or less.
//
// # What it does not do
//
// It asks nobody.
package infotext
