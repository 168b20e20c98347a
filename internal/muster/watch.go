package muster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dunlin-db/dunlin/internal/tui"
)

// Watcher shows a flock again and again.
type Watcher struct {
	Muster *Muster
	Every  time.Duration // from the start of one look to that of the next
	Each   bool          // every shard in a row of its own
	Out    io.Writer     // a terminal is written over, as top does; anything else gets one report behind the other
}

// Run looks and prints until ctx ends. It returns nil then.
func (w *Watcher) Run(ctx context.Context) error {
	screen := tui.NewScreen(w.Out)
	defer screen.Close()
	t := time.NewTicker(w.Every)
	defer t.Stop()
	for {
		var b bytes.Buffer
		r := w.Muster.Look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := Print(&b, r, w.Each); err != nil {
			return err
		}
		if err := screen.Show(b.String()); err != nil {
			return fmt.Errorf("show the flock: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
