// Package archtest holds the house to its plan: which room may import which,
// where unsafe and raw system calls may be, how files and packages begin.
//
// The plan is data, [Rules], in plan_test.go; [Check] is a function of a file
// tree, so that its own test can show it trees that break each rule. Every .go
// file is read whatever its build tags are: a fault for darwin shows on linux.
package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Rules is the plan of a module.
type Rules struct {
	Rooms []Room

	// File patterns, as path.Match has them, from the module's root.
	UnsafeIn []string // may import unsafe
	UnixIn   []string // may import x/sys/unix

	BadNames []string // names that no package may have

	// LongFile is how many lines make a file so long that it must open with a
	// comment which says its place.
	LongFile int
}

// A Room is one package and what its code may import besides the standard
// library. Tests are freer: they may import all rooms and all libraries.
type Room struct {
	Dir     string
	Level   int
	Imports []string // rooms by their directory, or the paths under which libraries lie
}

// Check returns what in the tree breaks the rules, one line each: the place, the
// fault, what is legal. The error is a tree that cannot be read or parsed.
func Check(tree fs.FS, r Rules) (faults []string, err error) {
	c := checker{tree: tree, rules: r, packages: map[string]*pkg{}}
	if err := c.readModule(); err != nil {
		return nil, err
	}
	c.checkPlan()
	if err := fs.WalkDir(tree, ".", c.visit); err != nil {
		return nil, err
	}
	for dir, p := range c.packages {
		c.checkPackage(dir, p)
	}
	slices.Sort(c.faults)
	return c.faults, nil
}

type checker struct {
	tree     fs.FS
	rules    Rules
	module   string
	packages map[string]*pkg // by directory, those with code besides tests
	faults   []string
}

// pkg is what its files say together.
type pkg struct {
	name string
	docs []string // files with a package comment
}

func (c *checker) fault(place, format string, args ...any) {
	c.faults = append(c.faults, place+": "+fmt.Sprintf(format, args...))
}

func (c *checker) readModule() error {
	b, err := fs.ReadFile(c.tree, "go.mod")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			c.module = strings.TrimSpace(name)
			return nil
		}
	}
	return fmt.Errorf("go.mod: no module line")
}

func (c *checker) room(dir string) *Room {
	i := slices.IndexFunc(c.rules.Rooms, func(r Room) bool { return r.Dir == dir })
	if i < 0 {
		return nil
	}
	return &c.rules.Rooms[i]
}

// checkPlan: the arrows of the plan itself never turn back.
func (c *checker) checkPlan() {
	for _, r := range c.rules.Rooms {
		for _, to := range r.Imports {
			if t := c.room(to); t != nil && t.Level >= r.Level {
				c.fault("plan", "%s (level %d) may import %s (level %d): want a lower level", r.Dir, r.Level, to, t.Level)
			}
		}
	}
}

// visit leaves out what the go command leaves out, and modules of their own.
func (c *checker) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	base := path.Base(name)
	hidden := name != "." && (base[0] == '.' || base[0] == '_')
	switch {
	case d.IsDir() && (hidden || base == "testdata" || name != "." && c.exists(path.Join(name, "go.mod"))):
		return fs.SkipDir
	case d.IsDir() || hidden || path.Ext(name) != ".go":
		return nil
	}
	return c.checkFile(name)
}

func (c *checker) exists(name string) bool {
	_, err := fs.Stat(c.tree, name)
	return err == nil
}

func (c *checker) checkFile(name string) error {
	src, err := fs.ReadFile(c.tree, name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	test := strings.HasSuffix(name, "_test.go")
	for _, spec := range f.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		c.checkImport(name, to, test)
	}
	if test {
		return nil
	}
	p := c.packages[path.Dir(name)]
	if p == nil {
		p = &pkg{name: f.Name.Name}
		c.packages[path.Dir(name)] = p
	}
	if f.Doc != nil {
		p.docs = append(p.docs, path.Base(name))
	}
	if n := strings.Count(string(src), "\n"); n > c.rules.LongFile && !opens(f) {
		c.fault(name, "%d lines and no comment before the package clause that says its place in the walk", n)
	}
	return nil
}

// opens reports whether the file begins with words, not only with build tags.
func opens(f *ast.File) bool {
	return slices.ContainsFunc(f.Comments, func(g *ast.CommentGroup) bool {
		return g.Pos() < f.Package && g.Text() != ""
	})
}

func (c *checker) checkImport(name, to string, test bool) {
	switch {
	case to == "C":
		c.fault(name, "imports C: this module is built without cgo")
	case to == "unsafe" && !matches(c.rules.UnsafeIn, name):
		c.fault(name, "imports unsafe: want a file like %s", strings.Join(c.rules.UnsafeIn, ", "))
	case under(to, "golang.org/x/sys/unix") && !matches(c.rules.UnixIn, name):
		c.fault(name, "imports %s: want a file like %s", to, strings.Join(c.rules.UnixIn, ", "))
	}
	room := c.room(path.Dir(name))
	if test || room == nil || c.standard(to) {
		return
	}
	local := strings.TrimPrefix(to, c.module+"/")
	if !slices.ContainsFunc(room.Imports, func(ok string) bool {
		return local == ok || local == to && under(to, ok)
	}) {
		c.fault(name, "imports %s: %s (level %d) may import %s", local, room.Dir, room.Level,
			cmp.Or(strings.Join(room.Imports, ", "), "the standard library alone"))
	}
}

func (c *checker) standard(to string) bool {
	first, _, _ := strings.Cut(to, "/")
	return !under(to, c.module) && !strings.Contains(first, ".")
}

// checkPackage: it has its row in the plan, a name that says something, and one
// package comment, in the file where one looks for it.
func (c *checker) checkPackage(dir string, p *pkg) {
	if c.room(dir) == nil {
		c.fault(dir, "is not in the plan: give it a level and its imports")
	}
	if slices.Contains(c.rules.BadNames, p.name) {
		c.fault(dir, "package %s: a name that says nothing", p.name)
	}
	home := []string{"doc.go", path.Base(dir) + ".go"}
	if len(p.docs) == 0 {
		c.fault(dir, "no package comment: want one in %s", strings.Join(home, " or "))
	}
	for _, file := range p.docs {
		if len(p.docs) > 1 || !slices.Contains(home, file) {
			c.fault(path.Join(dir, file), "has a package comment: want only one, in %s (a place comment is followed by an empty line)",
				strings.Join(home, " or "))
		}
	}
}

// under reports whether path to is root or lies below it.
func under(to, root string) bool { return to == root || strings.HasPrefix(to, root+"/") }

// matches reports whether name matches a pattern. A pattern without a slash is
// for files of any directory.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		of := name
		if !strings.Contains(p, "/") {
			of = path.Base(name)
		}
		ok, err := path.Match(p, of)
		return ok && err == nil
	})
}
