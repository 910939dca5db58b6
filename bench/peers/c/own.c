/* own.c: workloads whose objects stay on their thread, the counting loop first. */
#include "alloc.h"

/* Loop: one addition, one iteration, nothing shared. */
void loop(struct worker *w)
{
	enum { CHUNK = 1 << 18 };
	uint64_t x = 0;
	begin(w);
	do {
		for (int i = 0; i < CHUNK; i++) {
			x++;
			__asm__ volatile("" : "+r"(x));
		}
	} while (more(w, CHUNK));
}

/* Pair: allocate, write a word, free. */
void pair(struct worker *w)
{
	enum { CHUNK = 1 << 14 };
	put(get()); /* so that what a thread has of its own is there */
	begin(w);
	do {
		for (uint64_t i = 0; i < CHUNK; i++) {
			void *p = get();
			touch(p, i);
			put(p);
		}
	} while (more(w, CHUNK));
}

/* Pair with two live: allocate two, write both, free both in that order. */
void pair_of_two(struct worker *w)
{
	enum { CHUNK = 1 << 14 };
	put(get()); /* so that what a thread has of its own is there */
	begin(w);
	do {
		for (uint64_t i = 0; i < CHUNK; i += 2) {
			void *p = get();
			touch(p, i);
			void *q = get();
			touch(q, i);
			put(p);
			put(q);
		}
	} while (more(w, CHUNK));
}

/* Batch10k: allocate 10,000, free them in the same order. */
void batch10k(struct worker *w)
{
	enum { N = 10000 };
	void **p = pages(N * sizeof *p);
	put(get());
	begin_after(w, WARM_BATCHES);
	do {
		for (int i = 0; i < N; i++)
			touch(p[i] = get(), (uint64_t)i);
		for (int i = 0; i < N; i++)
			put(p[i]);
	} while (more(w, N));
}

/* RandomLive100k: replace a random one of 100,000. */
void random_live(struct worker *w)
{
	enum { N = 100000, CHUNK = 1 << 12 };
	void **p = pages(N * sizeof *p);
	uint64_t rng = w->rng;
	for (int i = 0; i < N; i++)
		touch(p[i] = get(), 0);
	begin(w);
	do {
		for (uint64_t i = 0; i < CHUNK; i++) {
			void *new = get();
			touch(new, i);
			uint32_t k = below(rng = step(rng), N);
			void *old = p[k];
			p[k] = new;
			put(old);
		}
	} while (more(w, CHUNK));
	for (int i = 0; i < N; i++)
		put(p[i]);
}

/* Sh6: a window of one fifth of 10,000 survives; below it freed in order, above it in reverse. */
void sh6(struct worker *w)
{
	enum { N = 10000, WINDOW = N / 5 };
	void **p = pages(N * sizeof *p);
	int low = 0;
	put(get());
	begin_after(w, WARM_BATCHES);
	do {
		for (int i = 0; i < N; i++)
			if (!p[i])
				touch(p[i] = get(), (uint64_t)i);
		for (int i = 0; i < low; i++, p[i - 1] = NULL)
			put(p[i]);
		for (int i = N - 1; i >= low + WINDOW; i--, p[i + 1] = NULL)
			put(p[i]);
		low = (low + WINDOW) % N;
	} while (more(w, N - WINDOW));
	for (int i = 0; i < N; i++)
		if (p[i])
			put(p[i]);
}
