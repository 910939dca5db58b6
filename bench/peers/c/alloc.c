/*
 * alloc.c: the allocator workloads over malloc and free, for whichever library
 * LD_PRELOAD put in front of them.
 *
 *	alloc -bench Pair -size 64 -cpu 2 -benchtime 100ms -impl mimalloc
 *
 * One operation is one allocation with its free. The loops have the shape of
 * this project's own scenarios; ../README.md describes each. Some
 * implementations are no allocator: `ring` is ProdCons with objects of an
 * array, `popped` counts them besides, `loop` counts, to show what a second CPU of
 * this machine adds. `bare`, `checked`, `drained` and `leased` are hardly any: programs
 * built of the same files with bare.h in malloc's place, for the workloads whose
 * objects stay on their thread.
 *
 * Build with -fno-builtin: the compiler may otherwise drop a malloc whose
 * object is only freed.
 */
#include "alloc.h"
#include <dlfcn.h>

static const struct workload {
	const char *name, *impl; /* impl: NULL stands for any allocator */
	int live, pairs;         /* pairs: workers come in twos */
	int own;                 /* objects stay on their thread */
	void (*body)(struct worker *);
} workloads[] = {
	{ "Loop", "loop", 1, 0, 0, loop },
	{ "Pair", NULL, 1, 0, 1, pair },
	{ "Pair", NULL, 2, 0, 1, pair_of_two },
	{ "Batch10k", NULL, 1, 0, 1, batch10k },
	{ "RandomLive100k", NULL, 1, 0, 1, random_live },
	{ "ProdCons", NULL, 1, 1, 0, prodcons },
	{ "ProdCons", "ring", 1, 1, 0, prodcons_bare },
	{ "ProdCons", "popped", 1, 1, 0, prodcons_popped },
	{ "Larson", NULL, 1, 0, 0, larson },
	{ "Xmalloc", NULL, 1, 1, 0, xmalloc },
	{ "MStress", NULL, 1, 0, 0, NULL },
	{ "Sh6", NULL, 1, 0, 1, sh6 },
};

static const struct workload *find_workload(void)
{
	const size_t n = sizeof workloads / sizeof *workloads;
	int special = !!strstr("ring popped loop", opt.impl);
#ifdef BARE
	const int hardly = 1;
	const char *const any = BARE;
#else
	const int hardly = 0;
	const char *const any = "glibc|mimalloc|jemalloc|tcmalloc";
#endif
	for (size_t i = 0; i < n; i++) {
		const struct workload *l = &workloads[i];
		if (strcmp(l->name, opt.bench) == 0 && l->live == opt.live &&
		    (l->impl ? strcmp(l->impl, opt.impl) == 0 : !special && (l->own || !hardly)))
			return l;
	}
	fprintf(stderr, "alloc: no workload for -bench %s -live %d -impl %s; legal are\n", opt.bench, opt.live, opt.impl);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "\t-bench %s -live %d -impl %s\n", workloads[i].name, workloads[i].live,
			workloads[i].impl ? workloads[i].impl : any);
	exit(2);
}

/* A missing LD_PRELOAD is only a warning of the loader's: without this check glibc would be measured in its name. */
static void check_library(void)
{
#ifdef BARE
	if (strcmp(opt.impl, BARE) != 0)
		die("alloc: -impl %s, but this program is %s", opt.impl, BARE);
#else
	Dl_info info;
	const char *want = strcmp(opt.impl, "glibc") == 0 ? "libc.so" : opt.impl;
	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) || !strstr(info.dli_fname, want))
		die("alloc: -impl %s, but malloc comes from %s", opt.impl, info.dli_fname);
#endif
}

static void report(struct sum sum)
{
	printf("Benchmark%s", opt.bench);
	if (strcmp(opt.impl, "loop") != 0)
		printf("/api=malloc/flags=none/size=%zu", opt.size);
	if (opt.live == 2)
		printf("/live=2");
	printf("/impl=%s-%d\t%llu\t%.4g ns/op\n", opt.impl, opt.cpus, (unsigned long long)sum.ops, ns_per_op(sum));
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	const struct workload *l = find_workload();
	if (!l->impl)
		check_library();
	if (l->pairs && opt.cpus % 2)
		die("alloc: %s needs an even number of CPUs, not %d", opt.bench, opt.cpus);
	if (l->pairs)
		set_up_pairs(opt.cpus / 2);

	report(l->body ? run_workers(opt.cpus, l->body) : mstress(opt.cpus));
	return 0;
}
