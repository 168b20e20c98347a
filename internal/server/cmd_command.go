package server

import (
	"maps"
	"slices"
	"strings"
)

func cmdCommand(c *call) {
	sub := ""
	if len(c.args) > 1 {
		sub = strings.ToLower(string(c.args[1]))
	}
	switch {
	case sub == "count" && len(c.args) == 2:
		c.w.Int(int64(len(c.srv.table)))
	case sub == "", sub == "info" && len(c.args) == 2:
		c.writeCommands(slices.Sorted(maps.Keys(c.srv.table)))
	case sub == "list" && len(c.args) == 2:
		names := slices.Sorted(maps.Keys(c.srv.table))
		c.w.Array(len(names))
		for _, name := range names {
			c.w.BulkString(name)
		}
	case sub == "info":
		var names []string
		for _, a := range c.args[2:] {
			names = append(names, strings.ToLower(string(a)))
		}
		c.writeCommands(names)
	case sub == "docs":
		c.w.Map(0)
	case sub == "getkeys" && len(c.args) > 3:
		c.getKeys(c.args[2:])
	case sub == "getkeys" || sub == "count" || sub == "list":
		c.w.Error("ERR wrong number of arguments for 'command|" + sub + "' command")
	default:
		c.w.Error(unknownSubcommand("COMMAND", c.args[1]))
	}
}

func (c *call) writeCommands(names []string) {
	w := c.w
	w.Array(len(names))
	for _, name := range names {
		cmd := c.srv.table[name]
		if cmd == nil {
			w.NullArray()
			continue
		}
		w.Array(10)
		w.BulkString(cmd.name)
		w.Int(int64(cmd.arity))
		writeFlags(c, cmd.flags)
		w.Int(int64(cmd.first))
		w.Int(int64(cmd.last))
		w.Int(int64(cmd.step))
		for range 4 { // ACL categories, tips, key specifications, subcommands
			w.Array(0)
		}
	}
}

func writeFlags(c *call, f flag) {
	names := []string{"readonly"}
	if f&flagWrite != 0 {
		names[0] = "write"
	}
	if f&flagNoAuth != 0 {
		names = append(names, "no_auth")
	}
	if f&flagNoMulti != 0 {
		names = append(names, "no_multi")
	}
	c.w.Set(len(names))
	for _, n := range names {
		c.w.Simple(n)
	}
}

func (c *call) getKeys(args [][]byte) {
	cmd := c.srv.lookup(args[0])
	switch {
	case cmd == nil:
		c.w.Error("ERR Invalid command specified")
	case !cmd.takes(len(args)):
		c.w.Error("ERR Invalid number of arguments specified for command")
	case cmd.first == 0:
		c.w.Error("ERR The command has no key arguments")
	default:
		from, to, step := cmd.keys(len(args))
		c.w.Array((to-from)/step + 1)
		for i := from; i <= to; i += step {
			c.w.Bulk(args[i])
		}
	}
}
