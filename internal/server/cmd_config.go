package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunlin-db/dunlin/internal/resp"
)

// parameters are what CONFIG GET shows to tools that ask a Redis for it.
func (s *Server) parameters() map[string]string {
	return map[string]string{
		"save": "", "appendonly": "no", "appendfsync": "no", "maxmemory": "0", "maxmemory-policy": "noeviction",
		"databases": itoa(s.cfg.Topology.Shards() + 1), "maxclients": itoa(s.maxClients()), "timeout": "0",
		"zset-max-listpack-entries": "128", "zset-max-listpack-value": "64",
		"zset-max-ziplist-entries": "128", "zset-max-ziplist-value": "64",
		"set-max-intset-entries": "512", "proto-max-bulk-len": "1048576",
	}
}

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
	all := c.srv.parameters()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, pattern := range c.args[2:] {
			if globMatch([]byte(strings.ToLower(string(pattern))), []byte(name)) {
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

// configSet takes what changes nothing, as tools that set up a Redis send it; it refuses everything else rather than
// to answer OK to what has no effect.
func (c *call) configSet() {
	known := c.srv.parameters()
	for i := 2; i < len(c.args); i += 2 {
		name := strings.ToLower(string(c.args[i]))
		value, ok := known[name]
		switch {
		case !ok:
			c.w.Error("ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'")
			return
		case !strings.EqualFold(value, string(c.args[i+1])):
			c.w.Error(fmt.Sprintf("ERR CONFIG SET failed (possibly related to argument '%s') - it stays %q: nothing can be "+
				"set while a node runs, its flags and the topology file say what it is (see dunlin node --help)", name, value))
			return
		}
	}
	c.w.Simple("OK")
}
