package upstream

import "time"

// firstPause is how long a server is left alone after its first failure. The cap is in Config.
const firstPause = 50 * time.Millisecond

// backoff is the pause between two probes: it doubles with every failure.
type backoff struct {
	pause time.Duration // 0 = nothing failed since the last answer
	most  time.Duration
}

// next gives how long to wait now. random is in [0, 1): the wait is the pause ± 25 %.
func (b *backoff) next(random float64) time.Duration {
	b.pause = min(max(firstPause, 2*b.pause), b.most)
	return time.Duration((0.75 + random/2) * float64(b.pause))
}

// reset begins again from the smallest pause.
func (b *backoff) reset() { b.pause = 0 }
