//go:build !race

package bench

// raceEnabled is true in builds with the race detector, where memory comes
// from the Go heap and everything is small and slow.
const raceEnabled = false
