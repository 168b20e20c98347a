package resp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func words(args [][]byte) []string {
	var out []string
	for _, a := range args {
		out = append(out, string(a))
	}
	return out
}

func TestParser_Next(t *testing.T) {
	limits := DefaultLimits()
	f := func(in string, want []string, wantUsed int, wantErr string) {
		t.Helper()
		p := Parser{Limits: &limits}
		args, used, err := p.Next(nil, []byte(in))
		if diff := cmp.Diff(want, words(args)); diff != "" {
			t.Errorf("%q: args %s", in, diff)
		}
		if used != wantUsed {
			t.Errorf("%q: used %d, want %d", in, used, wantUsed)
		}
		if got := text(err); got != wantErr {
			t.Errorf("%q: error %q, want %q", in, got, wantErr)
		}
	}
	f("*1\r\n$4\r\nPING\r\n", []string{"PING"}, 14, "")
	f("*2\r\n$4\r\nECHO\r\n$0\r\n\r\nrest", []string{"ECHO", ""}, 20, "")
	f("*0\r\n", nil, 4, "")
	f("*-7\r\n", nil, 5, "")
	f("\r\n", nil, 2, "")
	f("*1\r", nil, 0, "")
	f("*1\r\n$4\r\nPING\r", nil, 0, "")
	f("*1\r\n$9223372036854775807\r\n", nil, 0, "Protocol error: invalid bulk length")
	f("*2147483647\r\n", nil, 0, "Protocol error: invalid multibulk length")
	f("*9000000000000000000\r\n", nil, 0, "Protocol error: invalid multibulk length")
	f("*x\r\n", nil, 0, "Protocol error: invalid multibulk length")
	f("*01\r\n", nil, 0, "Protocol error: invalid multibulk length")
	f("*1\r\n:3\r\n", nil, 0, "Protocol error: expected '$', got ':'")
	f("*1\r\n$-1\r\n", nil, 0, "Protocol error: invalid bulk length")
	f("*1\r\n$1\r\nabc", nil, 0, "Protocol error: invalid bulk length")
	f("*"+strings.Repeat("1", 40), nil, 0, "Protocol error: too big mbulk count string")
	f("*1\r\n$"+strings.Repeat("1", 40), nil, 0, "Protocol error: too big bulk count string")
	f("PING\r\n", []string{"PING"}, 6, "")
	f("  SET  a \"b\\x41\\n c\"\t'd\\'e'\n", []string{"SET", "a", "bA\n c", "d'e"}, 28, "")
	f("SET a \"\"\n", []string{"SET", "a", ""}, 9, "")
	f("SET a \"b\n", nil, 0, "Protocol error: unbalanced quotes in request")
	f("SET a \"b\"c\n", nil, 0, "Protocol error: unbalanced quotes in request")
	f(strings.Repeat("a", 4097), nil, 0, "Protocol error: too big inline request")
	f("GET / HTTP/1.1\r\n", nil, 0, ErrHTTP.Error())
	f("POST /x HTTP/1.1\r\n", nil, 0, ErrHTTP.Error())
	f("Host: localhost\r\n", nil, 0, ErrHTTP.Error())
	f("\x16\x03\x01", nil, 0, ErrHTTP.Error())
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParser_Next_unauthenticated(t *testing.T) {
	limits := DefaultLimits()
	f := func(in, want string) {
		t.Helper()
		p := Parser{Limits: &limits, Unauth: true}
		if _, _, err := p.Next(nil, []byte(in)); text(err) != want {
			t.Errorf("%q: error %q, want %q", in, text(err), want)
		}
	}
	f("*9\r\n", "Protocol error: unauthenticated multibulk length")
	f("*2\r\n$4\r\nAUTH\r\n$4097\r\n", "Protocol error: unauthenticated bulk length")
	f("a b c d e f g h i\r\n", "Protocol error: unauthenticated multibulk length")
	f("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "")
}

// TestParser_Next_byByte feeds commands in every possible split and expects the same result.
func TestParser_Next_byByte(t *testing.T) {
	limits := DefaultLimits()
	in := []byte("*3\r\n$4\r\nZADD\r\n$1\r\nk\r\n$10\r\n0123456789\r\n")
	p := Parser{Limits: &limits}
	for i := range in {
		args, used, err := p.Next(nil, in[:i])
		if used != 0 || err != nil || len(args) != 0 {
			t.Fatalf("after %d bytes: %q %d %v", i, args, used, err)
		}
	}
	moved := bytes.Clone(in) // the buffer may be another one each time
	args, used, err := p.Next(nil, moved)
	if used != len(in) || err != nil || len(args) != 3 || string(args[2]) != "0123456789" {
		t.Fatalf("whole: %q %d %v", args, used, err)
	}
}

func TestBatch_Fill_allocatesNothing(t *testing.T) {
	limits := DefaultLimits()
	in := bytes.Repeat([]byte("*4\r\n$4\r\nZADD\r\n$29\r\n2026-11-22:web17.sfo:cpu.user\r\n"+
		"$1\r\n1\r\n$3\r\n1:2\r\n"), 1000)
	p := Parser{Limits: &limits}
	var b Batch
	allocs := testing.AllocsPerRun(10, func() {
		if used, err := b.Fill(&p, in, 0); err != nil || used != len(in) || b.Len() != 1000 {
			t.Fatalf("used %d of %d, %d commands, %v", used, len(in), b.Len(), err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for 1000 commands", allocs)
	}
}

func FuzzParser(f *testing.F) {
	for _, s := range []string{
		"*1\r\n$4\r\nPING\r\n", "*1\r\n$9223372036854775807\r\n", "*2147483647\r\n", "*9000000000000000000\r\n",
		"*0\r\n*0\r\n",
		"*-1\r\n", "*1\r\n$-1\r\n", "PING\r\n", "set a \"b\\xff\" 'c'\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\x16\x03\x01\x02",
		"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\n\x00\r\n", "\x00\x00\x00\n", "*1\r\n$536870912\r\n",
		"*1\n$1\na\n", "*1\r\n$1\r\na\r\n*1\r\n$1\r\nb",
	} {
		f.Add([]byte(s), uint8(1), false)
		f.Add([]byte(s), uint8(7), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8, unauth bool) {
		whole, wholeErr := parseAll(in, len(in), unauth)
		parts, partsErr := parseAll(in, max(1, int(step)), unauth)
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Errorf("in steps of %d: %s", step, diff)
		}
		if (wholeErr == nil) != (partsErr == nil) {
			t.Errorf("in steps of %d: %v, whole: %v", step, partsErr, wholeErr)
		}
		batches, batchesErr := fillAll(in, max(1, int(step)), unauth)
		whole = slices.DeleteFunc(whole, func(cmd []string) bool { return len(cmd) == 0 })
		if diff := cmp.Diff(whole, batches, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("in batches: %s", diff)
		}
		if (wholeErr == nil) != (batchesErr == nil) {
			t.Errorf("in batches: %v, whole: %v", batchesErr, wholeErr)
		}
	})
}

// fillAll is parseAll through a Batch.
func fillAll(in []byte, step int, unauth bool) (cmds [][]string, err error) {
	limits := DefaultLimits()
	p := Parser{Limits: &limits, Unauth: unauth}
	var b Batch
	at := 0
	for end := min(step, len(in)); ; end = min(end+step, len(in)) {
		for {
			used, err := b.Fill(&p, in[at:end], 0)
			for i := range b.Len() {
				cmds = append(cmds, words(b.Cmd(i)))
			}
			if err != nil {
				return cmds, err
			}
			at += used
			if used == 0 {
				break
			}
		}
		if end == len(in) {
			return cmds, nil
		}
	}
}

// parseAll feeds in with step more bytes at a time, and checks what holds for every input.
func parseAll(in []byte, step int, unauth bool) (cmds [][]string, err error) {
	limits := DefaultLimits()
	p := Parser{Limits: &limits, Unauth: unauth}
	at := 0
	for end := min(step, len(in)); ; end = min(end+step, len(in)) {
		for {
			args, used, err := p.Next(nil, in[at:end])
			if err != nil {
				return cmds, err
			}
			if used == 0 {
				break
			}
			if used < 0 || used > end-at || len(args) > limits.Args {
				return cmds, errors.New("BUG: impossible result")
			}
			at += used
			cmds = append(cmds, words(args))
		}
		if end == len(in) {
			return cmds, nil
		}
	}
}
