package server

import (
	"maps"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/internal/keyspace"
	"github.com/dunlin-db/dunlin/internal/resp"
)

func (s *Server) maxClients() int {
	if n := s.cfg.Limits.MaxClients; n > 0 {
		return n
	}
	return resp.DefaultLimits().MaxClients
}

func cmdConfig(c *call) {
	sub := strings.ToLower(string(c.args[1]))
	switch n := len(c.args); {
	case sub == "get" && n >= 3:
		c.configGet()
	case sub == "set" && n >= 4 && n%2 == 0:
		c.configSet()
	case sub == "resetstat" && n == 2:
		c.srv.commands.Store(0)
		c.w.Simple("OK")
	case sub == "get" || sub == "set" || sub == "resetstat":
		c.w.Error("ERR wrong number of arguments for 'config|" + sub + "' command")
	default:
		c.w.Error(unknownSubcommand("CONFIG", c.args[1]))
	}
}

func (c *call) configGet() {
	all := c.srv.account.Parameters()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, pattern := range c.args[2:] {
			if keyspace.GlobMatch([]byte(strings.ToLower(string(pattern))), []byte(name)) {
				names = append(names, name)
				break
			}
		}
	}
	c.w.Map(len(names))
	for _, name := range names {
		c.w.BulkString(name)
		c.w.BulkString(all[name])
	}
}

func (c *call) configSet() {
	if err := c.srv.account.Configure(c.args[2:]); err != nil {
		c.w.Error(err.Error())
		return
	}
	c.w.Simple("OK")
}
