//go:build amd64 && !race && !invariants

// The suites above must fail on each of these. See internal/mutant.

package urcu

import (
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

// tooShort is how the torture suite says that a grace period was no such thing.
const tooShort = `the grace period was too short|grace period begin and end inside|reads of freed blocks`

// paused is a goroutine that is stopped for a moment, as it can be anywhere.
const paused = "for range 3000 {\n\tburn()\n}\n"

func pausedBefore(file, code string) mutant.Edit {
	return mutant.Edit{File: file, Old: code, New: paused + code}
}

func TestMutants(t *testing.T) {
	mutant.Run(t, []mutant.Mutant{
		{
			Name: "no wait", File: "gp.go",
			Old:  "\tat := &g.at\n\tfor len(at.chunks) > 0 {",
			New:  "\tat := &g.at\n\treturn true\n\tfor len(at.chunks) > 0 {",
			Test: "^TestTortureTight$/^(qsbr|mb)$", Expect: tooShort,
		},
		{
			Name: "one reader skipped", File: "gp.go",
			Old:  "g.at.recs = g.at.chunks[0].used.Load()",
			New:  "g.at.recs = g.at.chunks[0].used.Load()\n\t\tg.at.recs &= g.at.recs - 1",
			Test: "^TestTortureTight$/^(qsbr|mb)$", Expect: tooShort,
		},
		{
			Name: "membarrier skipped because the word counts no section", File: "gp.go",
			Old:  "\tif (g.fenced || !plainStores) && passed(word, g.target) {\n",
			New:  "\tif (g.fenced || quiet(atomic.LoadUint64(word))) && passed(word, g.target) {\n",
			Test: "^TestTortureLockstep$/^memb$", Expect: tooShort,
		},
		{
			Name: "membarrier skipped for a lease whose word counts no section", File: "lease.go",
			Old:  "return le == nobody || g.passedPlain(d, &le.word)",
			New:  "return le == nobody || quiet(atomic.LoadUint64(&le.word)) || g.passedPlain(d, &le.word)",
			Test: "^TestTortureLockstep$/^leased$", Expect: tooShort,
		},
		{
			Name: "leases not looked at", File: "gp.go",
			Old:  "\t\tleases: d.leases.let.Load(),\n",
			New:  "",
			Test: "^TestTortureLockstep$/^leased$", Expect: tooShort,
		},
		{
			Name: "a tenant does not look whether its lease was recalled", File: "section.go",
			Old:   "\t\t\tif atomic.LoadUint32(&le.recalled) == 0 {\n",
			New:   "\t\t\tif true {\n",
			Edits: []mutant.Edit{pausedBefore("section.go", "\t\t\tle.word = w + 1\n")},
			Test:  "^TestTortureLockstep$/^recalled$", Expect: tooShort,
		},
		{
			Name: "a lease recalled without a membarrier", File: "gp.go",
			Old:  "\tg.recall(d)\n\tmembarrier()\n",
			New:  "\tg.recall(d)\n\tif g.at.leases == 0 {\n\t\tmembarrier()\n\t}\n",
			Test: "^TestTortureLockstep$/^recalled$", Expect: tooShort,
		},
		{
			Name: "a recalled lease ends with its section open", File: "lease.go",
			Old:  "(&le.recalled) != 0 && quiet(atomic.LoadUint64(&le.word)) {",
			New:  "(&le.recalled) != 0 {",
			Test: "^TestTortureTight$/^any$", Expect: tooShort,
		},
		{
			Name: "a lease that was recalled and passed is kept", File: "lease.go",
			Old:  "le.key == key && (atomic.LoadUint32(&le.recalled) == 0 || !quiet(atomic.LoadUint64(&le.word)))",
			New:  "le.key == key",
			Test: "^TestLeaseRecalledAndPassed$", Expect: "stays for ever",
		},
		{
			Name: "a stranger acknowledges", File: "section.go",
			Old: "\tif plainStores && le.key == key && s.word == &le.word {\n",
			New: "\tif !s.dom.sections.owns(s.word) {\n\t\tle = (*lease)(unsafe.Pointer(s.word))\n\t\tfor range 100 {\n\t\t\tburn()\n\t\t}\n",
			Edits: []mutant.Edit{
				{File: "section.go", Old: "n&noticeAck != 0 && le.word&1 == 0", New: "n&noticeAck != 0"},
				{File: "section.go", Old: "\t\"sync/atomic\"\n", New: "\t\"sync/atomic\"\n\t\"unsafe\"\n"},
				{File: "pages.go", Old: "func newPage()", New: "func (p *page) owns(w *uint64) bool {\n\tfor i := range p.line {\n\t\tfor j := range p.line[i].word {\n\t\t\tif w == &p.line[i].word[j] {\n\t\t\t\treturn true\n\t\t\t}\n\t\t}\n\t}\n\treturn false\n}\n\nfunc newPage()"},
			},
			Test: "^TestTortureHandOver$", Expect: tooShort + "|Exit twice",
		},
		{
			Name: "a hook called by the sentinel", File: "lead.go",
			Old: "\t\tw.retire() // the hook", New: "\t\t// the hook",
			Test: "^TestHookPanics$", Expect: "this hangs",
		},
		{
			Name: "stalls of readers that have passed", File: "lead.go",
			Old: "\tif !late {\n", New: "\tif false && !late {\n",
			Test: "^TestStallsHaveReaders$", Expect: "stalls of nobody",
		},
		{
			Name: "a goroutine of the domain that ended and was forgotten", File: "backstop.go",
			Old: "\t\tif !well {", New: "\t\tif !well && false {",
			Test: "^TestGoexitOnBackstop$", Expect: "this hangs",
		},
		{
			Name: "barriers that are counted off the bound", File: "barrier.go",
			Old: "\t\t\td.pending.Add(1)\n", New: "",
			Test: "^TestBoundAfterBarriers$", Expect: "are pending, and nothing is queued",
		},
		{
			Name: "the spill looked at last", File: "drive.go",
			Old: "\tif d.spill.Load() != nil { // first: callbacks move from here to a queue\n\t\tn++\n\t}\n", New: "",
			Edits: []mutant.Edit{{File: "drive.go", Old: "\t\tn += d.queues[i].len()\n\t}\n", New: "\t\tn += d.queues[i].len()\n\t}\n\tif d.spill.Load() != nil {\n\t\tn++\n\t}\n"}},
			Test:  "^TestPendingInTransit$", Expect: "none is pending",
		},
		{
			Name: "a call while the key must hold", File: "section.go",
			Old:  "\t\t\tle.word = w + 1\n",
			New:  "\t\t\tburn()\n\t\t\tle.word = w + 1\n",
			Test: "^TestEnterHasNoCalls$", Expect: "Enter calls",
		},
		{
			Name: "no membarrier at all", File: "gp.go",
			Old:  "\tmembarrier()\n\td.stats.membarriers.Add(1)\n",
			New:  "",
			Test: "^TestTortureLockstep$/^memb$", Expect: tooShort,
		},
		{
			Name: "half a grace period", File: "gp.go",
			Old:  "return atomic.LoadUint64(&d.epoch) + epochStep",
			New:  "return atomic.LoadUint64(&d.epoch)",
			Test: "^TestTortureTight$/^(qsbr|mb)$", Expect: tooShort,
		},
		{
			Name: "tag of a batch taken with its first callback", File: "drive.go",
			Old: "q.tag = atomic.LoadUint64(&d.epoch) + epochStep",
			New: "q.tag = q.early",
			Edits: []mutant.Edit{
				{File: "queue.go", Old: "\ttag        uint64        // of waiting", New: "\ttag, early uint64"},
				{File: "call.go", Old: "\tq.next.push(h)\n", New: "\tif q.next.empty() {\n\t\tq.early = atomic.LoadUint64(&d.epoch) + epochStep\n\t}\n\tq.next.push(h)\n"},
				{File: "queue.go", Old: "18*8]byte", New: "19*8]byte"},
			},
			Test: "^TestTortureCrowd$", Expect: tooShort,
		},
		{
			Name: "callback dropped", File: "drive.go",
			Old:  "\t\ttable[cb].fn(h)\n",
			New:  "\t\tif cb == runClosure || q.ran%16 != 15 {\n\t\t\ttable[cb].fn(h)\n\t\t}\n",
			Test: "^TestTortureCrowd$", Expect: "blocks are lost|barrier checks failed",
		},
		{
			Name: "callback run early", File: "drive.go",
			Old:  "\tif !q.waiting.empty() && d.done(q.tag) {",
			New:  "\tif !q.waiting.empty() {",
			Test: "^TestTortureCrowd$", Expect: tooShort,
		},
		{
			Name: "barrier misses a queue", File: "barrier.go",
			Old:  "\t\tif q.len() == 0 {\n",
			New:  "\t\tif q.len() == 0 || i%4 == 3 {\n",
			Test: "^TestTortureCrowd$", Expect: "barrier checks failed|after Close",
		},
		{
			Name: "acknowledgement of an older epoch accepted", File: "record.go",
			Old:  "return w == 0 || reached(w|1, t)",
			New:  "return w == 0 || reached(w|1, t-epochStep)",
			Test: "^TestTortureTight$/^memb$", Expect: tooShort,
		},
		{
			Name: "a nested section acknowledges", File: "reader_memb.go",
			Old:  "\t} else if w&nestMask != 0 {\n",
			New:  "\t} else if w&nestMask != 0 {\n\t\tr.word = atomic.LoadUint64(&r.dom.epoch) - 1 + w&nestMask\n",
			Test: "^TestNestedSections$", Expect: "ended inside the outermost section",
		},
		{
			Name: "Unlock takes the notice and acknowledges nothing", File: "reader_memb.go",
			Old:  "\t\treleaseStore(&r.word, n&^noticeParked-1)\n",
			New:  "",
			Test: "^TestAcknowledgements$", Expect: "waits for readers that have acknowledged",
		},
		{
			Name: "nobody is asked", File: "gp.go",
			Old:  "\t\tg.askAll(d)\n",
			New:  "",
			Test: "^TestAcknowledgements$", Expect: "waits for readers that have acknowledged",
		},
		{
			Name: "nobody is asked again", File: "gp.go",
			Old:  "g.active, g.asked, g.fenced, g.silent = true, false, false, 0",
			New:  "g.active, g.fenced, g.silent = true, false, 0",
			Test: "^TestAcknowledgements$", Expect: "waits for readers that have acknowledged",
		},
		{
			Name: "one is asked and no other", File: "gp.go",
			Old:  "\t\t\tg.askOne(&c.rec[bits.TrailingZeros64(recs)].notice)\n",
			New:  "\t\t\tg.askOne(&c.rec[bits.TrailingZeros64(recs)].notice)\n\t\t\treturn\n",
			Test: "^TestAcknowledgements$", Expect: "waits for readers that have acknowledged",
		},
		{
			Name: "the next notice wipes out the mark of one who sleeps", File: "gp.go",
			Old:  "g.target|atomic.LoadUint64(notice)&noticeParked)",
			New:  "g.target)",
			Test: "^TestMarkStays$", Expect: "has not rung",
		},
		{
			Name: "offline without a notice", File: "reader_memb.go",
			Old:  "\tr.rec.answer(noticeOffline)\n",
			New:  "\tr.rec.answer(0)\n",
			Test: "^TestMembOffline$", Expect: "no panic",
		},
		{
			Name: "a count that has run over is believed", File: "epoch.go",
			Old:  "w == 0 || w&(epochStep-1) == 1<<nestBits",
			New:  "w&nestMask == 0",
			Test: "^TestMembUnlockTooMany$", Expect: "a grace period ended: 65,536",
		},
		{
			Name: "back from offline without a fence", File: "reader_memb.go",
			Old:  "\tatomic.SwapUint64(&r.rec.word, atomic.LoadUint64(r.epoch)-1)\n",
			New:  "\treleaseStore(&r.rec.word, atomic.LoadUint64(r.epoch)-1)\n",
			Test: "^TestTortureLockstep$/^memb from offline$", Expect: tooShort,
		},
		{
			Name: "MB reader without its fence", File: "fast_amd64.go",
			Old:  "\t\tatomic.StoreUint64(&r.word, atomic.LoadUint64(epoch))\n",
			New:  "\t\tr.word = atomic.LoadUint64(epoch)\n",
			Test: "^TestTortureLockstep$/^mb$", Expect: tooShort,
		},
		{
			Name: "QSBR reader online without a fence", File: "reader_qsbr.go",
			Old:  "\tatomic.SwapUint64(&rec.word, e)\n",
			New:  "\treleaseStore(&rec.word, e)\n",
			Test: "^TestTortureLockstep$/^qsbr$", Expect: tooShort,
		},
		{
			Name: "a quiescent state is seen and not remembered", File: "reader_qsbr.go",
			Old:  "\tr.seen = e\n\t// C:",
			New:  "\t// C:",
			Test: "^TestQSBRSeen$", Expect: "and QuiescentState: seen",
		},
		{
			Name: "a handle remembers what it saw before Unregister", File: "registry.go",
			Old:  "\th.rec, h.seen = tomb, 0\n",
			New:  "\th.rec = tomb\n",
			Test: "^TestUseAfterUnregister$", Expect: "no panic, want one with",
		},
		{
			Name: "a quiescent state does not look at the notice", File: "reader_qsbr.go",
			Old:  "\treleaseStore(&rec.word, e)\n\tif atomic.LoadUint64(&rec.notice) != 0 {\n",
			New:  "\treleaseStore(&rec.word, e)\n\tif false {\n",
			Test: "^TestTortureLockstepBell$/^qsbr$", Expect: "rings were lost",
		},
		{
			Name: "section of any goroutine without a fence", File: "section.go",
			Old:  "old != untouched && atomic.CompareAndSwapUint64(w, old, e) {\n",
			New:  "old != untouched {\n\t\treleaseStore(w, e)\n",
			Test: "^TestTortureLockstep$/^any$", Expect: tooShort,
		},
		{
			Name: "widened without looking again", File: "lead.go",
			Old:  "\t\t\tg.begin(d)\n\t\t\tg.widened = true\n",
			New:  "\t\t\tat := g.at\n\t\t\tg.begin(d)\n\t\t\tg.at = at\n\t\t\tg.widened = true\n",
			Test: "^TestTortureCrowd$", Expect: tooShort,
		},
		{
			Name: "further pages of sections not looked at", File: "gp.go",
			Old:  "\t\tpages:  *d.overflow.Load(),\n",
			New:  "",
			Test: "^TestSynchronizeWaitsForAnyGoroutine$", Expect: "while sections were open",
		},
		{
			Name: "line claimed without its bit", File: "pages.go",
			Old:  "\t\tif old == untouched {\n",
			New:  "\t\tif false {\n",
			Test: "^TestTortureTight$/^any$", Expect: tooShort,
		},
		{
			Name: "line forgotten with a section in it", File: "pages.go",
			Old:  "\t\t\t\tp.used.Or(1 << i)\n\t\t\t\tbreak // the",
			New:  "\t\t\t\tbreak // the",
			Test: "^TestTortureTight$/^any$", Tags: "invariants", Expect: tooShort, // lines are forgotten more often there
		},
		{
			Name: "callbacks join a batch whose tag is older", File: "drive.go",
			Old:  "\tif q.waiting.empty() && !q.next.empty() {\n",
			New:  "\tif !q.waiting.empty() {\n\t\tq.waiting.take(&q.next)\n\t}\n\tif q.waiting.empty() && !q.next.empty() {\n",
			Test: "^TestTortureCrowd$", Expect: tooShort,
		},
		{
			Name: "late reader does not ring", File: "record.go",
			Old:  "\tif r.word&nestMask == 0 {\n\t\tr.answer(0)\n",
			New:  "\tif r.word&nestMask == 0 {\n\t\tatomic.StoreUint64(&r.notice, 0)\n",
			Test: "^TestLateReaderWakes$", Expect: "want exactly 250ms",
		},
		{
			Name: "late Memb reader does not ring", File: "reader_memb.go",
			Old:  "n := r.answer(0)",
			New:  "n := atomic.SwapUint64(&r.notice, 0)",
			Test: "^TestLateReaderWakes$", Expect: "want exactly 250ms",
		},
		{
			Name: "no membarrier before the sleep", File: "lead.go",
			Old:  "\tif plainStores && membarrier() {\n",
			New:  "\tif plainStores {\n",
			Test: "^TestTortureLockstepBell$/^mb$", Expect: "rings were lost",
		},
		{
			Name: "late section of any goroutine does not ring", File: "section.go",
			Old:  "\ts.dom.bell.ring()\n",
			New:  "",
			Test: "^TestContextEnds$|^TestLateSectionWakes$", Expect: "want exactly 250ms",
		},
		{
			Name: "a finished grace period wakes nobody to begin the next", File: "wait.go",
			Old:  "needed := done == atomic.LoadUint64(&d.epoch) || d.sentinel.Load() == 0",
			New:  "needed := false",
			Test: "^TestCancelledLeaderHandsOver$", Timeout: 5 * time.Second, HangIsCaught: true,
		},
		{
			Name: "nobody is told that the sentinel has left", File: "lead.go",
			Old:  "\t\tw.d.sentinel.Store(0)\n\t\tw.d.crowd.wake(w.d)\n",
			New:  "\t\tw.d.sentinel.Store(0)\n",
			Test: "^TestCancelledLeaderHandsOver$", Timeout: 5 * time.Second, HangIsCaught: true,
		},
		{
			Name: "backstop does not adopt", File: "backstop.go",
			Old:  "\tif behind != 0 {\n",
			New:  "\tif false {\n",
			Test: "^TestBackstopRunsLeftovers$", Expect: "callbacks ran, want 3",
		},
		{
			Name: "a second Call goes unnoticed", File: "call.go",
			Old:  "\tif h.state == queuedMark || cb == 0 || invariant.Enabled {\n",
			New:  "\tif cb == 0 || invariant.Enabled {\n",
			Test: "^TestDoubleCallPanics$", Expect: "no panic", Timeout: 5 * time.Second, HangIsCaught: true,
		},
	})
}
