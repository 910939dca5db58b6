/*
 * bare.h: the least that can stand in place of malloc: the object freed last, and
 * a stack of the others, on each thread, inlined into the loops. Nothing can be
 * handed to another thread, taken back from one that sleeps, or returned to the
 * system. It shows how much of a goal is left for an allocator.
 *
 * With -DCHECKED every free makes the checks of this project's: the address is
 * that of an object, and not of the one freed last. With -DDRAINED others could
 * take the stack away, too, as this project's drainers do: its owner says when it
 * is busy, and looks whether somebody wants it. With -DLEASED the stack is that of
 * whoever has this piece of the thread's stack, as a lease of this project's is.
 * Nobody ever drains, or wants a lease back.
 */
#ifndef BARE_H
#define BARE_H

#include "bench.h"

enum { BARE_OBJECTS = 1 << 17, BARE_PAGE = 4096, BARE_SLOTS = 8, BARE_KEY = 11 };

struct bare_page {
	uint64_t slab;
	uint32_t owner, delta;
};

struct bare_lease {
	uintptr_t key;
	uint32_t busy;
	uint64_t recalled;
};

struct bare {
	struct bare_lease *lease;
	void *hot;
	size_t n;
	void **stack;
	char *base;
	struct bare_page *pages;
	uintptr_t end;
	uint32_t owner;
	uint64_t mul, span; /* of a multiplication that finds the starts of objects */
	uint32_t busy, stolen;
	_Alignas(512) char next[];
};

extern _Thread_local struct bare bare;

extern _Thread_local struct bare_slots {
	struct bare *first;
	uintptr_t mask, mult;
} bare_slots;

void bare_fill(struct bare *b);
struct bare *bare_let(uintptr_t key);
_Noreturn void bare_bad(void *p);

/* order keeps gcc from moving loads and stores; amd64 needs no more where a membarrier is on the other side. */
static inline void order(void) { __asm__ volatile("" ::: "memory"); }

static inline struct bare *bare_at(uintptr_t key)
{
	return (struct bare *)((char *)bare_slots.first + (key * bare_slots.mult >> 23 & bare_slots.mask));
}

static inline struct bare *enter(void)
{
#ifdef LEASED
	uintptr_t key = (uintptr_t)__builtin_frame_address(0);
	__asm__ volatile("" : "+r"(key)); /* a goroutine's stack moves */
	key >>= BARE_KEY;
	struct bare *b = bare_at(key);
	if (__builtin_expect(b->lease->key != key, 0))
		b = bare_let(key);
	b->lease->busy = 1;
	order();
	if (__builtin_expect(b->lease->recalled != 0, 0))
		bare_bad(b);
	return b;
#else
	return &bare;
#endif
}

static inline void leave(struct bare *b)
{
	(void)b;
#ifdef LEASED
	order();
	b->lease->busy = 0;
#endif
}

static inline void hold(struct bare *b)
{
	(void)b;
#ifdef DRAINED
	b->busy = 1;
	order();
	if (__builtin_expect(b->stolen != 0, 0))
		bare_bad(b);
#endif
}

static inline void release(struct bare *b)
{
	(void)b;
#ifdef DRAINED
	order();
	b->busy = 0;
#endif
}

static inline void *get(void)
{
	struct bare *b = enter();
	void *p = b->hot;
	if (p) {
		b->hot = NULL;
	} else {
		hold(b);
		if (__builtin_expect(b->n == 0, 0))
			bare_fill(b);
		p = b->stack[--b->n];
		release(b);
	}
	leave(b);
	return p;
}

static inline void bare_check(const struct bare *b, void *p)
{
	uintptr_t off = (uintptr_t)((char *)p - b->base);
	if (off >= b->end)
		bare_bad(p);
	const struct bare_page *page = &b->pages[off / BARE_PAGE];
	uint32_t rel = page->delta + (uint32_t)(off % BARE_PAGE);
	if (page->owner != b->owner || rel * b->mul >= b->span || p == b->hot)
		bare_bad(p);
}

static inline void put(void *p)
{
	struct bare *b = enter();
#ifdef CHECKED
	bare_check(b, p);
#endif
	if (!b->hot) {
		b->hot = p;
	} else {
		hold(b);
		b->stack[b->n++] = p;
		release(b);
	}
	leave(b);
}

#endif
