package server

import (
	"fmt"
	"slices"

	"github.com/dunlin-db/dunlin/internal/batch"
	"github.com/dunlin-db/dunlin/internal/keycmd"
	"github.com/dunlin-db/dunlin/internal/reply"
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/wal"
	"github.com/dunlin-db/dunlin/internal/zseries"
)

// runLength is how many commands in a row may use one locking of a slot.
const runLength = 256

// exec executes the commands of one client. Plain writes of points are gathered in a batch. Other commands on slots in
// memory run at once, under locks that are kept over a run of commands on the same slot; commands for other processes
// are gathered and sent together. At any time it has one of the three, a batch, locks or gathered commands: no lock is
// held over I/O, and replies keep their order.
type exec struct {
	cl     *client
	w      *resp.Writer
	call   call
	locked []*slot         // ascending
	need   []*slot         // scratch
	first  keycmd.FirstKey // of the command that was routed last
	since  int             // commands since they were locked
	lanes  []*lane
	pieces []piece
	points *batch.Batch // borrowed while points are gathered
	logged wal.LSN      // what must be written to the log before replies leave, 0 = nothing
	inExec bool         // a transaction is being executed: its locks stay
}

// execute runs, queues or refuses one command. It gives its entry in the table, nil when there is none.
func (cl *client) execute(args [][]byte) *command {
	cl.exec.commit()
	cmd := cl.srv.lookup(args[0])
	switch {
	case cmd == nil:
		cl.reject(reply.UnknownCommand(args))
	case !cmd.takes(len(args)):
		cl.reject("ERR wrong number of arguments for '" + cmd.name + "' command")
	case !cl.authed && cmd.flags&flagNoAuth == 0:
		cl.reject("NOAUTH Authentication required.")
	case cl.tx.open && cmd.flags&flagNoMulti != 0:
		cl.reject("ERR Command not allowed inside a transaction")
	case cl.tx.open && !ofTransaction(cmd.name):
		cl.enqueue(cmd, args)
	default:
		cl.exec.run(cmd, args)
	}
	return cmd
}

// lookup finds a command by name, in any case, without allocating.
func (s *Server) lookup(name []byte) *command {
	var lower [32]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return s.table[string(lower[:len(name)])]
}

func (cmd *command) takes(n int) bool {
	return n == cmd.arity || cmd.arity < 0 && n >= -cmd.arity
}

// reject answers an error that also dooms the transaction it stands in.
func (cl *client) reject(text string) {
	cl.tx.doomed = cl.tx.open
	cl.exec.settle()
	cl.exec.w.Error(text)
}

// run executes a command where its keys are.
func (x *exec) run(cmd *command, args [][]byte) {
	switch {
	case cmd.flags&flagAllSlots != 0:
		x.runAll(cmd, args)
	case cmd.flags&flagMany != 0:
		x.unlock()
		x.gatherMAdd(cmd, args)
	case cmd.first == 0 || cmd.first >= len(args):
		x.settle()
		x.invoke(cmd, args)
	default:
		x.runKeys(cmd, args)
	}
}

// runKeys finds out who has the keys, and locks or gathers.
func (x *exec) runKeys(cmd *command, args [][]byte) {
	if x.cl.readsJournals(cmd, args) {
		x.settle()
		x.invokeOn(x.cl.srv.journals, cmd, args)
		return
	}
	r, refusal := x.cl.route(cmd, args)
	switch {
	case refusal != "":
		x.settle()
		x.w.Error(refusal)
	case r.local && cmd.flags&flagWrite == 0 && anyLoading(x.need) && x.cl.readsSeries(cmd, args):
		x.settle()
		x.w.Error(errLoading)
	case r.local:
		x.collect()
		x.lock(x.need)
		x.invoke(cmd, args)
	default:
		x.unlock()
		x.gather(cmd, args, r)
	}
}

// invoke calls the handler. A reply above the output limit is replaced, before it is worth anybody's memory.
func (x *exec) invoke(cmd *command, args [][]byte) { x.invokeOn(x.cl.slotsOfDB(), cmd, args) }

func (x *exec) invokeOn(slots []*slot, cmd *command, args [][]byte) {
	from := len(x.w.Buf)
	cl := x.cl
	x.call = call{ctx: cl.context(), srv: cl.srv, cl: cl, args: args, w: x.w, slots: slots}
	cmd.run(&x.call)
	x.since++
	if rest := x.call.keys.Rest; rest != nil {
		x.call.keys.Rest = nil
		defer rest.Close()
		if !x.inExec {
			x.stream(rest)
			return
		}
		for len(x.w.Buf)-from <= x.outputLimit() && rest.Append(x.w) {
		}
	}
	x.limit(from)
}

// stream makes the rest of a reply and sends it piece by piece, with no lock held. Only what is not sent yet takes
// memory, so the limit of a reply does not apply to it.
func (x *exec) stream(rest *zseries.Rest) {
	x.unlock()
	x.durable()
	conn := x.cl.conn
	ok := conn.Hold(rest.Size())
	for ok && rest.Append(x.w) {
		ok = conn.Flush()
	}
	if !conn.Hold(0) || !ok {
		x.cl.quit = true // the array would lack elements
	}
}

func (x *exec) outputLimit() int {
	if most := x.cl.srv.cfg.Limits.Output; most > 0 {
		return most
	}
	return resp.DefaultLimits().Output
}

func (x *exec) limit(from int) {
	if n, most := len(x.w.Buf)-from, x.outputLimit(); n > most {
		x.w.Buf = x.w.Buf[:from]
		x.w.Error(fmt.Sprintf("ERR the reply of %d bytes is above the limit of %d: ask for less, "+
			"with LIMIT, a narrower range or SCAN", n, most))
	}
}

// slotsOfDB are the slots in memory of the client's database, ascending.
func (cl *client) slotsOfDB() []*slot {
	if cl.db == 0 {
		return cl.srv.slots
	}
	if h := cl.srv.held[cl.db]; h != nil && h.slot != nil {
		i := slices.Index(cl.srv.slots, h.slot)
		return cl.srv.slots[i : i+1]
	}
	return nil
}

// lock makes sure that exactly these slots, or more, are locked. Locks are taken in ascending order only.
func (x *exec) lock(need []*slot) {
	if x.since < runLength && x.covers(need) {
		return
	}
	x.unlock()
	for _, sl := range need {
		sl.Tx = sl.Shard.Begin()
		x.locked = append(x.locked, sl)
	}
}

func (x *exec) covers(need []*slot) bool {
	for _, sl := range need {
		if !slices.Contains(x.locked, sl) {
			return false
		}
	}
	return true
}

func (x *exec) unlock() {
	for _, sl := range x.locked {
		x.logged = max(x.logged, sl.Tx.Logged())
		sl.Tx.End()
	}
	x.locked = x.locked[:0]
	x.since = 0
}

// settle lets go of the locks and waits for the replies of all gathered commands.
func (x *exec) settle() {
	x.unlock()
	x.collect()
}

// abandon is settle after a panic: the locks go, the gathered commands are forgotten.
func (x *exec) abandon() {
	x.unlock()
	x.lanes, x.pieces, x.points, x.inExec = nil, nil, nil, false
}

// needSlot enters a slot into need, in ascending order, once.
func (x *exec) needSlot(sl *slot) {
	at, found := slices.BinarySearchFunc(x.need, sl, func(a, b *slot) int { return a.Shard.ID() - b.Shard.ID() })
	if !found {
		x.need = slices.Insert(x.need, at, sl)
	}
}
