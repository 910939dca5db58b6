// Which calls the machine code of a function makes. See doc.go.

package machinecode

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// None is for functions that call nobody.
const None = `^$`

var (
	function = regexp.MustCompile(`^TEXT (?:.*/)?(.*)\(SB\)`)
	call     = regexp.MustCompile(`CALL (?:.*/)?(.*)\(SB\)`)
)

// Calls fails the test unless each function, by its name with the package's, calls
// something that its regular expression allows, and nothing else. What makes the
// stack larger comes before everything and is allowed to all.
func Calls(t *testing.T, allowed map[string]string) {
	t.Helper()
	var names []string
	for name := range allowed {
		names = append(names, regexp.QuoteMeta(name))
	}
	code := disassemble(t, `(`+strings.Join(names, "|")+`)$`)
	name, found, calls := "", map[string]bool{}, map[string]int{}
	for line := range strings.Lines(code) {
		if m := function.FindStringSubmatch(line); m != nil {
			name = m[1]
			found[name] = true
			continue
		}
		if !strings.Contains(line, "CALL") {
			continue
		}
		m := call.FindStringSubmatch(line)
		switch {
		case m == nil:
			t.Errorf("%s: %s", name, line)
		case strings.HasPrefix(m[1], "runtime.morestack"):
		case regexp.MustCompile(allowed[name]).MatchString(m[1]):
			calls[name]++
		default:
			t.Errorf("%s calls %s", name, m[1])
		}
	}
	for name, want := range allowed {
		if !found[name] || calls[name] == 0 && want != None {
			t.Errorf("%s: function found %v, with %d calls; the machine code is\n%s", name, found[name], calls[name], code)
		}
	}
}

// disassemble returns the machine code of functions of this binary, or of one like
// it where go test has left out the symbols.
func disassemble(t *testing.T, functions string) string {
	t.Helper()
	objdump := func(binary string) (string, error) {
		out, err := exec.Command("go", "tool", "objdump", "-s", functions, binary).Output()
		return string(out), err
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := objdump(binary); err == nil && out != "" {
		return out
	}
	binary = filepath.Join(t.TempDir(), "this.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := objdump(binary)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
