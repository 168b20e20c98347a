// Package tui prints for people: tables in a terminal, CSV for spreadsheets, text that can not harm either.
//
// # What it is
//
// Functions that write to an io.Writer they are given.
//
// # Where it sits
//
// Under the commands. Of ours it knows the client's points.
//
// # Invariants
//
// No control character of a host, metric or value reaches the terminal. No cell of a CSV file begins like a formula.
//
// # What it does not do
//
// It fetches nothing and decides nothing.
package tui
