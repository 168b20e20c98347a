package gentle

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(worked, want time.Duration) {
			t.Helper()
			began := time.Now()
			time.Sleep(worked)
			ended := time.Now()
			if ok := Rest(t.Context(), began); !ok || time.Since(ended) != want {
				t.Errorf("after %s: %t, %s of pause, want %s", worked, ok, time.Since(ended), want)
			}
		}
		f(0, 2*time.Millisecond)
		f(10*time.Millisecond, 200*time.Millisecond)
		f(time.Minute, time.Second)
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		began := time.Now()
		if Wait(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("it goes on after %s, though its context has ended", time.Since(began))
		}
	})
}
