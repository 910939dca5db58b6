/*
 * bench.h: what the C programs here share: options, pinned threads, one start
 * line, a clock.
 *
 * A workload is a body run by every worker. It prepares, calls begin() and then
 * works in chunks until more() says no. Each worker counts its own operations
 * and its own time, so that a thread which ends a little later costs nothing:
 *
 *	ns/op = sum of the workers' time / sum of their operations
 *
 * Output is one line in the Go benchmark format.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_PAD = 128 }; /* keeps two writers apart, adjacent-line prefetch included */

extern struct options {
	const char *bench, *impl;
	size_t size;      /* object size, bytes */
	int live;         /* objects alive at once in Pair */
	int cpus;         /* workers */
	uint64_t time_ns; /* how long to measure */
} opt;

/* parse_options reads the flags, which are spelled as slabbench spells them. */
void parse_options(int argc, char **argv);

_Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...);

/* pages returns zeroed memory that is not the tested allocator's. */
void *pages(size_t bytes);

struct worker {
	_Alignas(LINE_PAD) pthread_t thread;
	int cpu;
	uint64_t rng;
	uint64_t start, ops, ns;
	int warming; /* chunks until begin */
	void (*body)(struct worker *);
};

struct sum {
	uint64_t ops, ns;
};

/* run_workers runs body on n pinned threads and returns their sums. */
struct sum run_workers(int n, void (*body)(struct worker *));

/* spawn starts a thread that inherits the binding of the calling one. */
void spawn(pthread_t *thread, void *(*fn)(void *), void *arg);

/* begin waits until all workers are ready, then starts this worker's clock. */
void begin(struct worker *w);

/* begin_after lets n chunks pass first, as slabbench does in the same workloads: as
 * many of Batch10k and Sh6, and as many batches of ProdCons. */
enum { WARM_BATCHES = 16, WARM_PRODCONS = 4096 };
static inline void begin_after(struct worker *w, int n)
{
	w->warming = n;
}

/* serve is begin for who does not wait, as others need it to warm up. */
void serve(struct worker *w);

/* for qsort of uint64_t */
int by_value(const void *a, const void *b);

static inline uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* more books a chunk of operations and tells whether there is time for another. */
static inline int more(struct worker *w, uint64_t ops)
{
	if (w->warming > 0) {
		if (--w->warming == 0)
			begin(w);
		return 1;
	}
	w->ops += ops;
	w->ns = now() - w->start;
	return w->ns < opt.time_ns;
}

/*
 * step returns the state of a random source after x (xorshift). Loops keep it in
 * a register: in memory it would be read behind the store to an object whose
 * address is still on its way from the cache.
 */
static inline uint64_t step(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

/* below returns x's number under n, by a multiplication in place of a division. */
static inline uint32_t below(uint64_t x, uint32_t n) { return (uint32_t)(((x >> 32) * n) >> 32); }

/* relax is one turn of a wait: mostly a pause, now and then the CPU for somebody else. */
static inline void relax(unsigned *turns)
{
	if (++*turns % 1024 == 0)
		sched_yield();
#if defined(__x86_64__)
	else
		__builtin_ia32_pause();
#endif
}

static inline double ns_per_op(struct sum sum)
{
	return sum.ops ? (double)sum.ns / (double)sum.ops : 0;
}

/* percentile returns the q quantile of n sorted samples. */
static inline uint64_t percentile(const uint64_t *sorted, size_t n, double q)
{
	return n ? sorted[(size_t)(q * (double)(n - 1))] : 0;
}

#endif
