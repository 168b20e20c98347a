//go:build !linux

package bench

import "errors"

// Pin keeps this process on one CPU; only Linux can.
func Pin() error { return errors.New("pin the generator: only Linux can") }

// processTime is not known elsewhere: the generator counts as idle.
func processTime() float64 { return 0 }

// checkFiles: what is too much shows when connecting.
func checkFiles(int) error { return nil }
