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

// reporting is what report was asked for.
type reporting struct {
	page   string // -o
	table  bool
	readme string
	files  []string
}

// report is the subcommand: read the files, then draw, print or fill in.
func report(stdout, stderr io.Writer, args []string) error {
	r, err := parseReport(args)
	if err != nil {
		return err
	}
	d, err := loadFiles(r.files, func(format string, args ...any) {
		fmt.Fprintf(stderr, "slabbench report: "+format+"\n", args...)
	})
	if err != nil {
		return err
	}
	if r.table || r.readme != "" {
		if err := d.tables(stdout, r.table, r.readme); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if r.page == "" {
		return nil
	}
	return d.draw(stderr, r.page)
}

// draw writes the page, and beside it a folder with the same pictures as files.
func (d *dataset) draw(stderr io.Writer, page string) error {
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

func parseReport(args []string) (*reporting, error) {
	r := new(reporting)
	fs := flag.NewFlagSet("slabbench report", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&r.page, "o", "", "")
	fs.BoolVar(&r.table, "table", false, "")
	fs.StringVar(&r.readme, "readme", "", "")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	r.files = fs.Args()
	switch {
	case len(r.files) == 0:
		return nil, usagef("report: no files of results; write slabbench report -o page.html FILES...")
	case r.page == "" && (r.table || r.readme != ""):
	case filepath.Ext(r.page) != ".html":
		return nil, usagef("report: -o %q: legal is the name of a page, such as page.html", r.page)
	}
	return r, nil
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
