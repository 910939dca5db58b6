/*
 * rcu.h: the reader loops, over whichever RCU the including file chose. That
 * file defines, before it includes this one:
 *
 *	FLAVOR          its value of the key flavor
 *	lock, unlock    enter and leave a section; inlined
 *	dereference     load a published pointer
 *	quiescent       called every 1,024 sections
 *	join, quit      a thread begins and ends its life as a reader
 *	synchronize     wait for a grace period, on a joined thread
 *
 * One source serves all of them; each is a program of its own, so that the
 * compiler sees every section whole.
 */
#ifndef RCU_H
#define RCU_H

#include "bench.h"

enum { SECTIONS = 1024 }; /* between two quiescent states */

struct thing {
	uint64_t value;
};

static struct thing *published; /* what sections read through */
static atomic_int stop;                  /* the updater has ended */

/* sections runs 1,024 of them. */
static inline void sections(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < SECTIONS; i++) {
		lock();
		sum += *(volatile uint64_t *)&dereference(published)->value;
		unlock();
	}
	__asm__ volatile("" : : "r"(sum));
	quiescent();
}

static void measured_reader(struct worker *w)
{
	join(w);
	begin(w);
	do {
		for (int i = 0; i < 16; i++)
			sections();
	} while (more(w, 16 * SECTIONS));
	quit();
}

/* busy_reader is what updaters are measured against. */
static inline void busy_reader(struct worker *w)
{
	join(w);
	begin(w);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		sections();
	quit();
}

static struct {
	uint64_t *ns;
	size_t n, max;
} samples;

static inline void sample(uint64_t ns)
{
	if (samples.n < samples.max)
		samples.ns[samples.n++] = ns;
}

/* synchronizer times one call in 16: a clock in each would show in the shortest grace periods. */
static void synchronizer(struct worker *w)
{
	enum { TIMED = 16 };
	join(w);
	begin(w);
	do {
		uint64_t before = now();
		synchronize();
		sample(now() - before);
		for (int i = 1; i < TIMED; i++)
			synchronize();
	} while (more(w, TIMED));
	quit();
	atomic_store(&stop, 1);
}

static void synchronize_pair(struct worker *w)
{
	if (w->cpu == 0)
		synchronizer(w);
	else
		busy_reader(w);
}

/* report prints the line; keys are those behind the flavour. */
static void report(struct sum sum, const char *keys, int cpus, const char *unit)
{
	printf("Benchmark%s/api=registered/flavor=%s%s/impl=%s-%d\t%llu\t%.4g ns/op", opt.bench, FLAVOR, keys, opt.impl, cpus,
	       (unsigned long long)sum.ops, ns_per_op(sum));
	if (samples.n) {
		qsort(samples.ns, samples.n, sizeof *samples.ns, by_value);
		printf("\t%llu p50-%s\t%llu p99-%s", (unsigned long long)percentile(samples.ns, samples.n, 0.50), unit,
		       (unsigned long long)percentile(samples.ns, samples.n, 0.99), unit);
	}
	putchar('\n');
}

/* run_rcu runs ReadSection and Synchronize; it returns 0 when asked for another. */
static int run_rcu(void)
{
	static struct thing thing = { 42 };
	published = &thing; /* before any reader starts */
	samples.max = 1 << 20;
	samples.ns = pages(samples.max * sizeof *samples.ns);

	if (strcmp(opt.bench, "ReadSection") == 0) {
		char readers[32];
		snprintf(readers, sizeof readers, "/readers=%d", opt.cpus);
		report(run_workers(opt.cpus, measured_reader), readers, opt.cpus, "ns");
		return 1;
	}
	if (strcmp(opt.bench, "Synchronize") == 0) {
		report(run_workers(2, synchronize_pair), "/readers=1/updaters=1", 2, "ns");
		return 1;
	}
	return 0;
}

#endif
