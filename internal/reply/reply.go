package reply

import (
	"fmt"
	"strings"

	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/store"
)

// Write encodes a decoded reply.
func Write(w *resp.Writer, r store.Reply) {
	switch v := r.(type) {
	case nil:
		w.Null()
	case string:
		w.BulkString(v)
	case store.Simple:
		w.Simple(string(v))
	case int64:
		w.Int(v)
	case float64:
		w.Double(v)
	case bool:
		w.Bool(v)
	case error:
		w.Error(ErrorText(v))
	case []store.Reply:
		w.Array(len(v))
		writeAll(w, v)
	case store.Map:
		w.Map(len(v) / 2)
		writeAll(w, v)
	case store.Set:
		w.Set(len(v))
		writeAll(w, v)
	default:
		panic(fmt.Sprintf("BUG: a reply of type %T", r))
	}
}

func writeAll(w *resp.Writer, rs []store.Reply) {
	for _, r := range rs {
		Write(w, r)
	}
}

// ErrorText makes sure that an error begins with a code.
func ErrorText(err error) string {
	text := err.Error()
	code, _, _ := strings.Cut(text, " ")
	if code == "" || strings.ToUpper(code) != code {
		return "ERR " + text
	}
	return text
}

// FirstError gives the first error among the replies, nil when there is none.
func FirstError(rs []store.Reply) error {
	for _, r := range rs {
		if err, ok := r.(error); ok {
			return err
		}
	}
	return nil
}

// Sum adds integers.
func Sum(rs []store.Reply) store.Reply {
	if err := FirstError(rs); err != nil {
		return err
	}
	sum := int64(0)
	for _, r := range rs {
		n, _ := r.(int64)
		sum += n
	}
	return sum
}

// Concat joins arrays.
func Concat(rs []store.Reply) store.Reply {
	if err := FirstError(rs); err != nil {
		return err
	}
	all := []store.Reply{}
	for _, r := range rs {
		some, _ := r.([]store.Reply)
		all = append(all, some...)
	}
	return all
}

// AllOK is OK unless there is an error.
func AllOK(rs []store.Reply) store.Reply {
	if err := FirstError(rs); err != nil {
		return err
	}
	return store.Simple("OK")
}
