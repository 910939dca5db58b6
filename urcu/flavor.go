// Flavors: who pays for the barrier between a reader and an updater. See doc.go.

package urcu

import (
	"fmt"
	"strings"
)

// A Flavor says how registered readers announce their sections. The zero value
// lets [New] choose: Memb where the kernel offers membarrier(2), else MB.
type Flavor uint8

const (
	// QSBR sections cost nothing. The reader counts as inside a section from
	// Online to Offline and announces quiescent states by itself.
	QSBR Flavor = iota + 1
	// Memb sections cost two plain stores. The updater calls membarrier(2) for
	// readers that have not acknowledged the current epoch.
	Memb
	// MB sections cost one atomic exchange. They work everywhere.
	MB
)

var flavorNames = [...]string{QSBR: "qsbr", Memb: "memb", MB: "mb"}

// String returns the flavor's name as UnmarshalText reads it, or "auto" for zero.
func (f Flavor) String() string {
	if f == 0 {
		return "auto"
	}
	if int(f) < len(flavorNames) {
		return flavorNames[f]
	}
	return fmt.Sprintf("Flavor(%d)", uint8(f))
}

// MarshalText implements [encoding.TextMarshaler].
func (f Flavor) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. Case does not matter. An
// unknown name is an error that lists the legal ones.
func (f *Flavor) UnmarshalText(text []byte) error {
	name := strings.ToLower(string(text))
	if name == "auto" {
		*f = 0
		return nil
	}
	for i, n := range flavorNames {
		if n != "" && n == name {
			*f = Flavor(i)
			return nil
		}
	}
	return fmt.Errorf("urcu: unknown flavor %q, want auto, qsbr, memb or mb", text)
}
