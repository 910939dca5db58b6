/*
 * bare_qsbr.c: the least that grace periods of quiescent states can be: one reader
 * and one updater, a word for each, no fence, nobody registers, nobody sleeps, and
 * there are no callbacks. The reader must learn of the epoch, so one cache line
 * comes to it between two quiescent states. It shows how much of a goal is left for a
 * library.
 */
#include "bench.h"

static _Alignas(LINE_PAD) atomic_ulong epoch; /* the updater writes it */
static _Alignas(LINE_PAD) atomic_ulong word;  /* the last epoch that the reader has seen */

#define FLAVOR "qsbr"
#define dereference(p) (*(__typeof__(p) volatile *)&(p))

static inline void lock(void) {}
static inline void unlock(void) {}
static inline void join(struct worker *w) { (void)w; }
static inline void quit(void) {}

static inline void quiescent(void)
{
	unsigned long e = atomic_load_explicit(&epoch, memory_order_acquire);
	if (e != atomic_load_explicit(&word, memory_order_relaxed))
		atomic_store_explicit(&word, e, memory_order_release);
}

static inline void synchronize(void)
{
	unsigned turns = 0;
	unsigned long e = atomic_load_explicit(&epoch, memory_order_relaxed) + 1;
	atomic_store_explicit(&epoch, e, memory_order_release);
	while (atomic_load_explicit(&word, memory_order_acquire) != e)
		relax(&turns);
}

#include "rcu.h"

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	if (!run_rcu())
		die("bare_qsbr: no benchmark %s; legal are ReadSection and Synchronize", opt.bench);
	return 0;
}
