// Files that appear whole or not at all. See doc.go for the manual.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// wholeFile is written under a temporary name beside its final one.
type wholeFile struct {
	*os.File
	name string
}

func createWhole(name string) (*wholeFile, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".slabbench-*")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &wholeFile{f, name}, nil
}

// keep gives the file its name.
func (f *wholeFile) keep() error {
	// Group and others may read results, as far as their directory allows.
	err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: no file was written: %w", f.name, err), os.Remove(f.Name()))
	}
	return nil
}

// discard leaves nothing behind.
func (f *wholeFile) discard() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
