// The process: main and nothing else. See doc.go for the manual.

package main

import "os"

func main() {
	os.Exit(run(os.Stdout, os.Stderr, os.Args[1:]))
}
