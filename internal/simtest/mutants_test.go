//go:build mutants

package simtest_test

import (
	"cmp"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mutants are rules that are broken on purpose, each by a name that package replica looks for in DUNLIN_MUTANT.
var mutants = []string{
	"same-incarnation",          // R1
	"holes-taken",               // R3: an entry that is not the next counts
	"only-grown-logged",         // R3: an entry that adds nothing is not logged
	"start-not-raised-by-trim",  // R4
	"gap-not-told",              // R4
	"gap-off-by-one",            // R4: > for >=
	"start-forgotten",           // R4: a start is taken for the end of an empty log
	"vector-after",              // R5: the peer's vector is read when the exchange is done
	"vector-before-data",        // R5: it counts from the beginning of the exchange on
	"start-not-raised",          // R5
	"pending-published",         // R5a
	"running-adopted",           // R5a: the vector of a peer with a running exchange is adopted
	"refilled-by-anyone",        // who lost points has them back after an exchange with whomever
	"suspect-adopted",           // R5a: so is that of one that lost points
	"own-past-ignored",          // R7
	"replay-over-holes",         // a hole in the own log counts as read
	"floor-unchecked",           // what lies below the floor is stored
	"tombs-unchecked",           // so is what was forgotten
	"tombs-unchecked-in-chunks", // also when it comes in a whole chunk
	"chunks-unchecked",          // chunks are taken whose points are not those of their digest
	"chunks-not-compared",       // an hour is not compared once its chunks have come
	"tombs-forgotten",           // what was forgotten is loaded again at a start
	"unfilled-told",             // digests are told that are not worked out yet
	"clock-refuses",             // R9: a merge refuses by the clock
	"no-transit",                // R10: entries of others are not passed on
	"skips-sent",                // an entry is sent that the peer can not take
	"busy-peer-trusted",         // so are those that a peer had from an exchange of its own
	"proof-uncovered",           // what is on its way counts as different
	"proof-moving",              // so does an hour that moves
	"proof-excess",              // so does what no vector tells of
	"excess-unsaid",             // points that no log tells of are kept to oneself
	"thin-unsaid",               // so is that a vector came from a node which had dropped more
	"ahead-unsaid",              // and that it brought points whose entries are still to come
	"preview-unsaid",            // what came before its turn is kept to oneself
	"previews-trusted",          // so is that some of what a peer gave came to it before its turn
	"floor-not-passed",          // what lies below the own floor is not passed on
}

// TestMutants runs each mutant in processes of its own: one of the directed tests of replica, exchange and peering must
// fail, or a history. DUNLIN_MUTANTS is how many are run, others every day; 0 = all.
func TestMutants(t *testing.T) {
	if os.Getenv("DUNLIN_MUTANT") != "" {
		t.Skip("this is the mutant")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(cmp.Or(os.Getenv("DUNLIN_MUTANTS"), "8"))
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		n = len(mutants)
	}
	count(t, n)
	first := int(time.Now().Unix()/86400) * n
	for i := range n {
		name := mutants[(first+i)%len(mutants)]
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			directed := exec.CommandContext(ctx, "go", "test", "-tags", "mutants", "-count=1", "../replica", "../exchange",
				"../peering", "../proof")
			histories := exec.CommandContext(ctx, self, "-test.run", "^TestLogFlock_histories$")
			by := killed(directed, name, "")
			if by == "" {
				by = killed(histories, name, "2000")
			}
			if t.Log(by); by == "" {
				t.Error("it lives")
			}
		})
	}
}

// killed says what notices a mutant, "" when nothing does.
func killed(cmd *exec.Cmd, name, seeds string) string {
	cmd.Env = append(os.Environ(), "DUNLIN_MUTANT="+name, "DUNLIN_SIM_SEEDS="+seeds, "DUNLIN_COUNTS=")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "--- FAIL") || strings.Contains(line, "seed") || strings.Contains(line, "panic") {
			return strings.TrimSpace(line)
		}
	}
	return err.Error()
}
