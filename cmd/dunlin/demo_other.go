//go:build !linux

package main

import (
	"io/fs"
	"syscall"
)

// childAttr: only Linux can end a child when its parent is killed.
func childAttr() *syscall.SysProcAttr { return nil }

// ownedByUs: the mode of the directory has to do elsewhere.
func ownedByUs(fs.FileInfo) bool { return true }
