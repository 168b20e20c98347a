// Package proof shows that replicas are equal, and finds out when they are not.
//
// # What it is
//
// Judge is the rule, a pure function: which hours of two replicas differ though nothing is under way that would mend
// that. A Prover asks each peer once a minute, counts and names what Judge finds, and repairs it by an exchange of
// these hours. It also reads all points in memory, slowly, and compares them with the digests that were kept when they
// came: what does not fit is damaged, and is replaced by a peer's points when these fit.
//
// # Where it sits
//
// Beside peering, whose Links say who the peers are and how they are asked. Package node runs one Prover.
//
// # Invariants
//
// An hour counts as different only if both vectors cover what the other side had a round before, both sides have
// compared with what no log tells of, the floors are the same, and the digests of the hour have not moved in between.
// So no point that is on its way counts, nor does what a node lacks because it took a vector from one that had dropped
// more; that is repaired in silence. Each difference counts once. What is damaged is never replaced by anything but
// the very points that were there.
//
// # What it does not do
//
// It proves nothing of a node on Redis: dunlin check does, and so do the closed hours that syncers compare.
package proof
