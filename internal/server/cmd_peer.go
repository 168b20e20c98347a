package server

import "context"

// PeerSession answers one peer over one connection: DN.PEER, DN.PULL, DN.GRID, docs/log-protocol.md.
type PeerSession interface {
	Do(ctx context.Context, cmd string, arg []byte) ([]byte, error)
}

// cmdPeer hands a command of the log protocol on.
func cmdPeer(c *call) {
	if c.srv.cfg.Peering == nil {
		c.w.Error("NOLOG this node keeps no log for peers: follow its journals")
		return
	}
	if c.cl.peer == nil {
		c.cl.peer = c.srv.cfg.Peering()
	}
	b, err := c.cl.peer.Do(c.ctx, c.srv.lookup(c.args[0]).name, c.args[1])
	if err != nil {
		c.w.Error("ERR " + err.Error())
		return
	}
	c.w.Bulk(b)
}
