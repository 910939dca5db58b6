// The verdict over a torture that ran in a process of its own: what it reported,
// how it ended, and what that means.
//
// See doc.go for an overview.

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/slabrcu/slabrcu/kmem"
)

// The classes that the end of the process shows.
const (
	ClassFault  Class = "fault"  // the processor refused an address
	ClassThrow  Class = "throw"  // the Go runtime found its own data damaged
	ClassCrash  Class = "crash"  // the process died in some other way
	ClassRace   Class = "race"   // the race detector spoke
	ClassKilled Class = "killed" // the process had to be killed, as it did not end
)

// explanations say in a sentence what a class means.
var explanations = map[Class]string{
	ClassType:      "a reader in its section looked behind an address and found something that is no object of the cache: the page had changed its owner under the reader's eyes",
	ClassForeign:   "an object of another cache was written to: a reader took what it believed to be its object's lock or reference, in memory that was somebody else's by then",
	ClassState:     "an object was found in a state that none of its owners had left it in",
	ClassDuplicate: "an object belonged to two owners at once",
	ClassLost:      "objects, blocks or pages did not come back when all had been given back",
	ClassEarly:     "a grace period ended while a reader that it had to wait for was still in its section",
	ClassOrder:     "a cookie or a barrier was answered before what it stands for had happened",
	ClassPanic:     "a check of the allocator, of a reference count or of a domain failed and panicked",
	ClassHang:      "workers hung: most likely in a mutex whose words had been overwritten",
	ClassFault:     "the process died of a fault: a reader followed its address to a page that was not there any more",
	ClassThrow:     "the Go runtime ended the process: a mutex in a recycled page had been overwritten between Lock and Unlock",
	ClassRace:      "the race detector found two accesses without an order between them",
	ClassCrash:     "the process died",
	ClassKilled:    "the process did not come to an end and was killed: most likely everybody waits for a mutex whose words had been overwritten",
}

// Explain says in a sentence what a class of findings means.
func (c Class) Explain() string { return explanations[c] }

// Exit is how a child process ended.
type Exit struct {
	Clean  bool   // by itself, with status 0
	Killed bool   // by its parent, as its time was up
	How    string // for people: "exit status 2", "signal: segmentation fault"
	Stderr []byte // what it said last
}

// Verdict is the end of a verification.
type Verdict struct {
	Flags    kmem.Flags
	Evidence []Evidence
	Death    *Finding // what the end of the process shows; nil when it ended well
}

// Found reports whether anything was found that must not be.
func (v *Verdict) Found() bool {
	if v.Death != nil {
		return true
	}
	for i := range v.Evidence {
		if v.Evidence[i].Found() {
			return true
		}
	}
	return false
}

// Complete reports whether the tortures that were asked for came to their end.
func (v *Verdict) Complete() bool {
	for _, e := range v.Evidence {
		if !e.Done {
			return false
		}
	}
	return v.Death == nil && len(v.Evidence) > 0
}

// Failed returns why a torture could not run, or "".
func (v *Verdict) Failed() string {
	for _, e := range v.Evidence {
		if e.Failure != "" {
			return e.Torture + ": " + e.Failure
		}
	}
	return ""
}

// Judge reads what a child reported and sets it beside the way it ended.
func Judge(flags kmem.Flags, reported io.Reader, end Exit) (*Verdict, error) {
	v := &Verdict{Flags: flags}
	lines := bufio.NewScanner(reported)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Evidence
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			break // the line during which the child died
		}
		v.add(e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the evidence: %w", err)
	}
	v.Death = autopsy(end)
	return v, nil
}

// add files evidence in place of an earlier snapshot of the same torture.
func (v *Verdict) add(e Evidence) {
	for i := range v.Evidence {
		if v.Evidence[i].Torture == e.Torture {
			v.Evidence[i] = e
			return
		}
	}
	v.Evidence = append(v.Evidence, e)
}

// WriteEvidence writes one line that Judge reads.
func WriteEvidence(w io.Writer, e Evidence) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// symptoms are what the runtime says when it dies, in the order in which they
// are looked for.
var symptoms = []struct {
	text  string
	class Class
}{
	{"[signal SIGSEGV", ClassFault},
	{"[signal SIGBUS", ClassFault},
	{"unexpected fault address", ClassFault},
	{"fatal error: sync:", ClassThrow},
	{"fatal error: ", ClassThrow},
	{"panic: ", ClassPanic},
	{"WARNING: DATA RACE", ClassRace},
}

// autopsy says what the end of a process shows, or nil when it ended well.
func autopsy(end Exit) *Finding {
	switch {
	case end.Clean:
		return nil
	case end.Killed:
		return &Finding{ClassKilled, 1, "killed by its parent"}
	}
	for _, s := range symptoms {
		if i := bytes.Index(end.Stderr, []byte(s.text)); i >= 0 {
			return &Finding{s.class, 1, lineAt(end.Stderr, i)}
		}
	}
	if strings.Contains(end.How, "segmentation fault") || strings.Contains(end.How, "bus error") {
		return &Finding{ClassFault, 1, end.How}
	}
	return &Finding{ClassCrash, 1, end.How}
}

// lineAt returns the line that holds the byte at i.
func lineAt(text []byte, i int) string {
	start := bytes.LastIndexByte(text[:i], '\n') + 1
	line, _, _ := bytes.Cut(text[start:], []byte("\n"))
	return string(line)
}
