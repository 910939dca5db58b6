// Package tiny has a mechanism that its test sees and one that it does not.
package tiny

// Max is seen.
func Max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Min is not.
func Min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
