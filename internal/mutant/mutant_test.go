package mutant

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	maxLine = "\tif a > b {"
	minLine = "\tif a < b {"
)

// TestVerdicts has one mutant for each verdict that there is.
func TestVerdicts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: every mutant is a build and a run of its own")
	}
	root, err := filepath.Abs("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) Mutant {
		return Mutant{File: "tiny.go", Old: old, New: new, Test: "TestMax"}
	}
	with := func(m Mutant, change func(*Mutant)) Mutant { change(&m); return m }
	inverted := edit(maxLine, "\tif a < b {")
	endless := edit(maxLine, "\tfor {\n\t}\n\tif a > b {")
	endless.Timeout = time.Second / 2
	for _, c := range []struct {
		name     string
		mutant   Mutant
		kind     kind
		evidence string
	}{
		{"any failure", inverted, caught, "tiny_test.go:7: Max(1, 2) = 1"},
		{"as expected", with(inverted, func(m *Mutant) { m.Expect = `Max\(1, 2\) = 1` }), caught, "Max(1, 2) = 1"},
		{"not as expected", with(inverted, func(m *Mutant) { m.Expect = "SIGSEGV" }), astray, `no output matches "SIGSEGV"`},
		{"a panic", edit(maxLine, "\tpanic(\"boom\")\n\tif a > b {"), caught, "boom"},
		{"two edits", with(inverted, func(m *Mutant) {
			m.Edits = []Edit{{"tiny.go", "// Max is seen.\n", ""}}
		}), caught, "Max(1, 2) = 1"},
		{"an edit of an edit", with(inverted, func(m *Mutant) {
			m.Edits = []Edit{{"tiny.go", "\tif a < b {\n\t\treturn a\n\t}\n\treturn b\n}\n\n// Min", "\treturn 7\n}\n\n// Min"}}
		}), caught, "Max(1, 2) = 7"},
		{"nobody sees it", with(edit(minLine, "\tif a > b {"), func(m *Mutant) { m.Test = "TestMin" }), survived, "TestMin"},
		{"no such test", with(inverted, func(m *Mutant) { m.Test = "TestNothing" }), rotten, "TestNothing"},
		{"no such text", edit("if a >= b {", ""), rotten, "0 times"},
		{"text twice", edit("return a", ""), rotten, "2 times"},
		{"no change", edit(maxLine, maxLine), rotten, "the same as New"},
		{"no edit", Mutant{Test: "TestMax"}, rotten, "no edit"},
		{"no such file", Mutant{File: "gone.go", Test: "TestMax"}, rotten, "gone.go"},
		{"does not compile", edit(maxLine, "\tif a > {"), stillborn, "exit status"},
		{"endless", endless, hung, "no end within 500ms"},
		{"endless, agreed", with(endless, func(m *Mutant) { m.HangIsCaught = true }), caught, "hangs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.mutant.prepare(root, t.TempDir()).try(root)
			if v.kind != c.kind || !strings.Contains(v.evidence, c.evidence) {
				t.Errorf("got %v\nwant %s with %q\n%s", v, c.kind, c.evidence, v.output)
			}
		})
	}
}

// TestMutants is a table as packages have it, on this package's own code.
func TestMutants(t *testing.T) {
	Run(t, []Mutant{{
		Name: "a rotten mutant goes unnoticed",
		File: "try.go",
		Old:  "n != 1 || e.Old == e.New",
		New:  "n > 99",
		Test: "^TestVerdicts$/^no_change$",
		// Then the mutant is the original, and survives.
		Expect: "SURVIVED",
	}})
}
