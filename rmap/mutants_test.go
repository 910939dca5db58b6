// Every part of the protocol taken out once.

package rmap

import (
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutants(t *testing.T) {
	mutant.Run(t, []mutant.Mutant{
		{
			Name: "no recheck after the lock",
			File: "lock.go",
			Old:  "if p.Mapped() && p.loadMapping() == m { // R5",
			New:  "if true {",
			Test: "^TestRecheck$", Expect: "oracle in-use",
		},
		{
			Name: "no recheck after the lock, in the torture",
			File: "lock.go",
			Old:  "if p.Mapped() && p.loadMapping() == m { // R5",
			New:  "if true {",
			Test: "^TestTorture$/^slabrcu$", Expect: "oracle in-use",
			Env: []string{timeEnv + "=5s"},
		},
		{
			Name: "recheck of mapped alone",
			File: "lock.go",
			Old:  "if p.Mapped() && p.loadMapping() == m { // R5",
			New:  "if p.Mapped() {",
			Test: "^TestRecheckOtherFamily$", Expect: "oracle in-use",
		},
		{
			Name: "section left before the lock",
			File: "lock.go",
			Old:  "av.lock.Lock()                          // R4",
			New:  "t.exit(); av.lock.Lock(); t.enter()",
			Test: "^TestSectionCoversWait$", Expect: "oracle section: .* waited",
		},
		{
			Name: "section left when the lock is held",
			File: "lock.go",
			Old:  "				t.counts.Locked++\n				return av",
			New:  "				t.counts.Locked++\n				t.exit()\n				return av",
			Edits: []mutant.Edit{{
				File: "lock.go", Old: "	t.exit()         // R7", New: "",
			}},
			Test: "^TestSectionCoversWait$", Expect: "oracle section: .* held",
		},
		{
			Name: "mapcount published before mapping",
			File: "roads.go",
			Old:  "	p.mapping.Store(uint64(m)) // O2\n	p.mapcount.Add(1)          // O3: pairs with R2 in lock.go",
			New:  "	p.mapcount.Add(1)\n	p.mapping.Store(uint64(m))",
			Test: "^TestPublicationOrder$", Expect: "oracle genuine",
			Env: []string{timeEnv + "=20s"},
		},
		{
			Name: "mapping read before mapcount",
			File: "lock.go",
			Old:  "	if p.Mapped() { // R2\n		if m := p.loadMapping(); m.isAnon() { // R3",
			New:  "	if m := p.loadMapping(); m.isAnon() {\n		if p.Mapped() {",
			Test: "^TestPublicationOrder$", Expect: "oracle genuine",
			Env: []string{timeEnv + "=20s"},
		},
		{
			Name: "constructor skipped",
			File: "machine.go",
			Old:  "Flags: o.Flags, Ctor: (*AnonVMA).construct",
			New:  "Flags: o.Flags",
			Test: "^TestTorture$/^slabrcu$", Expect: "oracle genuine",
		},
		{
			// Why no torture can see it: see TestModel.
			Name: "new anon_vma not locked",
			File: "anonvma.go",
			Old:  "	t.m.road.lock(av) // a new one too: a stale reader may hold it",
			New:  "	if old := fresh == nil; old {\n		t.m.road.lock(av)\n		defer t.m.road.unlock(av)\n	}",
			Edits: []mutant.Edit{{
				File: "anonvma.go", Old: "	t.m.road.unlock(av)\n	if fresh != nil {", New: "	if fresh != nil {",
			}},
			Tags: "invariants",
			Test: "^TestReferenced$/^slabrcu$", Expect: "its lock is not held",
		},
		{
			Name: "a VMA counted off under the lock",
			File: "roads_refcount.go",
			Old:  "func (refCount) delist(*AnonVMA) (last bool) { return false }",
			New:  "func (refCount) delist(av *AnonVMA) (last bool) { return av.refs.Put() }",
			Edits: []mutant.Edit{{File: "roads_refcount.go",
				Old: "func (refCount) drop(av *AnonVMA) (last bool) { return av.refs.Put() }",
				New: "func (refCount) drop(*AnonVMA) (last bool) { return false }"}},
			Test: "^TestRefCountOutlivesUnlock$", Expect: "freed under its owner's lock",
		},
		{
			Name: "neighbour's anon_vma not imported in a merge",
			File: "vma.go",
			Old:  "if av != nil && keeper == next {",
			New:  "if av != nil && keeper == nil {",
			Test: "^TestAgainstModel$/^slabrcu$",
		},
		{
			Name: "index not published",
			File: "roads.go",
			Old:  "	p.index.Store(index)\n	p.mapping",
			New:  "	p.mapping",
			Test: "^TestAgainstModel$/^slabrcu$", Expect: "whose index leads to",
		},
		{
			Name: "a shared page is written in place",
			File: "fault.go",
			Old:  "if p.mapCount() != 1 || t.m.swap.users(p) != 0 {",
			New:  "if p.mapCount() != 1 {",
			Test: "^TestTorture$/^biglock$", Expect: "oracle contents",
			Timeout: 20 * time.Second,
		},
	})
}
