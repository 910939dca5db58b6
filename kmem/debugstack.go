// Who called: call stacks, each kept once. Debugging and sampling refer to them
// by number, from off-heap records too.

package kmem

import (
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Stack is where a call into this package came from, innermost frame first: the
// program counters that [runtime.CallersFrames] takes.
type Stack []uintptr

// stackDepth is how many frames of a stack are kept.
const stackDepth = 24

// stackID is the number of a kept stack; 0 is none.
type stackID uint32

// maxStacks bounds the kept stacks. They are never dropped, as those of the
// runtime's own profiles are not.
const maxStacks = 1 << 16

// stacks are the kept stacks of the process.
var stacks = struct {
	mu   sync.Mutex
	seed maphash.Seed
	ids  map[uint64]stackID // by hash of the untrimmed stack
	all  []Stack            // by id, trimmed
}{seed: maphash.MakeSeed(), ids: map[uint64]stackID{}, all: make([]Stack, 1)}

// callers keeps the stack of the caller and returns its number, 0 when there are
// too many already. Two stacks with the same 64-bit hash count as one.
func callers() stackID {
	var pcs [stackDepth + 8]uintptr // room for this package's own frames
	stack := pcs[:runtime.Callers(2, pcs[:])]
	var h maphash.Hash
	h.SetSeed(stacks.seed)
	for _, pc := range stack {
		maphash.WriteComparable(&h, pc)
	}
	sum := h.Sum64()
	stacks.mu.Lock()
	defer stacks.mu.Unlock()
	id, ok := stacks.ids[sum]
	if !ok && len(stacks.all) < maxStacks {
		id = stackID(len(stacks.all))
		stacks.ids[sum] = id
		stacks.all = append(stacks.all, trimStack(stack))
	}
	return id
}

// stack returns the kept stack, nil for 0.
func (id stackID) stack() Stack {
	stacks.mu.Lock()
	defer stacks.mu.Unlock()
	return stacks.all[id]
}

// caller returns the program counter of the innermost frame, 0 for none.
func (id stackID) caller() uintptr {
	if s := id.stack(); len(s) > 0 {
		return s[0]
	}
	return 0
}

// trimStack copies a stack without this package's own frames on top, and without
// the runtime's at the bottom.
func trimStack(pcs []uintptr) Stack {
	own := func(pc uintptr) bool {
		f := frameAt(pc)
		return strings.HasPrefix(f.Function, ownPackage) && !strings.HasSuffix(f.File, "_test.go")
	}
	for len(pcs) > 1 && own(pcs[0]) {
		pcs = pcs[1:]
	}
	for len(pcs) > 1 && strings.HasPrefix(frameAt(pcs[len(pcs)-1]).Function, "runtime.") {
		pcs = pcs[:len(pcs)-1]
	}
	return slices.Clone(pcs[:min(len(pcs), stackDepth)])
}

// ownPackage is how the names of this package's functions begin.
var ownPackage = func() string {
	pc, _, _, _ := runtime.Caller(0)
	name := runtime.FuncForPC(pc).Name()
	slash := strings.LastIndexByte(name, '/') + 1
	return name[:slash+strings.IndexByte(name[slash:], '.')+1]
}()

func frameAt(pc uintptr) runtime.Frame {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return f
}

// String returns a line for each frame: function, file and line.
func (s Stack) String() string {
	var b strings.Builder
	for _, pc := range s {
		f := frameAt(pc)
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, f.File, f.Line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Caller returns the innermost frame: function, file and line.
func (s Stack) Caller() string {
	if len(s) == 0 {
		return "unknown"
	}
	return s[:1].String()
}
