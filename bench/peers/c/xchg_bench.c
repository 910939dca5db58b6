/*
 * xchg_bench.c: one xchg to enter a section and one to leave. No RCU, but the
 * price of its mb flavour in versions of liburcu newer than the packaged one.
 */
#include "bench.h"

static _Thread_local _Alignas(LINE_PAD) atomic_ulong word;

#define FLAVOR "mb"
#define dereference(p) (*(__typeof__(p) volatile *)&(p))

static inline void lock(void) { atomic_exchange(&word, 1); }
static inline void unlock(void) { atomic_exchange(&word, 0); }
static inline void quiescent(void) {}
static inline void join(struct worker *w) { (void)w; }
static inline void quit(void) {}
static inline void synchronize(void) { die("xchg: no grace periods"); }

#include "rcu.h"

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	if (strcmp(opt.bench, "ReadSection") != 0 || !run_rcu())
		die("xchg_bench: no benchmark %s; legal is ReadSection", opt.bench);
	return 0;
}
