/* alloc.h: the allocator workloads, as alloc.c lists them. */
#ifndef ALLOC_H
#define ALLOC_H

#include "bench.h"

#ifdef BARE
#include "bare.h"
#else
static inline void *get(void)
{
	void *p = malloc(opt.size);
	if (!p)
		die("malloc(%zu): no memory", opt.size);
	return p;
}

static inline void put(void *p) { free(p); }
#endif

static inline void touch(void *p, uint64_t x) { *(volatile uint64_t *)p = x; }

/* own.c: objects that stay on their thread. */
void loop(struct worker *w);
void pair(struct worker *w);
void pair_of_two(struct worker *w);
void batch10k(struct worker *w);
void random_live(struct worker *w);
void sh6(struct worker *w);

/* handoff.c: objects that another thread frees. The workers of prodcons and xmalloc come in twos. */
void set_up_pairs(int pairs);
void prodcons(struct worker *w);
void prodcons_bare(struct worker *w);
void prodcons_popped(struct worker *w);
void xmalloc(struct worker *w);

/* fresh.c: objects that outlive their thread. */
void larson(struct worker *w);
struct sum mstress(int threads);

#endif
