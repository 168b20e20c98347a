// Package evidence keeps files that were damaged, for people to look at.
//
// # What it is
//
// A Shelf renames a damaged file to *.bad where it lies, and lists those that there are.
//
// # Where it sits
//
// Under storage, which gives it what a checkpoint has replaced. INFO persistence and dunlin check name what it keeps.
//
// # Invariants
//
// There are Most files at the most: the oldest goes when there is one more. None of them is read as data, and all go
// with the directory of their period.
//
// # What it does not do
//
// It does not judge what is damaged.
package evidence
