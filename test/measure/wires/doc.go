// Package wires lays network cables between the nodes of a measurement, whose counters are the bytes that pass.
package wires
