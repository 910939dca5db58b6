//go:build !linux

// Systems that have no perf_event_open(2). See doc.go for an overview.

package perfevent

import "errors"

var errGone = errors.New("perf events: the thread is gone")

func (s Scope) threads() ([]int, error) { return []int{0}, nil }

func open(Event, int, bool) (int, error) { return 0, errors.ErrUnsupported }

func enable(int) error { return errors.ErrUnsupported }

func disable(int) error { return errors.ErrUnsupported }

func read(int) (reading, error) { return reading{}, errors.ErrUnsupported }

func closeEvent(int) error { return nil }
