// Stalls: who keeps a grace period from ending. See doc.go, "Stalls".

package urcu

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"time"
)

// defaultStallTimeout is the kernel's.
const defaultStallTimeout = 21 * time.Second

// A Stall reports a reader that keeps a grace period from ending for longer
// than Options.StallTimeout, or one whose handle was collected while registered.
type Stall struct {
	Domain    string
	Reader    string        // name given at registration; empty: a section of any goroutine
	Goroutine uint64        // that registered the reader; 0: unknown
	Age       time.Duration // of the grace period that waits
	Leaked    bool          // the handle was collected without Unregister
	Inside    bool          // leaked inside a section: no grace period will end again
	Stack     []byte        // of Goroutine, now; nil when it has ended or is unknown
}

// String is one line, and the stack on further ones.
func (s Stall) String() string {
	who := fmt.Sprintf("reader %q of goroutine %d", s.Reader, s.Goroutine)
	if s.Reader == "" {
		who = "a section of any goroutine"
	} else if !s.Leaked && s.Stack == nil {
		who += ", which has ended,"
	}
	what := fmt.Sprintf("has kept a grace period waiting for %v", s.Age.Round(time.Millisecond))
	if s.Leaked {
		what = "was dropped without Unregister"
		if s.Inside {
			what += ", inside a section: grace periods cannot end any more"
		}
	}
	text := fmt.Sprintf("urcu: domain %q: %s %s", s.Domain, who, what)
	if len(s.Stack) > 0 {
		text += "\n" + string(s.Stack)
	}
	return text
}

// report hands s to the hook, or prints it.
func (d *Domain) report(s Stall) {
	if d.hook != nil {
		d.hook(s)
		return
	}
	fmt.Fprintln(os.Stderr, s)
}

// A stallWatch belongs to the grace period under way.
type stallWatch struct {
	since    time.Duration // clock at the first sleep; 0: none yet
	reported bool          // once per grace period
}

// look returns how long a sleeper may sleep before the next look, and the reader
// at the cursor when it is time to report it. The caller leads.
func (w *stallWatch) look(d *Domain) (limit time.Duration, stalled *Stall) {
	limit = parkLongest
	if plainStores && !membarrierReady() {
		limit = lossyLimit
	}
	if w.since == 0 {
		w.since = now()
	}
	if w.reported {
		return limit, nil
	}
	age := now() - w.since
	if age < d.stallTimeout {
		return min(limit, d.stallTimeout-age), nil
	}
	w.reported = true
	stalled = d.grace.culprit(d)
	stalled.Age = age
	return limit, stalled
}

// culprit names the reader at the cursor. The caller leads.
func (g *grace) culprit(d *Domain) *Stall {
	at := &g.at
	if len(at.chunks) == 0 {
		return &Stall{}
	}
	r := &at.chunks[0].rec[bits.TrailingZeros64(at.recs)]
	d.registry.mu.Lock()
	defer d.registry.mu.Unlock()
	leaked := r.state == recordLeaked
	return &Stall{
		Reader: r.name, Goroutine: r.goid, Leaked: leaked,
		Inside: leaked && r.inside(),
	}
}

// reportStall completes s and reports it. The caller does not lead: the hook is
// the user's code, and the stack dump stops the world.
func (d *Domain) reportStall(s *Stall) {
	d.stats.stalls.Add(1)
	s.Domain = d.name
	if s.Goroutine != 0 {
		s.Stack = stackOf(s.Goroutine)
	}
	d.report(*s)
}

// stackOf returns the stack of goroutine id out of a dump of all, which stops
// the world: for reports only.
func stackOf(id uint64) []byte {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	head := fmt.Appendf(nil, "goroutine %d [", id)
	for part := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if bytes.HasPrefix(part, head) {
			return bytes.Clone(part)
		}
	}
	return nil
}
