//go:build mutants

package replica

import "os"

var mutant = os.Getenv("DUNLIN_MUTANT")

// Mutant is mutant, for the packages around.
var Mutant = mutant
