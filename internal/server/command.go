package server

import (
	"context"

	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/resp"
)

// command is an entry of the command table.
type command struct {
	name  string // lower case
	arity int    // as COMMAND INFO gives it: counting the name, negative = at least
	// first, last and step are the positions of keys as COMMAND INFO gives them; first 0 = no keys.
	first, last, step int
	flags             flag
	run               func(c *call)
}

type flag uint8

const (
	flagWrite    flag = 1 << iota // may change keys
	flagNoAuth                    // allowed before AUTH
	flagNoMulti                   // refused inside MULTI
	flagMany                      // DN.MADD and DN.MADDT: points of many series
	flagAllSlots                  // runs over all slots of the connection's database (DBSIZE, SCAN, KEYS, FLUSHALL)
)

// call is one command that is being executed. All slots it may touch are locked.
type call struct {
	ctx  context.Context
	srv  *Server
	cl   *client
	args [][]byte // args[0] is the name; valid until run returns
	w    *resp.Writer
	// slots are the slots of the connection's database in ascending order: all held ones on database 0, one after
	// SELECT i.
	slots []*slot
	keys  keycmd.Call // scratch of the commands on keys
}
