// Package urcu is userspace RCU for memory that the garbage collector does not
// own.
//
// # What
//
// A reader brackets its accesses to shared structures by a section that costs
// about a nanosecond. An updater takes an object out of the structure so that no
// new reader finds it, and then waits for a grace period, or is called back
// after one: every section that was open when it began has ended, so nobody can
// hold the object any more, and its memory may get another meaning.
//
//	reader                          updater
//	r.Lock()                        old := head.Swap(next)
//	p := head.Load()                d.Synchronize()
//	... use *p ...                  free(old)
//	r.Unlock()
//
// For objects on the Go heap the collector does this already, and RCU buys
// nothing. It pays for memory outside of it.
//
// # Words
//
//	section          what lies between Lock and Unlock, or Enter and Exit
//	quiescent        outside of all sections
//	epoch            the domain's counter; wraps without harm
//	word             what a reader shows of itself: an epoch, and how many sections
//	                 are open
//	notice           what leaders want of a reader: an acknowledgement, a ring
//	tag              the epoch that all readers must reach before something is done
//	grace period     from the announcement of an epoch until no older word is left
//	leader           who looks at the words, by holding grace.lead
//	tenant           the goroutine that has a lease of a word
//	unpublish        make unreachable for new readers, by a sync/atomic operation
//	handle, record   what the user holds, and the reader's words in the registry
//	queue, slice     callbacks of one slot, and how many of them run in one go
//	drive, tend      look after callbacks: tags, a step of the grace period, a slice
//
// # The epoch
//
// There is one 64-bit counter in a domain, and one word for each reader that may
// be in a section. The lower 16 bits of a word count the reader's open sections,
// each inside the one before; the rest is an epoch. Those bits of the counter
// itself are 1, so a reader that enters copies the counter into its word, and one
// that leaves subtracts 1 (Memb has copied it before, less 1, and adds 1 to enter). An
// updater that has unpublished something issues a full fence, reads epoch e, and
// holds tag t = e+1 (one step). The grace period of t:
//
//  1. the leader sets the counter to t, or finds it there
//  2. it looks at each word once, until that counts no section, or shows t or later
//  3. completed = t
//
// One pass is enough, since the counter does not repeat: whoever shows t or later
// read the counter after step 1, hence after the unpublishing, and finds the new
// pointer. Whoever counts no section either has left, or has not yet announced a
// section whose loads will come after the leader's look, and finds the new pointer
// too; that takes a fence between the word and the loads, which is what flavors
// differ in. A word that was seen to pass stays passed, so the pass may be
// interrupted and continued by somebody else (cursor in gp.go).
//
// Everybody whose tag is at most t is served by the same pass; callers that come
// while it runs get t+1 and share the next.
//
// # Readers
//
// Registered readers are owned by one goroutine each. They differ in who pays for
// the fence:
//
//	QSBR   Lock and Unlock are empty. The word shows the last epoch at which the
//	       reader said to be quiescent, and is 0 only while it is offline. An online
//	       reader that stops announcing stops all grace periods.
//	Memb   Lock and Unlock count in the word by plain stores, and Unlock looks at
//	       one more word of the reader's own, the notice. The leader calls
//	       membarrier(2), which fences on every running thread of the process, for
//	       readers that have not acknowledged the epoch. A reader that sleeps
//	       goes offline, or costs that in every grace period.
//	MB     Lock fences for itself, by XCHG; Unlock stores plainly.
//
// Each is a small concrete type, so that its fast path inlines. All share the
// record, the slow paths and everything below. Records are reused and never
// freed; the handle stands apart, or the runtime could not tell that it was dropped.
// It also has the way to the epoch, and what a QSBR reader has seen of it: a record's
// line may be with a leader when its owner wants to know. A dropped handle is reported
// and its record stays as it is: what it protected may still be in use.
//
// # Acknowledgements
//
// A membarrier disturbs every thread and takes 8 to 18 µs in a virtual machine,
// so the leader of a Memb domain looks for something better first. When a look
// finds a reader that has not passed, the leader stores the epoch t into the notice
// of that one and all that come after. A reader that leaves its outermost section and
// finds a notice takes it and puts t into its word, which counts from there: an
// acknowledgement. Whoever shows one of t has, by store order, ended all sections
// before it, and by load order begins none that finds what was unpublished before
// t. No store buffer needs to be empty for either. So a busy reader passes within
// two cache misses, and while no leader wants anything its section is two stores and
// a look at a line that nobody else writes. Only for readers that stay silent (they
// sleep, or are in a long section) the leader fences, once, and then believes their
// words.
//
// A notice that stays is no harm: the next leader stores its own epoch over it. It is
// asked once in a grace period, for the reader takes the notice by an exchange, and
// so answers the last one. TestModelNotice says that none is lost.
//
// Nothing of this looks at Lock, which is one instruction; so Lock cannot bring a
// reader back from offline, Online does. What is wrong with a reader (it is offline,
// gone, has left more sections than it entered, or nests too deep) shows in its word,
// whose bit above the count is then 0, and Unlock's slow path looks at that bit.
// Offline, and in the tomb of those that are gone, there is always a notice, so
// every Unlock is slow; else the next grace period brings one. Leaders pass no
// word without that bit but 0.
//
// It never believes a word that counts no section without that: the reader's store
// may sit in its store buffer while it holds what it has loaded. Nor does it believe
// that a reader which was quiet at the last membarrier still is: one section later
// its store is on the way again. The model breaks both ideas within 20 steps, and the
// first is a mutant of the suite. No membarrier is needed for an offline reader,
// because coming back from offline is an exchange.
//
// # Sections of any goroutine
//
// Enter takes a free word and Exit marks it free, from whatever thread: a word
// per section keeps the single pass, which counters of entries and exits would
// not. The home of a goroutine's words is a cache line chosen by its stack
// address; a line has seven words, and what does not fit goes to further pages,
// by next fit. A word costs leaders nothing until it is used: lines have a bit,
// set when a word that was untouched is claimed, and every 1024 grace periods the
// leader takes empty lines back (pages.go).
//
// # Leases
//
// To claim a word takes an exchange, most of what such a section costs. So a goroutine
// that enters one section after the other gets a word for itself, and uses it as a Memb
// reader does its own: it counts by plain stores, and acknowledges when it leaves and
// has a notice. It knows its lease by where its stack is: two stacks do not share 2 KiB
// of memory, and a stack moves at calls alone, so that in code without calls nobody
// else has the same number of 2 KiB. That code is Enter, until the word is written, and
// exitSlow; TestEnterHasNoCalls reads what the compiler made of them. (kmem/lease.go
// has more of this.)
//
// A section by lease may be left by anybody, who then only counts down. From there on
// the word is the tenant's again, and nobody else may acknowledge.
//
// A tenant that stays silent costs a membarrier, as a Memb reader does, but once:
// before that the leader recalls all leases that have not acknowledged, and each ends
// when it is seen without a section, by who leads or by its tenant, who wants another
// one. The tenant looks whether it was recalled after it has written the word: either
// the membarrier makes that visible or the tenant sees the recall. A lease is never let
// again, so that a tenant which was stopped before it wrote harms nobody. Who loses a
// lease soon needs more sections for the next one. The model in model_home_test.go has
// all of this.
//
// There are leases in domains of every flavor where plain stores and membarrier work,
// unless Options.NoLeases.
//
// # Slots
//
// Bits 11 to 16 of the address of a local variable differ between most goroutines
// that run at the same time and cost nothing. They are a hint: two goroutines on
// one slot are slower and as correct.
//
// # Orders
//
// Each ordering comment in the code has a label; these are the pairs.
//
//	A  reader: word = epoch; then the section's loads
//	B  leader: (unpublish; fence; tag); epoch = t; then look at words
//	   Either the leader sees the word or the section sees the unpublishing.
//	   A is XCHG (QSBR and Memb going online, MB, Enter), or a plain store whose
//	   fence B supplies by membarrier (Memb, Enter by a tenant).
//	C  reader: the sections before; take notice e (Memb, a tenant) or load epoch e
//	           (QSBR); word = e; later sections' loads
//	   leader: (unpublish); notice or epoch = e; look at word; then free
//	   Whoever sees the word knows the sections before it ended, and the later
//	   ones after the unpublishing. See Acknowledgements.
//	D  reader: the section's loads; word: one section less
//	   leader: word; then free. A releasing store and an acquiring load.
//	W  reader: word: no section; then look at notice
//	   leader: notice = parked; heavy fence; look at word; sleep
//	   Either the leader sees no section or the reader rings.
//
//	      amd64                                  arm64, and all others
//	A     XCHG, 2 to 5 ns; Memb: INC             STLR, LDADDAL or SWPAL, and the section's
//	                                             first atomic load is LDAR: in order
//	B     XCHG; Memb: also membarrier            STLR, LDAR
//	C     notice MOV, XCHG; word MOV             STLR, SWPAL; STLR
//	D     MOV or DEC                             STLR or LDADDAL
//	W     membarrier, when somebody goes to      STLR, LDAR on both sides
//	      sleep, and not otherwise
//
// The plain stores of Memb and MB are data races by the letter of the Go memory
// model. They stand in fast_amd64.go and nowhere else; the race detector and all
// other machines get fast_other.go, where everything is sync/atomic. Shared
// pointers that sections load, and that updaters unpublish, are accessed by
// sync/atomic in any case; what hangs below them may be plain. The models in
// model_*_test.go enumerate all orders that TSO allows.
//
// # Leaders
//
// The lead is taken by try. Who holds it may begin a grace period, look at words,
// and end it; nobody yields or sleeps with it. Three kinds of caller do:
//
//   - drivers (a Call now and then, Drive, Poll): one look, never wait
//   - waiters (Synchronize and its kin): look, spin, look, yield, look, sleep
//   - the backstop goroutine, as a waiter for callbacks that nobody drives
//
// Waiters that sleep are the crowd. One of them, the sentinel, has asked the late
// reader to ring the bell, and listens to it; the others sleep until their tag is
// done or they are needed: to begin the next grace period, or to succeed a
// sentinel that has gone. A cancelled waiter hands over the same way. The model
// in model_wait_test.go says that nobody is forgotten.
//
// # Waiting
//
// All of it is in wait.go: spin about 3 µs, yield a few times, park. Spinning
// longer on two CPUs starves the reader that is waited for. An idle domain has no
// goroutine, no timer and no polling.
//
// # Callbacks
//
// A Call takes the token of its slot's queue by one exchange, appends, and gives
// the token back by a store. A token that is taken is never waited for: the Call
// goes to the next queue, and after seven to a list that needs none.
//
//	next      no tag yet: what came since waiting was filled
//	waiting   all wait for one tag, taken when next became waiting
//	done      may run
//
// About every 4 µs of Calls, or at a Drive, the caller tends the queue: a step of
// the grace period, segments move, a slice runs. So callbacks run on the
// goroutine that queued them, like softirqs, and are prompt without a scheduler
// in between. The token stays held meanwhile, so that a queue's callbacks run in
// their order, and a callback that Calls lands in a neighbour that it does not
// tend. When the owner does not drive (it sleeps, or is gone), the backstop adopts
// the queue after a tick: 100 µs for a queue that was just filled, up to 4 ms for
// one whose owner has been driving for long, also when that ran dry in between: it
// leaves the backstop's list when its owner has not tended it for a tick. It ends when it has had nothing to do
// for a while.
//
// Above Options.HighMark callbacks in a queue every Call hurries grace periods
// and slices are larger; above OverMark the backstop helps. Neither bounds
// anything when a reader is stuck. TryCall does.
//
// # Heads
//
// A Head lies in memory that the collector does not see, so it holds no Go
// pointer: the function is a number, the link to the next Head is the difference
// of their addresses. Queues, which are Go memory, point to the ends of chains.
// Defer wraps a Go closure in a Head of its own and keeps that reachable.
//
// # Barriers
//
// A grace period says that callbacks may run, not that they have. Barrier puts a
// callback of its own at the end of each queue that is not empty, and drives
// until all of those have run.
//
// # Stalls
//
// A sleeper that has waited for StallTimeout reports the reader at which the pass
// stands: name, goroutine, age, and what that goroutine is doing. Once per grace
// period. Sections of any goroutine have no name: keep them short, or register.
// Domain.Var publishes the statistics; grace periods that somebody waits for are
// regions in an execution trace; the backstop carries labels in profiles.
//
// # Locks
//
//	registry.mu     records handed out and taken back, Close
//	closures.mu     the ring of deferred closures
//	crowd.mu        the list of sleepers; leaders only try it, and leave a note
//	callbacks.mu    the table of callbacks
//
// All are leaves. A queue's token and the lead are not locks in this sense: they
// are tried. The lead is taken with a token held, never a token with the lead.
// Never with the lead: yield, sleep, run a callback or a hook. Never with a
// token: wait for anything; callbacks do run with it.
//
// # Traps
//
//   - A callback may run inside any Call, Drive, QuiescentState or Barrier of the
//     domain: hold no lock there that a callback takes.
//   - An online QSBR reader that calls Domain.Synchronize waits for itself, and one
//     that blocks stops everybody: Reader.Synchronize, Offline.
//   - A registered Memb reader that sleeps without Offline costs a membarrier in
//     every grace period, from its registration on. One that has gone offline and
//     enters a section without Online is not waited for; its Unlock panics.
//   - Leases rest on what the Go runtime does: it never moves the stack of a goroutine
//     that it stopped between two calls.
//   - A mutex that is held across Synchronize must not be taken in a section.
//   - A section that sleeps holds up memory for as long. A preempted one does, too.
//   - The child of a fork without exec has no threads but one, and no grace period
//     would end in it. A Go program that forks must exec.
//   - Words are 64 bits: on 32-bit machines this package does not work.
//
// # Reading the source
//
// epoch.go, gp.go and record.go are the algorithm. Then fast_amd64.go and the
// reader_*.go for what readers do, section.go, pages.go and lease.go for those without
// registration, lead.go and wait.go for who waits how, synchronize.go and poll.go
// for what callers see, queue.go, call.go, drive.go, backstop.go and barrier.go for
// callbacks.
package urcu
