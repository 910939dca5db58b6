package mutant

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestUnneeded: a test needs what it uses, what that uses, and what runs without
// being asked for; other tests it does not need.
func TestUnneeded(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":      "func TestA() { helper().check() }; func TestOther() {}",
		"b_test.go":      "func TestB() { var x thing; x.look() }",
		"helper_test.go": "func helper() *T { return deeper }",
		"deeper_test.go": "var deeper *T",
		"method_test.go": "func (*T) check() {}",
		"thing_test.go":  "type thing struct{}",
		"look_test.go":   "func (thing) look() {}",
		"other_test.go":  "type other[K any] struct{}; func (*other[K]) check() {}",
		"main_test.go":   "func TestMain() {}",
		"init_test.go":   "func init() {}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("package p; "+text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for test, want := range map[string][]string{
		"^TestA$":           {"b_test.go", "look_test.go", "other_test.go", "thing_test.go"},
		"^TestB$/^(x/y|z)$": {"a_test.go", "deeper_test.go", "helper_test.go", "method_test.go", "other_test.go"},
		"^TestA$|^TestB$":   {"other_test.go"},
		"^TestNobodyHas$":   nil,
	} {
		got, err := unneeded(dir, test)
		for i := range got {
			got[i] = filepath.Base(got[i])
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v can stay away, want %v; error %v", test, got, want, err)
		}
	}
}
