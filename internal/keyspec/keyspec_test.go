package keyspec

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestOf(t *testing.T) {
	f := func(command, keys string, repeatable bool) {
		t.Helper()
		got, err := Of(strings.Fields(command))
		if err != nil || strings.Join(got.Keys, " ") != keys || got.Repeatable != repeatable {
			t.Errorf("%s: %+v, %v", command, got, err)
		}
	}
	f("GET a", "a", true)
	f("mget a b c", "a b c", true)
	f("MSET a 1 b 2", "a b", true)
	f("SET a 1", "a", true)
	f("SET a nx", "a", false) // careful rather than clever
	f("SET a 1 NX", "a", false)
	f("ZADD a 1 m", "a", true)
	f("ZADD a INCR 1 m", "a", false)
	f("ZUNION 2 a b WEIGHTS 1 2", "a b", true)
	f("ZUNIONSTORE d 2 a b", "d a b", true)
	f("EVAL return 2 a b c", "a b", false)
	f("OBJECT ENCODING a", "a", true)
	f("RENAME a b", "a b", false)
	f("INCR a", "a", false)
	refused := func(command string, want error) {
		t.Helper()
		if got, err := Of(strings.Fields(command)); !errors.Is(err, want) || got.Keys != nil {
			t.Errorf("%s: %+v, %v, want %v", command, got, err, want)
		}
	}
	refused("", ErrArguments)
	refused("GET", ErrArguments)
	refused("ZUNION 3 a b", ErrArguments)
	refused("ZUNION -1 a b", ErrArguments)
	refused("EVAL x 0", ErrArguments)
	refused("SELECT 1", ErrConnection)
	refused("BLPOP a 0", ErrConnection)
	refused("Multi", ErrMulti)
	refused("INFO", ErrNoKey)
	refused("NONSENSE a", ErrUnknown)
}

// TestOf_sameKeysAsRedis asks a real server where the keys of every command of the tables stand.
func TestOf_sameKeysAsRedis(t *testing.T) {
	s := redistest.Start(t)
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	asked := 0
	ask := func(name string) {
		args := []string{name, "a", "b", "c", "d"}
		for _, numbers := range []int{1, 2} {
			if spec := specOf(name); spec.count == numbers {
				args[numbers] = "2"
			}
		}
		want, err := Of(args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		command := append([]string{"COMMAND", "GETKEYS"}, args...)
		fmt.Fprintf(c, "*%d\r\n", len(command))
		for _, a := range command {
			fmt.Fprintf(c, "$%d\r\n%s\r\n", len(a), a)
		}
		got, err := readReply(r)
		switch {
		case err != nil:
			t.Fatal(err)
		case len(got) == 1 && strings.HasPrefix(got[0], "-"): // newer than this server, or it wants other arguments
			return
		}
		asked++
		if slices.Sort(got); !slices.Equal(got, sorted(want.Keys)) {
			t.Errorf("%s: %v, the server says %v", args, want.Keys, got)
		}
	}
	for name := range repeatable {
		ask(name)
	}
	for name := range once {
		ask(name)
	}
	if asked < 60 {
		t.Errorf("the server knew only %d of the commands", asked)
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func specOf(name string) spec {
	if s, ok := repeatable[name]; ok {
		return s
	}
	return once[name]
}

func readReply(r *bufio.Reader) ([]string, error) {
	line, err := r.ReadString('\n')
	line = strings.TrimSpace(line)
	if err != nil || line[0] != '*' {
		return []string{line}, err
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		return nil, err
	}
	var out []string
	for range n {
		if _, err := r.ReadString('\n'); err != nil {
			return nil, err
		}
		text, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		out = append(out, strings.TrimSpace(text))
	}
	return out, nil
}

func FuzzOf(f *testing.F) {
	f.Add("ZUNIONSTORE d 2 a b")
	f.Add("MSET a")
	f.Add("EVAL x 99999999999999999999 a")
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, " ")
		c, err := Of(args)
		if (err == nil) != (len(c.Keys) > 0) {
			t.Fatalf("%q: %+v, %v", s, c, err)
		}
	})
}
