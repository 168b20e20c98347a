package reply

import (
	"fmt"
	"strings"
)

// UnknownCommand is redis-server's text: at most 128 bytes of the name, then arguments until 128 bytes of them.
func UnknownCommand(args [][]byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ERR unknown command '%.128s', with args beginning with: ", args[0])
	shown := 0
	for _, a := range args[1:] {
		if shown >= 128 {
			break
		}
		before := b.Len()
		fmt.Fprintf(&b, "'%.*s' ", 128-shown, a)
		shown += b.Len() - before
	}
	return b.String()
}
