package wal

import (
	"sync"
	"testing"
)

func TestDiscard_counts(t *testing.T) {
	var d Discard
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				d.Append([]byte("abc"))
			}
		})
	}
	wg.Wait()
	if records, bytes := d.Appended(); records != 400 || bytes != 1200 {
		t.Errorf("%d records, %d bytes, want 400 and 1200", records, bytes)
	}
}
