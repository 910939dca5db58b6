/* bare.c: what bare.h does once. */
#include "bare.h"

_Thread_local struct bare bare;

/* bare_fill makes all objects of this thread, in rising order. */
void bare_fill(void)
{
	if (bare.stack)
		die("bare: more than %d objects on a thread", BARE_OBJECTS);
	size_t per_page = BARE_PAGE / opt.size, n = BARE_OBJECTS / per_page;
	bare.stack = pages(BARE_OBJECTS * sizeof *bare.stack);
	bare.base = pages(n * BARE_PAGE);
	bare.pages = pages(n * sizeof *bare.pages);
	bare.end = n * BARE_PAGE;
	bare.owner = 1;
	bare.mul = UINT64_MAX / opt.size + 1 + (UINT64_MAX % opt.size == opt.size - 1);
	bare.span = per_page * (bare.mul * opt.size);
	for (size_t i = n; i-- > 0;) {
		bare.pages[i].owner = bare.owner;
		for (size_t k = per_page; k-- > 0;)
			bare.stack[bare.n++] = bare.base + i * BARE_PAGE + k * opt.size;
	}
}

void bare_bad(void *p) { die("bare: free of %p", p); }
