package server

import (
	"github.com/dunlin-db/dunlin/internal/keycmd"
)

// slot is one held shard on an in-memory store, with the plain keys beside it, under the shard's lock.
type slot = keycmd.Slot

// keyCommands are the commands on keys.
func keyCommands() []command {
	var all []command
	for _, k := range keycmd.Commands() {
		cmd := command{name: k.Name, arity: k.Arity, first: k.First, last: k.Last, step: k.Step}
		if k.Flags&keycmd.Write != 0 {
			cmd.flags |= flagWrite
		}
		if k.Flags&keycmd.AllSlots != 0 {
			cmd.flags |= flagAllSlots
		}
		grows := growsPlain[k.Name]
		cmd.run = func(c *call) {
			c.keys = keycmd.Call{
				Ctx: c.ctx, Args: c.args, W: c.w, Slots: c.slots, Topology: c.srv.cfg.Topology, Clock: c.srv.cfg.Clock,
				First: c.cl.exec.first,
			}
			from := len(c.w.Buf)
			if grows && c.refusesPlain() {
				return
			}
			k.Run(&c.keys)
			if c.keys.Err != nil {
				c.w.Buf = c.w.Buf[:from]
				c.w.Error(c.keys.Err.Error())
			}
		}
		all = append(all, cmd)
	}
	return all
}

const errSyntax = keycmd.ErrSyntax

// is says whether an argument is the keyword, which is in lower case.
func is(arg []byte, keyword string) bool { return keycmd.Is(arg, keyword) }
