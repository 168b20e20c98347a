package tui

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// IsTerminal says whether somebody looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ShowBytes makes progress show a bar on w if that is a terminal; done takes the bar away.
func ShowBytes(w io.Writer, what string, progress *func(done, total int64)) (done func()) {
	if !IsTerminal(w) {
		return func() {}
	}
	var bar *progressbar.ProgressBar
	*progress = func(n, total int64) {
		if bar == nil {
			bar = bytesBar(w, what, total)
		}
		_ = bar.Set64(n)
	}
	return func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}

func bytesBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true))
}

// barEvery is how often a bar moves.
const barEvery = 100 * time.Millisecond

// RunLoading shows a bar while loading says so, until that is over or ended is closed.
func RunLoading(w io.Writer, loading func() (done, total int64, ok bool), ended <-chan struct{}) {
	var show func(done, total int64)
	clear := ShowBytes(w, "loading", &show)
	t := time.NewTicker(barEvery)
	defer t.Stop()
	for began := false; ; {
		done, total, ok := loading()
		began = began || ok
		if ok && total > 0 && show != nil {
			show(done, total)
		}
		if began && !ok {
			clear()
			return
		}
		select {
		case <-ended:
			return
		case <-t.C:
		}
	}
}
