package server

import (
	"strings"
	"time"

	"github.com/dunlin-db/dunlin/internal/keyspace"
)

const (
	errReserved = "ERR reserved"
	errSyntax   = "ERR syntax error"
	errNotInt   = "ERR value is not an integer or out of range"
)

func keyCommands() []command {
	return []command{
		{"zadd", -4, 1, 1, 1, flagWrite, func(c *call) { c.w.Int(int64(len(c.args)-2) / 2) }},
		{"get", 2, 1, 1, 1, 0, func(c *call) { c.w.Null() }},
		{"mget", -2, 1, -1, 1, 0, func(c *call) { c.w.Array(0) }},
		{"del", -2, 1, -1, 1, flagWrite, func(c *call) { c.w.Int(0) }},
		{"dbsize", 1, 0, 0, 0, flagAllSlots, func(c *call) { c.w.Int(0) }},
	}
}

func newPlain(func() time.Time) *keyspace.DB { return &keyspace.DB{} }

func seriesHint(name string) string { return "ERR series key" }

func is(arg []byte, keyword string) bool { return strings.EqualFold(string(arg), keyword) }

func globMatch(pattern, s []byte) bool { return string(pattern) == "*" || string(pattern) == string(s) }

type keyKind uint8

func journalKind(key []byte) (kind keyKind, virtual bool) {
	return 0, string(key) == "journal" || string(key) == "dn:journal" || string(key) == "dn:late"
}
