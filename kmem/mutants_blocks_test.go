// The building blocks without what makes them: a test must notice.

package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutantsBlocks(t *testing.T) {
	const torture = "^TestValidation$"
	const torn = `read value \d+ of key \d+, square`
	mutant.Run(t, []mutant.Mutant{
		{Name: "a lock that excludes nobody", File: "lock.go",
			Old: "if !l.word.CompareAndSwap(unlocked, locked) {", New: "l.word.Store(locked)\n\tif false {",
			Test: torture, Expect: torn + "|is not locked"},
		{Name: "a reference to a free object", File: "refcount.go",
			Old: "if n == 0 {", New: "if false {",
			Test: torture, Expect: torn + "|double free|Init of reference count"},
		{Name: "every Put is the last", File: "refcount.go",
			Old: "return n == 0\n", New: "return true\n",
			Test: torture, Expect: torn + "|double free|in limbo|reference count"},
		{Name: "no retry after a change", File: "seqcount.go",
			Old: "{ return s.word.Load() != seq }", New: "{ return false }",
			Test: torture, Expect: torn},
		{Name: "reading beside a writer", File: "seqcount.go",
			Old: "return seq, seq&1 == 0", New: "return seq, true",
			Test: torture, Expect: torn},
		{Name: "step 4 left out under the lock", File: "validate_test.go",
			Old: "return p.value, p.square, p.key.Load() == key", New: "return p.value, p.square, true",
			Test: torture, Expect: torn},
		{Name: "step 4 left out with a reference", File: "validate_test.go",
			Old: "defer t.put(p)\n\t\t\tif p.key.Load() != key {", New: "defer t.put(p)\n\t\t\tif false {",
			Test: torture, Expect: torn},
		{Name: "an object filled in without its lock",
			Edits: []mutant.Edit{
				{File: "validate_test.go", Old: "p.lock.Lock()\n\t\t\tp.key.Store(key)", New: "p.key.Store(key)"},
				{File: "validate_test.go", Old: "p.square = value * value\n\t\t\tp.lock.Unlock()", New: "p.square = value * value"},
			},
			Test: torture, Expect: torn},
	})
}
