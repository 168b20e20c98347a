package simtest
import ("testing";"fmt";"os";"strconv")
func TestDbg(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("S"), 10, 64)
	n := []int{3, 3, 4, 5, 10}[seed%5]
	f := NewLogFlock(seed, n)
	f.Run(300 + int(seed%7)*100)
	f.Settle()
	err := f.Check()
	fmt.Println(err, f.Count)
	want := os.Getenv("P")
	for _, n := range f.nodes {
		held := map[string]bool{}
		n.points(held)
		tx := n.sh.Begin()
		fmt.Println(n.name, len(held), held[want], "exch", tx.Peers().Exchanging(), "susp", tx.Peers().Suspected(), "floor", n.sh.Floor())
		for _, r := range tx.Peers().Published() { fmt.Print("  ", r.Origin.Node, "-", uint16(r.Origin.Incarnation), ":", r.Seq) }
		fmt.Println()
		tx.End()
		for _, l := range n.links { if l.wantsExchange() { fmt.Println("   ->", l.to.name, l.follower.Wants(), l.exchange != nil) } }
	}
}
