package main

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// manual returns the commands that the manual shows, without comments.
func manual(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(f.Doc.Text()) {
		text, ok := strings.CutPrefix(line, "\tslabbench ")
		if ok && !strings.Contains(text, "...") && !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "top ") { // which wants a run beside it: top_test.go
			commands = append(commands, strings.TrimSpace(text))
		}
	}
	return commands
}

// Every example of the manual runs and ends with the status that it says, 0 where
// it says none. Times are made short by a flag behind the example's own.
func TestManual(t *testing.T) {
	commands := manual(t)
	if len(commands) < 10 {
		t.Fatalf("%d examples in the manual: %q", len(commands), commands)
	}
	t.Chdir(t.TempDir())
	for _, c := range commands {
		t.Run(c, func(t *testing.T) {
			c, comment, _ := strings.Cut(c, " # ")
			want := statusOK
			if comment == "status 1" {
				want = statusFailed
			}
			args := strings.Fields(strings.ReplaceAll(c, "'", ""))
			if args[0] == "report" {
				// reads what the examples before it wrote
			} else if strings.Contains(c, "-verify") {
				if want == statusFailed && raceEnabled(t) {
					t.Skip("the race detector finds the damage first")
				}
			} else if !strings.Contains(c, "-list") && !strings.Contains(c, "-geometry") {
				args = append(args, "-benchtime=50x")
			}
			try := command
			if want == statusFailed {
				try = control
			}
			stdout, stderr, status := try(t, args...)
			if status != want {
				t.Fatalf("status %d, want %d: %s", status, want, stderr)
			}
			switch {
			case strings.Contains(c, "-verify"), strings.Contains(c, "-list"), strings.Contains(c, "-geometry"), args[0] == "report":
			case strings.Contains(c, "-o="):
				_, name, _ := strings.Cut(c, "-o=")
				name, _, _ = strings.Cut(name, " ")
				if _, err := os.Stat(name); err != nil {
					t.Error(err)
				}
			default:
				if len(parsed(t, stdout)) == 0 {
					t.Errorf("no result: %s", stderr)
				}
			}
		})
	}
}
