package node

import (
	"fmt"
	"strings"
	"time"
)

// mostBehind is how far this node may be behind a peer and still count as complete: it looks at itself that often, and
// a client draws the line there too.
const mostBehind = 2 * time.Second

// partial says why what this node answers may lack points. Nothing = it has all that its peers have.
func (n *Node) partial(s *status) (why []string) {
	if s.At.IsZero() {
		return []string{"it has just started"}
	}
	say := func(what string, is func(sh shardStatus) bool) {
		var ids []string
		for _, sh := range s.Shards {
			if is(sh) {
				ids = append(ids, fmt.Sprint(sh.ID))
			}
		}
		if len(ids) > 0 {
			why = append(why, "shard "+strings.Join(ids, ", ")+" "+what)
		}
	}
	say("can not be read", func(sh shardStatus) bool { return sh.Err != "" })
	say("is still being loaded", func(sh shardStatus) bool { return sh.Loading })
	say("gets back from peers what it lacks", func(sh shardStatus) bool { return sh.Lacking })
	if hurt := n.peers.seen().Hurt; hurt > 0 {
		why = append(why, fmt.Sprintf("%d series are damaged in memory", hurt))
	}
	for _, p := range s.peers() {
		switch lag := s.behindPeer(p, n.peers.behindOf); {
		case lag < 0:
			why = append(why, "nobody says what "+p.Peer+" has")
		case lag > mostBehind.Milliseconds():
			late := time.Duration(lag) * time.Millisecond
			why = append(why, fmt.Sprintf("%s behind %s", late.Round(time.Second), p.Peer))
		}
	}
	return why
}

// behindPeer is how old the oldest point may be that a peer has and this node has not; -1 = nobody knows. via is how
// far the peer is behind by whatever way its points come, also through others.
func (s *status) behindPeer(p peerSum, via func(peer string) int64) int64 {
	lag := lagOf(p.Err, p.LagMillis)
	if other := via(p.Peer); worse(lag, other) {
		lag = other
	}
	return lag
}

// behindMillis is behindPeer of the worst, and -1 while points are known to be missing.
func (n *Node) behindMillis(s *status) (behind int64) {
	lacking := s.At.IsZero() || n.peers.seen().Hurt > 0
	for _, sh := range s.Shards {
		lacking = lacking || sh.Lacking
	}
	if lacking {
		return -1
	}
	for _, p := range s.peers() {
		if lag := s.behindPeer(p, n.peers.behindOf); worse(lag, behind) {
			behind = lag
		}
	}
	return behind
}
