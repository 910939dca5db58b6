// From the command line to the exit status. See doc.go for the manual.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	statusOK          = 0
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130 // as shells have it for a program ended by Ctrl-C
)

// errFailed is returned when all that can be said has been said already: a
// scenario failed, or torture found something.
var errFailed = errors.New("failed")

// run is the command. It returns the exit status.
func run(stdout, stderr io.Writer, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second Ctrl-C ends the process at once.
	defer context.AfterFunc(ctx, stop)()
	// A closed pipe is an error of the write, which is explained.
	signal.Ignore(syscall.SIGPIPE)
	return status(dispatch(ctx, stdout, stderr, args), stderr)
}

// status turns an error into an exit status and says what it is.
func status(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, flag.ErrHelp):
		usage(stderr)
		return statusOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "slabbench: %v\nslabbench -help lists the flags\n", err)
		return statusUsage
	case errors.Is(err, context.Canceled):
		return statusInterrupted
	case errors.Is(err, errFailed):
		return statusFailed
	}
	fmt.Fprintf(stderr, "slabbench: %v\n", err)
	return statusFailed
}

func dispatch(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	if len(args) > 0 && args[0] == "report" {
		return report(stdout, stderr, args[1:])
	}
	if len(args) > 0 && args[0] == "top" {
		return top(ctx, stdout, stderr, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	switch {
	case o.list:
		return list(stdout, stderr, o)
	case o.geometry:
		return geometry(stdout, o)
	case o.verify && isChild():
		return tortureHere(ctx, stdout, o)
	case o.verify:
		return verify(ctx, stderr, args, o)
	}
	return measure(ctx, stdout, stderr, o)
}
