//go:build !unix

package fsx

import "os"

// lockFile does nothing where there is no flock: nothing keeps two processes from one directory.
func lockFile(*os.File) error { return nil }
