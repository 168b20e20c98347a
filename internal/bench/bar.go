package bench

import (
	"io"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// Bar shows one bar at a time.
type Bar struct {
	W     io.Writer
	mu    sync.Mutex // protects what follows
	stage Stage
	bar   *progressbar.ProgressBar
}

// Progress is called now and then during a stage and with -1 at its end. A bar that fails is no reason to stop.
func (b *Bar) Progress(stage Stage, done int64) {
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
		opts := []progressbar.Option{
			progressbar.OptionSetWriter(b.W), progressbar.OptionSetDescription(stage.Server + " " + stage.Name),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20),
		}
		if stage.Points > 0 { // else how long it takes is settled elsewhere
			opts = append(opts, progressbar.OptionShowCount(), progressbar.OptionSetItsString("points"),
				progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true))
		}
		b.bar = progressbar.NewOptions64(stage.Points, opts...)
	}
	_ = b.bar.Set64(done)
}
