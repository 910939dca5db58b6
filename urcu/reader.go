// What all readers have in common: the slow generic view and the checks.

package urcu

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
)

// A Reader is any registered reader, for tests and tools that do not care which
// flavor they use. A call through it costs about 2 ns more than the concrete
// type. All methods belong to the goroutine that registered the reader.
type Reader interface {
	// Lock enters a section. Sections nest. It never blocks.
	Lock()
	// Unlock leaves the innermost section. It never blocks.
	Unlock()
	// Synchronize waits until all sections open at the call have ended, the
	// caller's own extended QSBR section excepted. Not inside a section.
	Synchronize()
	// Unregister ends the reader. Not inside a section.
	Unregister()
	// QuiescentState announces a quiescent state (QSBR) and runs ripe callbacks.
	// Not inside a section.
	QuiescentState()
	// Offline says that the reader will sleep. Not inside a section.
	Offline()
	// Online ends Offline. It comes before the next section. Not inside a section.
	Online()
}

// Register registers a reader of the domain's flavor. See RegisterQSBR,
// RegisterMemb and RegisterMB for the panics.
func (d *Domain) Register(name string) Reader {
	switch d.flavor {
	case QSBR:
		return d.RegisterQSBR(name)
	case Memb:
		return d.RegisterMemb(name)
	default:
		return d.RegisterMB(name)
	}
}

func (h *handle) describe() string {
	return fmt.Sprintf("%q of domain %q", h.rec.name, h.dom.name)
}

// checkQuiet panics inside a section, and on a dead handle.
func (h *handle) checkQuiet(op string) {
	h.checkAlive(op)
	if !quiet(h.rec.word) {
		panic(fmt.Sprintf("urcu: %s inside a section of reader %s, or after an Unlock too many", op, h.describe()))
	}
}

// goroutineID parses the number that stack dumps print, about 1 µs.
func goroutineID() uint64 {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
