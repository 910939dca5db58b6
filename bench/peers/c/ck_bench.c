/*
 * ck_bench.c: Concurrency Kit's epoch. It fences when a section begins, as the
 * mb flavour does, so it stands beside that one.
 */
#include "bench.h"
#include <ck_epoch.h>

#define FLAVOR "mb"
#define dereference(p) ((struct thing *)ck_pr_load_ptr(&(p)))

static ck_epoch_t epoch;
static _Thread_local ck_epoch_record_t *record;

static inline void lock(void) { ck_epoch_begin(record, NULL); }
static inline void unlock(void) { ck_epoch_end(record, NULL); }
static inline void quiescent(void) {}

static inline void join(struct worker *w)
{
	static ck_epoch_record_t records[1024] __attribute__((aligned(LINE_PAD)));
	record = &records[w->cpu];
	ck_epoch_register(&epoch, record, NULL);
}

static inline void quit(void) { ck_epoch_unregister(record); }
static inline void synchronize(void) { ck_epoch_synchronize(record); }

#include "rcu.h"

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	ck_epoch_init(&epoch);
	if (!run_rcu())
		die("ck_bench: no benchmark %s; legal are ReadSection and Synchronize", opt.bench);
	return 0;
}
