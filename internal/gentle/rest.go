package gentle

import (
	"context"
	"time"
)

const (
	least = 2 * time.Millisecond // so that others get a lock
	most  = time.Second
	share = 20 // of the time is work, the rest is pause
)

// Rest pauses after a piece of work that began then, and says whether to go on: ctx has not ended.
func Rest(ctx context.Context, began time.Time) bool {
	return Wait(ctx, max(least, min(share*time.Since(began), most)))
}

// Wait pauses, and says whether to go on: ctx has not ended.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
