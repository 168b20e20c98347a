//go:build !mutants

package replica

// mutant names the rule that is broken on purpose: none, outside tests that show that they notice.
const mutant = ""

// Mutant is mutant, for the packages around.
const Mutant = mutant
