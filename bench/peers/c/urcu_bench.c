/*
 * urcu_bench.c: liburcu, in the flavour that the build chose by one of
 * -DRCU_MEMBARRIER, -DRCU_MB and -DRCU_QSBR. With _LGPL_SOURCE its sections
 * are inlined into ours.
 */
#define _LGPL_SOURCE
#include "bench.h"
#if defined(RCU_QSBR)
#include <urcu-qsbr.h>
#define FLAVOR "qsbr"
#elif defined(RCU_MB)
#include <urcu.h>
#define FLAVOR "mb"
#elif defined(RCU_MEMBARRIER)
#include <urcu.h>
#define FLAVOR "memb"
#else
#error "choose a flavour: -DRCU_MEMBARRIER, -DRCU_MB or -DRCU_QSBR"
#endif

#define dereference(p) rcu_dereference(p)

static inline void lock(void) { rcu_read_lock(); }
static inline void unlock(void) { rcu_read_unlock(); }
static inline void quiescent(void) { rcu_quiescent_state(); }

static inline void join(struct worker *w)
{
	(void)w;
	rcu_register_thread();
}

static inline void quit(void) { rcu_unregister_thread(); }
static inline void synchronize(void) { synchronize_rcu(); }

#include "rcu.h"

/* A callback. While it is in flight its place in the ring is busy. */
struct deferred {
	struct rcu_head head;
	uint64_t queued; /* when; 0 when it is not timed */
	atomic_int busy;
};

enum { OUTSTANDING = 1 << 18, TIMED = 64 }; /* one callback in 64 is timed: a clock costs a fifth of a callback */

static struct {
	struct deferred ring[OUTSTANDING];
	_Alignas(LINE_PAD) atomic_ulong done; /* the callback thread alone writes it */
} *calls;

static void run_callback(struct rcu_head *head)
{
	struct deferred *d = caa_container_of(head, struct deferred, head);
	if (d->queued)
		sample(now() - d->queued);
	atomic_store_explicit(&d->busy, 0, memory_order_release);
	unsigned long done = atomic_load_explicit(&calls->done, memory_order_relaxed);
	atomic_store_explicit(&calls->done, done + 1, memory_order_release);
}

/* wait_offline waits without holding up grace periods. */
static inline void wait_offline(unsigned *turns)
{
	rcu_thread_offline();
	relax(turns);
	rcu_thread_online();
}

static void caller(struct worker *w)
{
	enum { CHUNK = 1024 };
	unsigned turns = 0;
	uint64_t queued = 0;
	join(w);
	begin(w);
	do {
		for (int i = 0; i < CHUNK; i++) {
			struct deferred *d = &calls->ring[queued++ % OUTSTANDING];
			while (atomic_load_explicit(&d->busy, memory_order_acquire))
				wait_offline(&turns);
			atomic_store_explicit(&d->busy, 1, memory_order_relaxed);
			d->queued = i % TIMED == 0 ? now() : 0;
			call_rcu(&d->head, run_callback);
		}
		quiescent();
	} while (more(w, CHUNK));
	while (atomic_load_explicit(&calls->done, memory_order_acquire) != queued)
		wait_offline(&turns);
	more(w, 0);
	quit();
	atomic_store(&stop, 1);
}

static void call_pair(struct worker *w)
{
	if (w->cpu == 0)
		caller(w);
	else
		busy_reader(w);
}

/* Every liburcu program has a thread that runs callbacks; made here it is bound to no CPU. */
static void run_call(void)
{
	calls = pages(sizeof *calls);
	rcu_register_thread();
	get_default_call_rcu_data();
	rcu_unregister_thread();
	report(run_workers(2, call_pair), "/readers=1/updaters=1", 2, "latency-ns");
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	if (run_rcu())
		return 0;
	if (strcmp(opt.bench, "Call") != 0)
		die("urcu_bench: no benchmark %s; legal are ReadSection, Synchronize and Call", opt.bench);
	run_call();
	return 0;
}
