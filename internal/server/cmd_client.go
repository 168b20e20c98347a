package server

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const errName = "ERR Client names cannot contain spaces, newlines or special characters."

func cmdClient(c *call) {
	sub := strings.ToLower(string(c.args[1]))
	n := len(c.args)
	switch {
	case sub == "id" && n == 2:
		c.w.Int(c.cl.conn.ID)
	case sub == "getname" && n == 2:
		if name := c.cl.look().name; name != "" {
			c.w.BulkString(name)
			return
		}
		c.w.Null()
	case sub == "setname" && n == 3:
		if !printableName(string(c.args[2])) {
			c.w.Error(errName)
			return
		}
		c.cl.rename(string(c.args[2]))
		c.w.Simple("OK")
	case sub == "setinfo" && n == 4:
		c.setInfo(strings.ToLower(string(c.args[2])), string(c.args[3]))
	case sub == "info" && n == 2:
		c.w.BulkString(c.cl.describe())
	case sub == "list":
		c.w.BulkString(c.srv.describeClients())
	case sub == "no-evict" && n == 3, sub == "no-touch" && n == 3:
		c.w.Simple("OK")
	case slices.Contains([]string{"id", "getname", "setname", "setinfo", "info", "no-evict", "no-touch"}, sub):
		c.w.Error("ERR wrong number of arguments for 'client|" + sub + "' command")
	default:
		c.w.Error(unknownSubcommand("CLIENT", c.args[1]))
	}
}

func unknownSubcommand(name string, sub []byte) string {
	return fmt.Sprintf("ERR unknown subcommand '%.128s'. Try %s HELP.", sub, name)
}

func (c *call) setInfo(attribute, value string) {
	c.cl.mu.Lock()
	defer c.cl.mu.Unlock()
	switch {
	case attribute != "lib-name" && attribute != "lib-ver":
		c.w.Error("ERR Unrecognized option '" + attribute + "'")
	case !printableName(value):
		c.w.Error("ERR " + attribute + " cannot contain spaces, newlines or special characters.")
	case attribute == "lib-name":
		c.cl.seen.libName = value
		c.w.Simple("OK")
	default:
		c.cl.seen.libVer = value
		c.w.Simple("OK")
	}
}

func printableName(s string) bool {
	return len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

func (cl *client) rename(name string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.seen.name = name
}

func (cl *client) look() seen {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.seen
}

// describe is a line of CLIENT LIST.
func (cl *client) describe() string {
	s := cl.look()
	now := time.Now()
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=0 name=%s age=%d idle=%d flags=N db=%d sub=0 psub=0 ssub=0 multi=%d "+
		"qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=%s user=default "+
		"redir=-1 resp=%d lib-name=%s lib-ver=%s tot-cmds=%d\n",
		cl.conn.ID, cl.conn.RemoteAddr(), cl.conn.LocalAddr(), s.name, int(now.Sub(cl.conn.Created).Seconds()),
		int(now.Sub(s.lastAt).Seconds()), s.db, s.queued, s.lastCmd, s.proto, s.libName, s.libVer, s.commands)
}

func (s *Server) describeClients() string {
	s.mu.Lock()
	all := make([]*client, 0, len(s.clients))
	for _, cl := range s.clients {
		all = append(all, cl)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *client) int { return int(a.conn.ID - b.conn.ID) })
	var b strings.Builder
	for _, cl := range all {
		b.WriteString(cl.describe())
	}
	return b.String()
}
