// One mutant: plant the fault, build, run, judge. See doc.go.

package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A built mutant has a test binary, or a verdict already.
type built struct {
	*Mutant
	binary string
	done   verdict
}

// prepare takes a mutant from its edits to its test binary. tmp is a directory
// of its own.
func (m *Mutant) prepare(root, tmp string) built {
	b := built{Mutant: m, binary: filepath.Join(tmp, "mutant.test")}
	overlay, why := m.plant(root, tmp)
	if why != "" {
		b.done = verdict{kind: rotten, evidence: why}
	} else if out, err := m.build(root, overlay, b.binary); err != nil {
		b.done = verdict{kind: stillborn, evidence: err.Error(), output: out}
	}
	return b
}

// tries is how often a test may look before the mutant has survived. A torture
// meets a race with some probability in its few seconds.
const tries = 5

// try takes a built mutant to its verdict.
func (b built) try(root string) verdict {
	if b.done.kind != "" {
		return b.done
	}
	start := time.Now()
	var v verdict
	for range tries {
		out, err := b.run(filepath.Join(root, b.Pkg), b.binary)
		v = b.judge(out, err)
		v.after = time.Since(start)
		if v.kind != survived {
			break
		}
	}
	return v
}

// plant writes the changed files and the overlay that names them. why says what
// is rotten.
func (m *Mutant) plant(root, tmp string) (overlay, why string) {
	edits := m.Edits
	if m.File != "" {
		edits = append([]Edit{{m.File, m.Old, m.New}}, edits...)
	}
	if len(edits) == 0 {
		return "", "no edit: the mutant is the original"
	}
	changed := map[string]string{}
	for _, e := range edits {
		file := filepath.FromSlash(e.File)
		if !strings.Contains(e.File, "/") {
			file = filepath.Join(m.Pkg, file)
		}
		file = filepath.Join(root, file)
		if _, ok := changed[file]; !ok {
			b, err := os.ReadFile(file)
			if err != nil {
				return "", err.Error()
			}
			changed[file] = string(b)
		}
		if n := strings.Count(changed[file], e.Old); n != 1 || e.Old == e.New {
			return "", fmt.Sprintf("%s has %d times, want once and not the same as New: %q", e.File, n, e.Old)
		}
		changed[file] = strings.Replace(changed[file], e.Old, e.New, 1)
	}
	left, err := unneeded(filepath.Join(root, m.Pkg), m.Test)
	if err != nil {
		return "", err.Error()
	}
	overlay, err = writeOverlay(tmp, changed, left)
	if err != nil {
		return "", err.Error()
	}
	return overlay, ""
}

// writeOverlay writes the files' new contents, and the map from old to new in
// the form that the go command reads. Files that are left out are mapped to nothing.
func writeOverlay(tmp string, changed map[string]string, left []string) (string, error) {
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for _, file := range left {
		if _, ok := changed[file]; !ok {
			overlay.Replace[file] = ""
		}
	}
	for file, text := range changed {
		at := filepath.Join(tmp, fmt.Sprintf("%d_%s", len(overlay.Replace), filepath.Base(file)))
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			return "", err
		}
		overlay.Replace[file] = at
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	at := filepath.Join(tmp, "overlay.json")
	return at, os.WriteFile(at, b, 0o644)
}

func (m *Mutant) build(root, overlay, binary string) (output string, err error) {
	// Without DWARF the linker needs half the time. Panics do not need it, and
	// symbols stay for tests that read the machine code.
	args := []string{"test", "-c", "-vet=off", "-gcflags=-dwarf=false", "-ldflags=-w", "-overlay=" + overlay, "-o", binary}
	if m.Tags != "" {
		args = append(args, "-tags="+m.Tags)
	}
	if m.Race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./"+filepath.ToSlash(m.Pkg))...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return string(out), err
}

func (m *Mutant) timeout() time.Duration {
	if m.Timeout > 0 {
		return m.Timeout
	}
	return time.Minute
}

// run runs the test. Its own timeout prints the stacks; ours is for a process
// that cannot even do that, or leaves children with our pipe behind.
func (m *Mutant) run(dir, binary string) (output string, err error) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout()+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run="+m.Test, "-test.timeout="+m.timeout().String())
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), Env+"="+m.Name), m.Env...)
	cmd.WaitDelay = patience
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.String(), err
}

// judge tells what the test's end means.
func (m *Mutant) judge(output string, err error) verdict {
	v := verdict{output: output}
	timedOut := err == context.DeadlineExceeded || strings.Contains(output, "panic: test timed out after ")
	evidence, found := m.evidence(output)
	switch {
	case err == nil && strings.Contains(output, "testing: warning: no tests to run"):
		v.kind, v.evidence = rotten, fmt.Sprintf("no test of %s matches %q", m.Pkg, m.Test)
	case err == nil:
		v.kind, v.evidence = survived, fmt.Sprintf("%q of %s does not see it in %d tries", m.Test, m.Pkg, tries)
	case timedOut && m.HangIsCaught:
		v.kind, v.evidence = caught, fmt.Sprintf("hangs for %v", m.timeout())
	case timedOut:
		v.kind, v.evidence = hung, fmt.Sprintf("no end within %v, which is not agreed to be a detection", m.timeout())
	case !found:
		v.kind, v.evidence = astray, fmt.Sprintf("%v, but no output matches %q", err, m.Expect)
	default:
		v.kind, v.evidence = caught, evidence
	}
	return v
}

// telling matches lines that say why a test failed, where Expect does not.
var telling = regexp.MustCompile(`^\s+\w+\.go:\d+: |^panic: |^fatal error: |^WARNING: DATA RACE|^SIG`)

// evidence returns the line to show, and whether Expect is met.
func (m *Mutant) evidence(output string) (line string, found bool) {
	want := telling
	if m.Expect != "" {
		want = regexp.MustCompile(m.Expect)
		if !want.MatchString(output) {
			return "", false
		}
	}
	lines := strings.Split(output, "\n")
	at := max(0, slices.IndexFunc(lines, want.MatchString))
	return strings.TrimSpace(lines[at]), true
}
