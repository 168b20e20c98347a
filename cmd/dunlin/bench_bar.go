package main

import (
	"io"
	"sync"

	"github.com/schollz/progressbar/v3"

	"github.com/dunlin-db/dunlin/internal/bench"
)

// benchBar shows one bar at a time.
type benchBar struct {
	w     io.Writer
	mu    sync.Mutex // protects what follows
	stage bench.Stage
	bar   *progressbar.ProgressBar
}

// progress is called now and then during a stage and with -1 at its end. A bar that fails is no reason to stop.
func (b *benchBar) progress(stage bench.Stage, done int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if done < 0 {
		if b.bar != nil {
			_ = b.bar.Finish()
			_ = b.bar.Clear()
		}
		b.bar = nil
		return
	}
	if b.bar == nil || b.stage != stage {
		b.stage = stage
		b.bar = progressbar.NewOptions64(stage.Points, progressbar.OptionSetWriter(b.w),
			progressbar.OptionSetDescription(stage.Server+" "+stage.Name), progressbar.OptionShowCount(),
			progressbar.OptionSetItsString("points"), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(20))
	}
	_ = b.bar.Set64(done)
}
