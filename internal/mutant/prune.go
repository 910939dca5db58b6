// What a mutant's build leaves out. See doc.go.

package mutant

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// unneeded returns the test files of a package that a test can do without. A file
// is needed that declares the test, TestMain or init, and so is one that declares a
// name which is used in a file that is needed: a function, a type with all its methods,
// a variable, or, of a type that is not the test files', a method, which is used behind a
// dot. Scopes are not looked at, so that is too many at times, and never too few: a build
// without one that is needed fails.
func unneeded(dir, test string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	top, err := regexp.Compile(topLevel(test))
	if err != nil {
		return nil, err
	}
	declaring := map[string][]string{} // name: files
	uses := map[string]map[string]bool{}
	var methods []method
	var needed []string
	tests := 0
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		uses[name] = used(f)
		decls, its := declared(f)
		for _, m := range its {
			methods = append(methods, method{m, name})
		}
		root := false
		for _, d := range decls {
			declaring[d] = append(declaring[d], name)
			isTest := strings.HasPrefix(d, "Test") && top.MatchString(d)
			if isTest {
				tests++
			}
			root = root || isTest || d == "TestMain" || d == "init"
		}
		if root {
			needed = append(needed, name)
		}
	}
	if tests == 0 {
		return nil, nil // whoever runs the test says so
	}
	for _, m := range methods { // of a type that test files declare, or else of any
		by := receiver(m.FuncDecl)
		if declaring[by] == nil {
			by = "." + m.Name.Name
		}
		declaring[by] = append(declaring[by], m.file)
	}
	for i := 0; i < len(needed); i++ {
		for id := range uses[needed[i]] {
			for _, name := range declaring[id] {
				if !slices.Contains(needed, name) {
					needed = append(needed, name)
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(needed, name) }), nil
}

// used returns the names in a file; one behind a dot keeps the dot.
func used(f *ast.File) map[string]bool {
	names := map[string]bool{}
	var note func(n ast.Node) bool
	note = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			names["."+n.Sel.Name] = true
			ast.Inspect(n.X, note)
			return false
		case *ast.Ident:
			names[n.Name] = true
		}
		return true
	}
	ast.Inspect(f, note)
	return names
}

// A method is one of a test file.
type method struct {
	*ast.FuncDecl
	file string
}

// declared returns the names that a file declares at its top level, and the methods.
func declared(f *ast.File) (names []string, methods []*ast.FuncDecl) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			} else {
				methods = append(methods, d)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names, methods
}

// receiver returns the name of a method's receiver.
func receiver(d *ast.FuncDecl) (name string) {
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

// topLevel is what -test.run holds against the names of tests that are no subtests.
func topLevel(run string) string {
	depth := 0
	for i, c := range run {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '/':
			if depth == 0 {
				return run[:i]
			}
		}
	}
	return run
}
