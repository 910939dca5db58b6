// The page: one HTML file that needs nothing but itself.
//
// See report.go for an overview.

package main

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed report.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// writePage writes the page.
func writePage(w io.Writer, d *dataset, sections []section) error {
	return pageTemplate.Execute(w, struct {
		Files    []string
		Env      []setting
		Varied   []string
		Sections []section
	}{d.files, d.env, d.varied, sections})
}
