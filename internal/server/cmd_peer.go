package server

import "context"

// Peering is how other nodes follow this one.
type Peering interface {
	// Hello takes the hello of another node, and gives the own one and what answers that node on this connection.
	Hello(text string) (answer string, s PeerSession, err error)
}

// PeerSession answers one peer over one connection. Requests and answers are docs/log-protocol.md's; an answer is
// appended to dst.
type PeerSession interface {
	Pull(ctx context.Context, req, dst []byte, wait bool) ([]byte, error)
	Grid(ctx context.Context, req, dst []byte) ([]byte, error)
}

const errNoPeer = "ERR DN.PEER comes first"

// cmdPeer: DN.PEER hello gives the own hello, and makes the connection that of a peer.
func cmdPeer(c *call) {
	if c.srv.cfg.Peering == nil {
		c.w.Error("NOLOG this node's points are in Redis: follow its journals")
		return
	}
	answer, s, err := c.srv.cfg.Peering.Hello(string(c.args[1]))
	if err != nil {
		c.w.Error("ERR " + err.Error())
		return
	}
	c.cl.peer = s
	c.w.BulkString(answer)
}

// cmdPull: DN.PULL request gives what the peer lacks of the log. It waits up to a second for something.
func cmdPull(c *call) {
	if c.cl.peer == nil {
		c.w.Error(errNoPeer)
		return
	}
	b, err := c.cl.peer.Pull(c.ctx, c.args[1], nil, true)
	c.peerReply(b, err)
}

// cmdGrid: DN.GRID request answers a question of an exchange.
func cmdGrid(c *call) {
	if c.cl.peer == nil {
		c.w.Error(errNoPeer)
		return
	}
	b, err := c.cl.peer.Grid(c.ctx, c.args[1], nil)
	c.peerReply(b, err)
}

func (c *call) peerReply(b []byte, err error) {
	if err != nil {
		c.w.Error("ERR " + err.Error())
		return
	}
	c.w.Bulk(b)
}
