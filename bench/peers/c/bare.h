/*
 * bare.h: the least that can stand in place of malloc: the object freed last, and
 * a stack of the others, on each thread, inlined into the loops. Nothing can be
 * handed to another thread, taken back from one that sleeps, or returned to the
 * system. It shows how much of a goal is left for an allocator.
 *
 * With -DCHECKED every free makes the checks of this project's: the address is
 * that of an object, and not of the one freed last.
 */
#ifndef BARE_H
#define BARE_H

#include "bench.h"

enum { BARE_OBJECTS = 1 << 17, BARE_PAGE = 4096 };

struct bare_page {
	uint64_t slab;
	uint32_t owner, delta;
};

extern _Thread_local struct bare {
	void *hot;
	size_t n;
	void **stack;
	char *base;
	struct bare_page *pages;
	uintptr_t end;
	uint32_t owner;
	uint64_t mul, span; /* of a multiplication that finds the starts of objects */
} bare;

void bare_fill(void);
_Noreturn void bare_bad(void *p);

static inline void *get(void)
{
	void *p = bare.hot;
	if (p) {
		bare.hot = NULL;
		return p;
	}
	if (__builtin_expect(bare.n == 0, 0))
		bare_fill();
	return bare.stack[--bare.n];
}

static inline void bare_check(void *p)
{
	uintptr_t off = (uintptr_t)((char *)p - bare.base);
	if (off >= bare.end)
		bare_bad(p);
	const struct bare_page *page = &bare.pages[off / BARE_PAGE];
	uint32_t rel = page->delta + (uint32_t)(off % BARE_PAGE);
	if (page->owner != bare.owner || rel * bare.mul >= bare.span || p == bare.hot)
		bare_bad(p);
}

static inline void put(void *p)
{
#ifdef CHECKED
	bare_check(p);
#endif
	if (!bare.hot)
		bare.hot = p;
	else
		bare.stack[bare.n++] = p;
}

#endif
