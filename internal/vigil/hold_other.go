//go:build !linux

package vigil

import "time"

const holds = false

func hold(time.Duration) {}
