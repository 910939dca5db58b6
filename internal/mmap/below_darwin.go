//go:build darwin && !race

package mmap

const fixedNoReplace = 0 // an address is a hint
