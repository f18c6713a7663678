//go:build !race

package gateway_test

// raceEnabled says that the race detector slows this run down and allocates.
const raceEnabled = false
