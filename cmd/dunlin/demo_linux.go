package main

import (
	"io/fs"
	"os"
	"syscall"
)

// childAttr keeps Ctrl-C from reaching a child before the demo ends it, and ends the child when the demo is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
