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
	name   string // as it was asked for
	target string // behind links; empty when name is written itself
}

// createWhole begins a file. A device or a pipe cannot be replaced by a whole
// file and must not be: it is written as it is.
func createWhole(name string) (*wholeFile, error) {
	target := name
	st, err := os.Stat(name)
	switch {
	case err != nil: // there is none yet, or the next call tells
	case st.IsDir():
		return nil, fmt.Errorf("%s: is a directory", name)
	case !st.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &wholeFile{File: f, name: name}, nil
	default:
		if target, err = filepath.EvalSymlinks(name); err != nil {
			return nil, err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".slabbench-*")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &wholeFile{f, name, target}, nil
}

// keep gives the file its name.
func (f *wholeFile) keep() error {
	if f.target == "" {
		return f.Close()
	}
	// Group and others may read results, as far as their directory allows.
	err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.target)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: no file was written: %w", f.name, err), os.Remove(f.Name()))
	}
	return nil
}

// discard leaves nothing behind.
func (f *wholeFile) discard() error {
	if f.target == "" {
		return f.Close()
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
