package server

import "github.com/dunlin-db/dunlin/internal/budget"

// countOthers tells the budget what the node holds besides its stores; plain is the memory of all plain keys.
func (s *Server) countOthers(plain int64) {
	s.cfg.Budget.Set(budget.PlainKeys, plain)
	s.cfg.Budget.Set(budget.Buffers, s.listener.Counts().Held)
}

// countPlain is countOthers for who has not just been through the plain keys.
func (s *Server) countPlain() {
	plain := int64(0)
	for _, sl := range s.slots {
		tx := sl.Shard.Begin()
		plain += sl.Plain.Bytes()
		tx.End()
	}
	s.countOthers(plain)
}

// growsPlain are the commands that redis-server refuses above maxmemory, where they are about plain keys.
var growsPlain = map[string]bool{
	"set": true, "setnx": true, "setex": true, "psetex": true, "getset": true, "append": true, "mset": true,
	"incr": true, "decr": true, "incrby": true, "decrby": true, "incrbyfloat": true,
	"sadd": true, "zadd": true, "zincrby": true,
}

// refusesPlain answers OOM to a command that would grow a plain key above the limit. Points ask for themselves.
func (c *call) refusesPlain() bool {
	if f := &c.cl.exec.first; f.Err == nil && f.Is(c.args[1]) {
		return false // a series key
	}
	err := c.srv.cfg.Budget.Full()
	if err == nil {
		return false
	}
	if _, notSeries := c.srv.cfg.Topology.Layout.ParseKey(c.args[1]); notSeries == nil {
		return false
	}
	c.w.Error("OOM command not allowed when " + err.Error())
	return true
}
