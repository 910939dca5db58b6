// slabbench report: one page of pictures over files of results. See doc.go for
// the manual.

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// report is the subcommand: read the files, draw, write the page and beside it
// a folder with the same pictures as files.
func report(stderr io.Writer, args []string) error {
	page, files, err := parseReport(args)
	if err != nil {
		return err
	}
	d, err := loadFiles(files, func(format string, args ...any) {
		fmt.Fprintf(stderr, "slabbench report: "+format+"\n", args...)
	})
	if err != nil {
		return err
	}
	sections, err := d.sections()
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := writePage(&html, d, sections); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := writeWhole(page, html.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	folder, n, err := writePictures(page, sections)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	fmt.Fprintf(stderr, "slabbench report: %s, and its %s in %s\n", page, plural(n, "picture"), folder)
	return nil
}

func parseReport(args []string) (page string, files []string, err error) {
	fs := flag.NewFlagSet("slabbench report", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&page, "o", "", "")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", nil, err
		}
		return "", nil, usageError{err}
	}
	switch {
	case fs.NArg() == 0:
		return "", nil, usagef("report: no files of results; write slabbench report -o page.html FILES...")
	case filepath.Ext(page) != ".html":
		return "", nil, usagef("report: -o %q: legal is the name of a page, such as page.html", page)
	}
	return page, fs.Args(), nil
}

// writeWhole writes a file that appears whole or not at all.
func writeWhole(name string, text []byte) error {
	f, err := createWhole(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(fmt.Errorf("%s: no file was written: %w", name, err), f.discard())
	}
	return f.keep()
}

// writePictures puts every picture into a folder named after the page.
func writePictures(page string, sections []section) (folder string, n int, err error) {
	folder = strings.TrimSuffix(page, ".html") + "-pictures"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", 0, err
	}
	for _, s := range sections {
		for _, p := range s.Pictures {
			if err := writeWhole(filepath.Join(folder, p.Name+".svg"), []byte(p.SVG)); err != nil {
				return "", 0, err
			}
			n++
		}
	}
	return folder, n, nil
}
