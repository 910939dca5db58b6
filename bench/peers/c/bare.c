/* bare.c: what bare.h does once. */
#include "bare.h"

static struct bare_lease nobody;
static struct bare none = { .lease = &nobody };

_Thread_local struct bare bare;
_Thread_local struct bare_slots bare_slots = { .first = &none, .mult = 0x9e3779b97f4a7c15u };

/* bare_let lets all slots of this thread to key. */
struct bare *bare_let(uintptr_t key)
{
	struct bare_lease *lease = pages(sizeof *lease);
	lease->key = key;
	if (bare_slots.first == &none) {
		bare_slots.first = pages(BARE_SLOTS * sizeof *bare_slots.first);
		bare_slots.mask = (BARE_SLOTS - 1) * sizeof *bare_slots.first;
	}
	for (int i = 0; i < BARE_SLOTS; i++)
		bare_slots.first[i].lease = lease;
	return bare_at(key);
}

/* bare_fill makes all objects of this thread, in rising order. */
void bare_fill(struct bare *b)
{
	if (b->stack)
		die("bare: more than %d objects on a thread", BARE_OBJECTS);
	size_t per_page = BARE_PAGE / opt.size, n = BARE_OBJECTS / per_page;
	b->stack = pages(BARE_OBJECTS * sizeof *b->stack);
	b->base = pages(n * BARE_PAGE);
	b->pages = pages(n * sizeof *b->pages);
	b->end = n * BARE_PAGE;
	b->owner = 1;
	b->mul = UINT64_MAX / opt.size + 1 + (UINT64_MAX % opt.size == opt.size - 1);
	b->span = per_page * (b->mul * opt.size);
	for (size_t i = n; i-- > 0;) {
		b->pages[i].owner = b->owner;
		for (size_t k = per_page; k-- > 0;)
			b->stack[b->n++] = b->base + i * BARE_PAGE + k * opt.size;
	}
}

void bare_bad(void *p) { die("bare: free of %p", p); }
