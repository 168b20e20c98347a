package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strconv"

	"github.com/dunlin-db/dunlin/internal/series"
)

// redisVersion is what clients are told: the version whose replies these are.
const redisVersion = "7.0.15"

// connCommands are all commands that have no key.
func connCommands() []command {
	const no = flagNoMulti
	return []command{
		{"ping", -1, 0, 0, 0, 0, cmdPing},
		{"echo", 2, 0, 0, 0, 0, func(c *call) { c.w.Bulk(c.args[1]) }},
		{"quit", -1, 0, 0, 0, flagNoAuth, cmdQuit},
		{"reset", 1, 0, 0, 0, flagNoAuth, cmdReset},
		{"select", 2, 0, 0, 0, no, cmdSelect},
		{"hello", -1, 0, 0, 0, flagNoAuth | no, cmdHello},
		{"auth", -2, 0, 0, 0, flagNoAuth | no, cmdAuth},
		{"client", -2, 0, 0, 0, 0, cmdClient},
		{"command", -1, 0, 0, 0, 0, cmdCommand},
		{"config", -2, 0, 0, 0, 0, cmdConfig},
		{"info", -1, 0, 0, 0, no, cmdInfo},
		{"time", 1, 0, 0, 0, 0, cmdTime},
		{"multi", 1, 0, 0, 0, 0, cmdMulti},
		{"exec", 1, 0, 0, 0, 0, cmdExec},
		{"discard", 1, 0, 0, 0, 0, cmdDiscard},
		{"dn.epoch", 1, 0, 0, 0, no, cmdEpoch},
		{"dn.poll", 4, 0, 0, 0, no, cmdPoll},
		{"dn.heads", 1, 0, 0, 0, no, cmdHeads},
		{"dn.hoursums", -2, 0, 0, 0, no, cmdHourSums},
		{"dn.digest", -2, 0, 0, 0, no, cmdDigest},
		{"dn.periods", 1, 0, 0, 0, no, cmdPeriods},
		{"dn.drop", 2, 0, 0, 0, no | flagWrite, cmdDrop},
		{"dn.peer", 2, 0, 0, 0, no, cmdPeer},
		{"dn.pull", 2, 0, 0, 0, no, cmdPeer},
		{"dn.grid", 2, 0, 0, 0, no, cmdPeer},
		{"dn.backup", 2, 0, 0, 0, no, cmdOrder},
		{"dn.forget", -2, 0, 0, 0, no | flagWrite, cmdOrder},
		{"dn.floor", -1, 0, 0, 0, no | flagWrite, cmdOrder},
		{"dn.madd", -4, 0, 0, 0, no | flagWrite | flagMany, nil},
		{"dn.maddt", -4, 0, 0, 0, no | flagWrite | flagMany, nil},
	}
}

func cmdPing(c *call) {
	switch len(c.args) {
	case 1:
		c.w.Simple("PONG")
	case 2:
		c.w.Bulk(c.args[1])
	default:
		c.w.Error("ERR wrong number of arguments for 'ping' command")
	}
}

func cmdQuit(c *call) {
	c.cl.quit = true
	c.w.Simple("OK")
}

func cmdReset(c *call) {
	c.cl.tx = transaction{}
	c.cl.db, c.cl.proto, c.w.Proto = 0, 2, 2
	c.cl.rename("")
	if c.srv.cfg.Password != "" && c.cl.authed {
		c.cl.authed = false
		c.cl.conn.Unauthenticated()
	}
	c.w.Simple("RESET")
}

func cmdSelect(c *call) {
	n, err := strconv.ParseInt(string(c.args[1]), 10, 32)
	switch {
	case err != nil:
		c.w.Error("ERR value is not an integer or out of range")
	case n < 0 || int(n) > c.srv.cfg.Topology.Shards():
		c.w.Error("ERR DB index is out of range")
	default:
		c.cl.db = int(n)
		c.w.Simple("OK")
	}
}

// login checks a name and a password; the only name is default.
func (cl *client) login(name, password string) (ok bool) {
	given, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(cl.srv.cfg.Password))
	if subtle.ConstantTimeCompare(given[:], want[:]) != 1 && cl.srv.cfg.Password != "" || name != "default" {
		return false
	}
	cl.authed = true
	cl.conn.Authenticated()
	return true
}

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func cmdAuth(c *call) {
	name, password := "default", string(c.args[len(c.args)-1])
	switch {
	case len(c.args) > 3:
		c.w.Error(errSyntax)
		return
	case len(c.args) == 3:
		name = string(c.args[1])
	case c.srv.cfg.Password == "":
		c.w.Error("ERR AUTH <password> called without any password configured for the default user. " +
			"Are you sure your configuration is correct?")
		return
	}
	if !c.cl.login(name, password) {
		c.w.Error(errWrongPass)
		return
	}
	c.w.Simple("OK")
}

func cmdHello(c *call) {
	proto, at := c.cl.proto, 1
	if len(c.args) > 1 {
		n, err := strconv.Atoi(string(c.args[1]))
		switch {
		case err != nil:
			c.w.Error("ERR Protocol version is not an integer or out of range")
			return
		case n != 2 && n != 3:
			c.w.Error("NOPROTO unsupported protocol version")
			return
		}
		proto, at = n, 2
	}
	name, named := "", false
	for rest := c.args[at:]; len(rest) > 0; {
		switch {
		case is(rest[0], "auth") && len(rest) >= 3:
			if !c.cl.login(string(rest[1]), string(rest[2])) {
				c.w.Error(errWrongPass)
				return
			}
			rest = rest[3:]
		case is(rest[0], "setname") && len(rest) >= 2:
			name, named = string(rest[1]), true
			rest = rest[2:]
		default:
			c.w.Error(fmt.Sprintf("ERR Syntax error in HELLO option '%s'", rest[0]))
			return
		}
	}
	switch {
	case !c.cl.authed:
		c.w.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> " +
			"AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version " +
			"at the same time")
		return
	case named && !printableName(name):
		c.w.Error(errName)
		return
	case named:
		c.cl.rename(name)
	}
	c.cl.proto, c.w.Proto = proto, proto
	writeHello(c)
}

func writeHello(c *call) {
	w := c.w
	w.Map(7)
	for _, f := range [][2]string{{"server", "redis"}, {"version", redisVersion}} {
		w.BulkString(f[0])
		w.BulkString(f[1])
	}
	w.BulkString("proto")
	w.Int(int64(c.cl.proto))
	w.BulkString("id")
	w.Int(c.cl.conn.ID)
	for _, f := range [][2]string{{"mode", "standalone"}, {"role", "master"}} {
		w.BulkString(f[0])
		w.BulkString(f[1])
	}
	w.BulkString("modules")
	w.Array(0)
}

func cmdTime(c *call) {
	now := c.srv.cfg.Clock().UnixMicro()
	c.w.Array(2)
	c.w.BulkString(strconv.FormatInt(now/1e6, 10))
	c.w.BulkString(strconv.FormatInt(now%1e6, 10))
}

// period reads an argument in the flock's layout; ok is false when the error reply is written.
func (c *call) period(arg []byte) (p series.Period, ok bool) {
	l := c.srv.cfg.Topology.Layout
	p, ok = l.ParsePeriod(arg)
	if !ok {
		c.w.Error("ERR want a period in the layout " + l.String())
	}
	return p, ok
}
