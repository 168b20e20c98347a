// Package advise finds out which settings of their Redis would serve a flock's nodes better.
//
// # What it is
//
// It samples series keys through the nodes' front doors, asks the Redis processes for their limits, and says when keys
// lie in skiplists that could be listpacks, what that would save, and the line to type.
//
// # Where it sits
//
// Under dunlin check, on top of the client.
//
// # Invariants
//
// It reads only. It advises only where the gain is large and the price small; what it can not ask it passes over.
//
// # What it does not do
//
// It changes no setting, and it has no part in the verdict whether nodes are equal.
package advise
