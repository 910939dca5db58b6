// Package rmap is the client that DestroyByRCU was made for: the reverse map of
// anonymous memory, from a page to all who map it, as it was in Linux 2.6.9, with
// fork, exit and a page scanner racing against each other.
//
// # What
//
// A page table leads from an address to a page. Whoever wants memory back must
// go the other way. Each page has one word, its mapping, that leads to an
// [AnonVMA]: a lock and a list of the VMAs that may map pages of this family. One
// AnonVMA serves thousands of pages; it has no reference count, because pages
// come and go with every fault. It is in use while a VMA is on its list.
//
// So a scanner reads an address out of a page without a lock, and takes a lock at
// that address. Between the two the last VMA may leave and the AnonVMA be freed.
// That is all right as long as the memory stays an AnonVMA: its lock can be
// taken, and what is found behind it checked. It is not all right when the slab
// was emptied and its pages have become something else: taking the lock would
// then write into it. That is what the flag forbids, for as long as the scanner
// is in its section, and at no cost to it.
//
//	kernel                                   here
//	struct page, mem_map                     [Page], [Machine.Frame]
//	page->mapping, PAGE_MAPPING_ANON         mapping in page.go
//	page->_mapcount, from -1                 Page.mapcount
//	anon_vma, anon_vma_prepare               [AnonVMA], prepareAnon
//	page_lock_anon_vma                       [Page.LockAnonVMA]
//	page_referenced_anon                     [Page.Referenced]
//	try_to_unmap_anon, SWAP_SUCCESS ...      [Page.TryToUnmap], [Success] ...
//	page_add_anon_rmap, page_dup_rmap        road.add, road.dup
//	mm_struct, vm_area_struct, dup_mmap      [MM], [VMA], [Task.Fork]
//	do_anonymous_page, do_wp_page            faultNew, faultShared
//	do_swap_page, swapper_space, swap_map    faultSwap, swapSpace
//	shrink_list, refill_inactive_zone        shrinkInactive, ageActive
//	current, on its CPU                      [Task]
//
// All descriptors and page tables are words in kmem memory, linked by references.
// A page has one word of contents, so that what a process wrote can be compared
// with what it reads, whatever fork and swap have done to it meanwhile.
//
// # The walk
//
//	file           step                                        lock on entry
//	mm.go          Mmap, Munmap, Mprotect, Exit                none; mmap inside
//	vma.go         split, merge, import of an anon_vma         mmap for writing
//	fork.go        Fork: link the copy, then copy entries      mmap of the parent
//	fault.go       Load, Store: a fault makes a page           mmap for reading
//	anonvma.go     prepareAnon: adopt or allocate; link        mmap for reading
//	swapin.go      ... or brings it back under its lock        mmap for reading
//	roads.go       add: mapping, then mapcount                 page table lock
//	lru.go         pages in the order of their age             -
//	vmscan.go      Scan: age them, send some to swap           none, or mmap
//	referenced.go  Referenced: walk the list, look             none
//	unmap.go       TryToUnmap: walk the list, unmap            page lock
//	lock.go        LockAnonVMA: the oblique step               none, or page lock
//	pagetable.go   zap: entries go, mapcount--                 mmap for writing
//	anonvma.go     leaveAnon: unlink, free when the last       mmap for writing
//	page.go        put: the last reference frees the frame     any
//
// # Why it is safe
//
// The table of two columns at [Page.LockAnonVMA] is the argument. In words:
//
//   - The memory. A reader in its section saw the page mapped, and read the
//     mapping after that. Mapping is published before mapcount, so what it read
//     leads to an anon_vma that was in use when the section had begun, however
//     old the page's mapping was before. If that is freed now, its slab's pages
//     wait for the section. So the lock at that address is a lock of an AnonVMA.
//   - The lock. The constructor set it up, nobody after it. It may be that of a
//     free AnonVMA, or of one that serves another family by now. New ones are
//     locked like others when they get their first VMA.
//   - The identity. Under the lock the page is mapped still, and mapping is what
//     it was: so a VMA through which it is mapped is on the list, and cannot
//     leave while the lock is held. If not: unlock, leave the section, nil.
//   - The members. VMAs and their address spaces stay while the lock is held. That
//     a VMA does map the page is known from the page table entry alone.
//
// Three things differ from 2.6.9, on purpose:
//
//   - It reads mapping, then mapcount. We read mapcount first, and again first
//     after the lock: mapcount is the flag that says mapping is published, and who
//     reads the data before the flag may get old data with a new flag. In 2.6.9
//     that was hidden by clearing mapping when a page is freed, but for the pages
//     of the swap cache. model_test.go has the interleaving.
//   - We do not clear mapping, for the reason given in page.go.
//   - Its section ended when the lock was taken, as a spin lock held off
//     preemption and so grace periods. Here it lasts until the lock is released.
//
// # Lock order
//
//	MM.mmap
//	  Page.lock
//	    AnonVMA.lock, or the one big lock of its road
//	      MM.ptl of a parent
//	        MM.ptl of its child, in Fork alone
//	          Page.mapLock, of the road with a reference count
//	          swapSpace.lock
//	            lru.lock
//	            freeFrames.lock
//
// Never while holding an AnonVMA's lock or anything inside it: Alloc or Free of
// an AnonVMA, VMA, MM or table; mmap or a page's lock. The scanner only tries a
// page's lock, as it may come from a fault. Who holds an anon_vma found from a
// page is in a section: no waiting for grace periods, no second one.
//
// # What history taught
//
// The scheme was right and its details were not, for twenty years. Dates are
// those of the fixes.
//
//	year  what was wrong                                 what is done here
//	2004  a neighbour's anon_vma was adopted without     prepareAnon takes the lock
//	      its lock                                       of whichever it links to
//	2004  mapcount was raised before mapping was stored  road.add: O2, O3; the reader
//	                                                     looks in the other order
//	2007  the section ended at the lock, but a lock      it ends in Unlock
//	      no longer held off grace periods
//	2007  a debug check walked lists with a limit, and   Check runs when all is at
//	      the limit was the bug                          rest, without limits
//	2008  a new anon_vma was linked without its lock,    prepareAnon locks it too
//	      though a stale reader may hold that
//	2009  destroying a cache waited for one grace        kmem waits for a barrier
//	      period, not for all callbacks
//	2010  one list for all descendants: walks grew with  the same here, said openly:
//	      the number of processes                        see VMAs in [Counts]
//	2010  a page led to an anon_vma that could die       a family has one, which all
//	      before other users of the page                 its VMAs share
//	2010  the loser of a race for a first anon_vma       the loser frees its own at
//	      leaked what it had allocated                   the end of prepareAnon
//	2010  long holders had no reference                  nobody holds one long: no
//	                                                     sleep inside Unlock's pair
//	2010  the lock belonged to an object that reuse      the lock is in the object;
//	      could redirect                                 R5 rechecks under it
//	2011  a plain reference was taken on what might      RefCount takes it under the
//	      be free                                        page's mapLock
//	2011  a lock got by trying was that of an object     no way around R5, and no
//	      just handed out, and stayed locked             try-lock in front of it
//	2014  the last reference freed parts in the wrong    there are no parts
//	      order
//	2022  a count guessed from told reuse apart, wrongly no reuse across families
//	2025  the tag and the pointer of mapping could be    one word, one store
//	      stored apart
//	2025  walks came without the page's lock, while the  they may: the order of R2
//	      page went from swap to a new mapping           and R3, and R5, stand in
//
// # Roads not taken
//
// [Impl] chooses how an anon_vma is held still. RefCount is the obvious cure that
// the patch rejects: a count on every mapping change, and a lock in the page to
// take it under. BigLock is what a first version would do. All else is the same
// code; see roads.go.
//
// # Traps
//
//   - A [Task] belongs to one goroutine. What it counts is in plain words.
//   - A page's descriptor outlives everything: one may look at any page at any
//     time. What was read is old at once.
//   - Without the flag nothing fails for a long time. The author of the patch
//     wrote that his tests did not show the race although they were exposed to
//     it. [Torture] is what it takes.
package rmap
