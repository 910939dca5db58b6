// Package kmem is the slab allocator of Linux 2.6 on memory that the collector
// never sees: caches of equal objects on raw pages, with the flag that made it
// famous among readers without locks, [DestroyByRCU].
//
// # What it is
//
// A [Heap] is one reservation of address space with a page allocator on it. A
// [Cache] hands out objects of one size from slabs, blocks of pages cut into
// objects. In front of the slabs stand array caches, small stacks of free
// objects: one per emulated CPU, which it alone uses ([Cache.On]), and a few
// that any goroutine borrows for the length of a call ([Cache.Alloc]). Between
// them and the slabs stands a shared array, a stack of magazines: batches that go
// from one owner to another whole.
//
// A constructor runs when a slab is made, not at each allocation. Objects are
// freed in constructed state, and so are handed out constructed.
//
// # The walk
//
// The files follow the way of an object. Each opens by saying where it stands.
//
//	   file, function                 lock     then
//	 1 alloc_unsafe.go Local.Alloc    owner    a hot slot, or the array; or 2
//	 2 alloc.go refill                mu       a magazine of its home from the shared array, or 3
//	 3 lists.go takeBatch, slab.go    mu       a batch from its home's partial slabs, then free ones; or 4
//	 4 grow.go grow                   none     the colour under mu, the rest unlocked
//	 5 buddy.go getPages, grow.go     pages    pages, descriptor, constructor; linked under mu; 3
//	 6 free.go Local.Free, frame.go   owner    checked; to a hot slot, or the array; or 7
//	 7 free.go flush                  mu       a magazine to the shared array, or 8
//	 8 lists.go freeBlock             mu       objects to their slabs; too many empty ones: victims
//	 9 destroy.go destroySlabs        none     the fork: at once 11, by RCU 10
//	10 destroy.go enterLimbo, rcuFree none     slabRCU over slab; a grace period
//	11 buddy.go freePages             pages    pages, and then the descriptor
//
// Locks are dropped before the walk leaves a layer: growth and destruction run
// with none.
//
// # Beside the walk
//
//   - bulk.go: many objects in one call, all or nothing. A bulk of up to half an
//     array's limit goes through the array; a larger one goes straight between what
//     is behind it and the caller's slice, and when that happens both ways the array
//     grows until the bulk fits, if it may grow so far.
//     FreeBulk looks at every pointer before it frees the first.
//   - deferred.go: [Cache.FreeDeferred], the grace period for one object of a cache
//     without the flag. Offsets gather in blocks off the Go heap, a callback of
//     the domain takes a block at a time. Where there is no memory for a block,
//     a slice of Go's heap does, so it cannot fail.
//   - homes.go, freelists.go: which slabs, magazines and pages are for which owner of an
//     array.
//   - slots_unsafe.go, lease.go: the array caches of any goroutine. A call borrows a
//     slot by its token, an exchange, unless the slot is let to the goroutine: then
//     by plain stores.
//   - destruct.go: destructors, the contract of 2004: over all objects of a slab
//     that ends, with no lock held; refused where the slab would go by RCU.
//   - own.go: caches that a heap makes for itself when they are wanted: the general
//     caches. Close destroys them.
//   - general.go: [Heap.Malloc], memory by size from general caches of the sizes
//     that the kernel had.
//   - dma.go: caches with [CacheDMA] live on a heap of their own at low addresses,
//     because a cache has one base; the heap in front knows them by name.
//   - slabinfo.go: [Heap.WriteSlabinfo], the kernel's file in the version that
//     slabtop and others read; [Heap.TuneSlabinfo] is a write to it.
//   - reap.go, reapcache.go: the reaper, a goroutine that a heap has while there is
//     something to give back. A cache is stirred when something comes to be there,
//     and whoever empties an array takes its entries, so that nothing comes unseen.
//   - pressure.go, shrinker.go: what is tried at a heap's limit before Alloc fails.
//   - tune.go: [Cache.Tune], the limits of arrays set by hand.
//   - trim.go, hugepages.go, cgroup.go: pages back to the system, huge ones by wish,
//     and the limit of a heap that was given none.
//   - cached.go, memlimit.go: what pages are used for, and what of it the collector
//     should be told ([AdjustMemoryLimit]).
//   - aside.go: objects that do not go through arrays, all of a debug cache and
//     samples. It is called where an array is empty, and where a free fails the
//     check that every free makes, so that the fast paths pay nothing.
//   - debug.go and redzone.go, poison.go, debugverify.go, debugtrack.go: the debug
//     flags; report.go, leak.go: what they tell ([CorruptionError], [Heap.Leaks]).
//   - guard.go, guardfree.go, guardfault.go: guarded samples ([ExplainFault]).
//     guardpages.go: pages of no slab fault.
//   - profile.go, profileslab.go, profileheirs.go: who has the memory
//     ([Heap.Samples]); package kmempprof writes it for pprof.
//   - validate.go: what lies at an address ([Heap.Inspect]), whose it is, and
//     whether it may be freed. Free objects in array caches look allocated,
//     because only their owner can tell.
//
// # DestroyByRCU
//
// The flag delays pages, not objects. A freed object is handed out again at
// once. But when its slab is destroyed, the pages keep their owner and contents
// until every read-side section that was open then has ended: the slab is in
// limbo. So an address that a reader loaded inside a section points to an object
// of that cache, constructed, for as long as the section lasts; it may be
// another object than the reader wanted. blocks.go has the protocol for finding
// out, and the building blocks for it.
//
// Why it is safe:
//
//   - The slab descriptor is overlaid by slabRCU ([urcu.Head] and where the pages
//     are), so that a slab's end needs no memory. A compile-time check holds that
//     it fits. Slabs that die together wait together, as a chain behind the head of
//     the first: their pages come home in one callback, and so next to each other
//     when somebody discards them. While a slab is in limbo, address to slab has no
//     answer, and the page's owner word says so: a free there is reported as what it
//     is.
//   - An overlay is copied before the pages go that it may stand on. An off-slab
//     descriptor goes after the pages.
//   - Destroying a cache ends with a Barrier. One grace period is not enough:
//     callbacks that other CPUs queued would find the cache gone, a bug that the
//     kernel had for five years.
//   - Nothing may run on an object of a dying slab, so destructors and poisoning
//     are refused with the flag.
//
// What the flag's author hesitated over, using it for caches that are reaped,
// that shrink and that are destroyed, rests on the same two points. Whoever takes
// a slab, a Free beyond the limit, Shrink, the reaper or pressure, takes it off
// its list under the lock, when all its objects are on it, and queues it; nobody
// else can find it then but readers, and their sections are what the queue waits
// for. And Destroy waits for the queue, and before that for those who have taken a
// slab and not queued it yet.
//
// Alloc never waits for a grace period, because its caller may be inside a
// section. Memory in limbo counts against the heap's limit, and when that is
// reached and pressure finds nothing, Alloc fails. Limbo has a high-water mark beyond which destroySlabs
// drives grace periods itself.
//
// # Finding bugs
//
// What is always on: every free is checked, double frees are seen at once or when
// both copies reach a flush, a page in limbo answers for itself.
//
// In production, samples ([DebugOptions].GuardInterval): an allocation now and then
// gets a page between pages that fault. An access out of its bounds, or after its
// free, faults at the instruction, and [ExplainFault] says whose object it is and
// who allocated and freed it. With [DestroyByRCU] a sample stays readable for a
// grace period, as the others do. An owner whose frees always come before its
// allocations lives on its hot slots, and is not sampled.
//
// In tests, debug flags, or [DebugOptions].All for every cache of a heap: the four
// of 2.6.9 with its values, places and order of checks. Each object comes from its
// slab and goes back there in one trip under the lock, so that no double free and
// no write after a free goes unseen: the first is seen by the free mask, the second
// when the object is handed out again or its slab goes. What was written after it
// was handed out again is its new owner's. A panic over damage is a
// [*CorruptionError]; [DebugOptions].Corrupted takes reports instead, and then the
// damage is repaired and the program goes on. With [DestroyByRCU] there is no
// poison, since readers look at free objects; the guards stay.
//
// [DebugOptions].GuardPages makes memory that belongs to no slab fault, so that a
// stale pointer does not read what comes next.
//
// # Lock order
//
//	shrinker.mu, while one runs
//	    Heap.mu
//	        pressure.mu
//	            Cache.owners
//	                slot token; Local stolen and busy (drain.go)
//	                    Cache.mu
//	                        cacheProfile.mu
//	                        trimmer.mu
//	                            buddy.mu
//	                                guardPool.mu
//	                        reaper.mu
//
// Those of the table of heaps, the list of shrinkers and the kept stacks are below all of
// these.
//
// Never while holding any but the first: a constructor, Alloc or Free of any
// cache by others, a shrinker, Synchronize, Barrier. With pressure.mu destructors and
// callbacks run, which may allocate: nobody waits for it for ever. An owner of an array may take
// Cache.mu, and the two of samples that are innermost, and nothing else; who has a
// slot may try for Cache.owners, to get a lease.
//
// # Where this differs from 2.6.9
//
//   - The bufctl is a bit per object, not a chain of indices: a batch is taken by
//     the word, a double free that reaches a flush finds its bit set, and 64
//     objects need 8 bytes.
//   - The default layout keeps descriptors off the pages, in caches of their own
//     ([LayoutNative]). Page descriptors hold the way from an address to its slab,
//     so a free does not touch the object. [Layout2_6_9] is the historical one;
//     both run through the same code.
//   - Every free is checked: inside the heap, on a page of this cache, at an
//     object's start. It costs seventeen instructions. A second free of an object
//     is seen when it is immediate or when both reach a flush.
//   - A slab changes its list only when its group changes.
//   - Owners have homes, eight of them, so that CPUs do not have each other's
//     neighbours: an array takes magazines and slabs of its home, and the pages of those
//     come from pageblocks of it. The kernel came to lists for each node and then for
//     each CPU. Slabs are larger for that, of eight pages and not one for objects of
//     64 bytes. It costs memory where a cache has few objects, a slab for each of the
//     homes that use it, of which what was used is resident until slabs are full:
//     homes.go.
//   - Arrays start with the limits of 2.6.9 and grow: to what an owner swings over,
//     so that allocating and freeing ten thousand objects in turn takes no lock,
//     and to two mebibytes of objects where they stream from owner to owner: free.go.
//     The reaper takes that back from arrays that are not refilled. FixedArrays turns
//     it off, and Tune, which sets limits by hand: tune.go.
//   - The limit on free slabs doubles when the cache is seen to swing between
//     growing and destroying, up to 16 MiB; Shrink takes it back.
//   - The reaper is one goroutine per heap, not a timer per CPU, and only there is
//     one while it finds something to do. It looks 50 times as often as the
//     kernel's, and beside a fifth of the limit takes what lay idle for a whole
//     interval (Bonwick and Adams' working set), so that a cache in use keeps what
//     it uses and one at rest has given back all within a second: reap.go,
//     reapcache.go. The limits that grew decay by the same measure.
//   - A cache that grows beyond full slabs gets pages with their memory, 64 KiB by one
//     call of the system, and what it does not take of these is free and resident: a
//     fault costs more than the page that it brings. Its first slab faults as it is
//     used: buddy.go.
//   - Pages are discarded in ranges of adjacent free ones, by the reaper after they
//     were idle for an interval, earlier only when very many are free or the limit
//     wants it: trim.go.
//   - A heap at its limit takes from all its caches, and then asks the shrinkers
//     that users registered, before Alloc fails: pressure.go.
//   - A debug cache has no objects in array caches: the kernel's had. A constructor
//     is not called again to verify an object that is freed; what it sets is
//     learned by watching it: debugverify.go. Reports have stacks, and may be taken by a
//     function.
//   - Callers need not be CPUs. A goroutine that is none borrows an array cache by a
//     token, or has a lease of one: lease.go. NoLeases turns leases off.
//   - The objects in an emulated CPU's two hot slots are not drained by others; see
//     drain.go for what that saves and where it matters.
//
// # Traps
//
//   - An owner can be preempted in the middle of anything. Whoever meets a busy
//     slot passes on; whoever drains yields and sleeps.
//   - Leases rest on what the Go runtime does and does not promise: it never moves
//     the stack of a goroutine that it stopped between two calls. The torture of
//     leases moves stacks all the time, and a test reads the machine code.
//   - No pointers stand off the heap or in array caches: no write barriers, nothing
//     for the collector. Off the heap stand offsets, and a pointer is made by adding
//     to the base. Array caches hold addresses as words, which an Alloc returns as
//     they are: two instructions fewer than an offset, and one fewer in Free. They
//     are good because a heap's addresses stay its own until it is closed, and
//     nobody's after that; in the race lane, where pages come from the Go heap, the
//     heap holds these.
//   - Addresses of a closed heap stay reserved for ever and fault: a stale one
//     must not come to mean somebody else's memory, and the Go runtime must not
//     get an arena there.
//   - GOMEMLIMIT does not see a heap's memory, because the Go runtime did not map
//     it. [AdjustMemoryLimit] takes it off the limit that the collector is given.
//   - Pages come with the contents that their last owner left, objects as their
//     constructor or their last user left them. Nothing is zeroed; a page that was
//     discarded happens to be.
//   - The reaper can be the one who finds that an object was freed twice, or was
//     written while it was free, or whose destructor panics: then the process ends, because there is no caller who
//     could recover.
//   - NUMA placement is by first touch, as the system does it.
package kmem
