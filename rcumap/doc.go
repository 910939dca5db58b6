// Package rcumap is a concurrent hash map off the Go heap: lookups take no lock,
// the collector sees none of the entries, and the memory of a deleted entry
// serves the next one at once.
//
// # What it is
//
// A [Map] holds its entries in nodes of a kmem cache with kmem.DestroyByRCU.
// Keys and values are copied in and out; neither may hold Go pointers. Updates
// lock one of some hundred stripes. A lookup opens a read-side section, walks a
// chain, copies the value, and finds out afterwards whether what it saw was
// true. It writes nothing that others read.
//
// # Vocabulary
//
//	node       an entry: link to the next, sequence, key, value
//	link       a word: the way to a node, or an end, or 0
//	end        the last link of a chain; it carries its bucket's number
//	bucket     a link, the head of a chain
//	chunk      an array of buckets, off the Go heap too
//	table      the directory of chunks, the mask and the frontier; a Go object, replaced when one changes
//	stripe     a lock, and the buckets whose numbers agree in the low bits
//	frontier   buckets from this number on are not split yet
//	live       a node whose sequence is even: it is in the map
//
// # The walk of a lookup
//
//	map.go     Load        enter a section
//	hash.go    hash        key to hash
//	table.go   guess       hash to bucket: the mask, the frontier
//	lookup.go  find        walk; at the key: sequence, copy, sequence again
//	lookup.go  find        at an end: is it this bucket's, and is this still the bucket
//	map.go     Load        leave the section; when spoiled try again, at last under the lock
//
// # Why it is safe
//
// Memory: a node that a reader stands on may be freed and become the node of
// another key, in another chain. It stays a node, because its pages outlast the
// section. So links can always be followed.
//
// Hits: a node is live from the moment it is linked until it is deleted, and its
// key does not change in between. A reader that sees an even sequence, its key,
// the value, and the same sequence again has seen what the map held at that
// moment, whichever way it came. A node is linked before it becomes live: the
// other way round a reader on its memory, left over from its former life, could
// find an entry that the next reader does not.
//
// Misses: nodes are linked at the head of a chain and nowhere else, and never
// move in it. Let k be a live node of bucket b for the whole of a walk that began
// at the head of b. The walk follows links that were in a chain at some moment
// since it began. Behind k there are only nodes that were there before; what is
// linked later stands before k. Thus a walk that gets behind k has passed k; and
// one that was led into another chain by a node that moved ends at that chain's
// end, whose number is not b. So an end with the number b proves that the key was
// absent at some moment of the walk, provided that b is its bucket.
//
// Splits: that is asked again after the walk. A split publishes the new bucket
// before it takes anything off the old one; a walk that missed a key because of a
// split finds that the key's bucket is another now.
//
// Values: what is longer than a word is written between two steps of the node's
// sequence; a word is stored at once, beside all readers.
//
// Loads, stores, and all else are linearizable: each takes effect at one moment
// between its call and its return. For a hit it is a moment between the two
// readings of the sequence; for a miss one at which the key was absent; for
// updates the step of the sequence that makes a node live, changed, or dead, or
// the store of a value of one word. Range and Len are weaker, as they say.
//
// # Waiting
//
// A lookup is spoiled when a writer is at work on the very key, when a node moved
// under it, or when its bucket is split. It leaves its section and tries again a
// few times, and then takes the stripe's lock. So it ends however busy the
// writers are, and a writer that was preempted half way is waited for asleep. A
// lookup of a key that nobody touches is spoiled only by nodes that move.
//
// # Growth
//
// Buckets split one by one, four at most per insertion, by the insertion's own
// stripe under its own lock: no insertion pays for a whole table. The frontier
// moves in steps of 1/64. A bucket word of 0 is not split: its keys are in the
// bucket whose number lacks the highest bit. Nodes that move are the end of the
// old chain, most of the time, and are cut off as they are; one that stands
// before a node that stays is copied. The table does not shrink.
//
// # Lock order
//
//	stripe.mu
//	Map.growing
//	    the locks of kmem
//
// Nodes come from and go to the heap with no stripe locked, and chunks under growing alone,
// which is tried: shrinkers and callbacks of users may run there, and use the map. Never
// while holding one: waiting for a grace period. Nobody waits for a grace period in this
// package but [Map.Close].
//
// # Traps
//
//   - [Map.Update] calls its function under the stripe's lock: that function must
//     not use the map.
//   - On amd64 keys and values are copied by plain loads and stores, between
//     atomic ones that order them; see words_plain_unsafe.go. Elsewhere and under
//     the race detector every word is atomic.
//   - A large table misses the TLB at every step. kmem.HugePagesAlways is for the
//     heap of such a one: lookups among a million entries took three quarters of
//     the time.
//   - The collector does not know how much memory a map takes. See package kmem
//     for GOMEMLIMIT.
package rcumap
