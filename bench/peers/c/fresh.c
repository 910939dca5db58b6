/* fresh.c: workloads whose objects outlive the threads that made them. */
#include "alloc.h"

/* Larson: random replacement in 5,000 slots which fresh threads take over from one another. */
struct heirloom {
	struct worker *w;
	void *slot[5000];
};

static void *generation(void *arg)
{
	enum { N = 5000, STEPS = 100 * N };
	struct heirloom *h = arg;
	struct worker *w = h->w;
	uint64_t rng = w->rng;
	for (int i = 0; i < STEPS; i++) {
		void **p = &h->slot[below(rng = step(rng), N)];
		put(*p);
		volatile char *bytes = *p = get();
		bytes[0] = 1;
		bytes[opt.size - 1] = 2;
		(void)bytes[0];
	}
	w->rng = rng;
	w->ops += STEPS;
	return NULL;
}

void larson(struct worker *w)
{
	struct heirloom *h = pages(sizeof *h);
	h->w = w;
	for (int i = 0; i < 5000; i++)
		touch(h->slot[i] = get(), 0);
	begin(w);
	do { /* a new thread inherits the binding of this one, which only waits */
		pthread_t thread;
		spawn(&thread, generation, h);
		pthread_join(thread, NULL);
	} while (more(w, 0));
	for (int i = 0; i < 5000; i++)
		put(h->slot[i]);
}

/*
 * MStress: 25 rounds of fresh threads with random lifetimes. One step picks one
 * of 1,000 own places; an empty one is filled, a full one freed. One step in
 * four first exchanges the place with a random entry of a shared array.
 */
static struct {
	_Alignas(LINE_PAD) _Atomic(void *) transfer[1000];
} shared;

static void *cookie_get(void)
{
	uint64_t *p = get();
	for (size_t i = 0; i < opt.size / 8; i++)
		p[i] = (uintptr_t)p * 0x9e3779b97f4a7c15u;
	return p;
}

static void cookie_free(uint64_t *p)
{
	for (size_t i = 0; p && i < opt.size / 8; i++)
		if (p[i] != (uintptr_t)p * 0x9e3779b97f4a7c15u)
			die("MStress: word %zu of object %p was overwritten", i, (void *)p);
	put(p);
}

static void stress_round(struct worker *w)
{
	enum { N = 1000, STEPS = 20000 };
	void *place[N] = { 0 };
	uint64_t rng = w->rng;
	begin(w);
	for (int i = 0; i < STEPS; i++) {
		void **p = &place[below(rng = step(rng), N)];
		if (below(rng = step(rng), 4) == 0)
			*p = atomic_exchange(&shared.transfer[below(rng = step(rng), N)], *p);
		if (*p) {
			cookie_free(*p);
			*p = NULL;
		} else {
			*p = cookie_get();
			w->ops++;
		}
	}
	for (int i = 0; i < N; i++)
		cookie_free(place[i]);
	w->ns = now() - w->start;
}

struct sum mstress(int threads)
{
	struct sum sum = { 0 };
	for (uint64_t start = now(); sum.ns < opt.time_ns * (uint64_t)threads;) {
		for (int round = 0; round < 25; round++)
			sum.ops += run_workers(threads, stress_round).ops;
		for (int i = 0; i < 1000; i++)
			cookie_free(atomic_exchange(&shared.transfer[i], NULL));
		sum.ns = (now() - start) * (uint64_t)threads; /* starting threads included */
	}
	return sum;
}
