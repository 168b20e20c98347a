package simtest

import "slices"

// Shrink leaves out of a history that fails all events that it fails without, as far as so many tries find them.
func Shrink(events []int, fails func(events []int) bool, tries int) []int {
	for size := (len(events) + 1) / 2; size > 0; {
		smaller := false
		for at := 0; at < len(events) && tries > 0; {
			less := slices.Concat(events[:at], events[min(at+size, len(events)):])
			if tries--; fails(less) {
				events, smaller = less, true
			} else {
				at += size
			}
		}
		switch {
		case tries == 0:
			return events
		case size > 1:
			size = (size + 1) / 2
		case !smaller:
			return events
		}
	}
	return events
}
