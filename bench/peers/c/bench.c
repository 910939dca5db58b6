/* bench.c: see bench.h. */
#include "bench.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/mman.h>

struct options opt = { .bench = "", .impl = "", .size = 64, .live = 1, .cpus = 1, .time_ns = 100000000 };

static atomic_int waiting_at_start;

void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		die("mmap of %zu bytes: %s", bytes, strerror(errno));
	return p;
}

int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* pin binds the calling thread to the nth CPU of those the process started with. */
static void pin(int nth)
{
	cpu_set_t allowed, one;
	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
		return;
	nth %= CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || nth-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof one, &one);
		return;
	}
}

void spawn(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, fn, arg);
	if (err)
		die("pthread_create: %s", strerror(err));
}

static void *run_body(void *arg)
{
	struct worker *w = arg;
	pin(w->cpu);
	w->body(w);
	return NULL;
}

void begin(struct worker *w)
{
	unsigned turns = 0;
	atomic_fetch_sub(&waiting_at_start, 1);
	while (atomic_load(&waiting_at_start) > 0)
		relax(&turns);
	w->start = now();
}

void serve(struct worker *w)
{
	atomic_fetch_sub(&waiting_at_start, 1);
	w->start = now();
}

struct sum run_workers(int n, void (*body)(struct worker *))
{
	struct sum sum = { 0 };
	struct worker *w = pages((size_t)n * sizeof *w);

	atomic_store(&waiting_at_start, n);
	for (int i = 0; i < n; i++) {
		w[i].cpu = i;
		w[i].rng = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
		w[i].body = body;
		spawn(&w[i].thread, run_body, &w[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		sum.ops += w[i].ops;
		sum.ns += w[i].ops ? w[i].ns : 0;
	}
	munmap(w, (size_t)n * sizeof *w);
	return sum;
}

static uint64_t parse_time(const char *s)
{
	char *unit;
	double x = strtod(s, &unit);
	if (strcmp(unit, "ms") == 0 && x > 0)
		return (uint64_t)(x * 1e6);
	if (strcmp(unit, "s") == 0 && x > 0)
		return (uint64_t)(x * 1e9);
	die("-benchtime %s: want a positive time such as 100ms or 1s", s);
}

static long parse_count(const char *flag, const char *s, long min, long max)
{
	char *end;
	long n = strtol(s, &end, 10);
	if (*s == '\0' || *end != '\0' || n < min || n > max)
		die("-%s %s: want a number from %ld to %ld", flag, s, min, max);
	return n;
}

void parse_options(int argc, char **argv)
{
	static const struct option flags[] = {
		{ "bench", required_argument, NULL, 'b' }, { "benchtime", required_argument, NULL, 't' },
		{ "size", required_argument, NULL, 's' },  { "cpu", required_argument, NULL, 'c' },
		{ "live", required_argument, NULL, 'l' },  { "impl", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	for (int c; (c = getopt_long_only(argc, argv, "", flags, NULL)) != -1;) {
		switch (c) {
		case 'b': opt.bench = optarg; break;
		case 'i': opt.impl = optarg; break;
		case 't': opt.time_ns = parse_time(optarg); break;
		case 's': opt.size = (size_t)parse_count("size", optarg, 8, 1 << 20); break;
		case 'c': opt.cpus = (int)parse_count("cpu", optarg, 1, 1024); break;
		case 'l': opt.live = (int)parse_count("live", optarg, 1, 2); break;
		default: exit(2);
		}
	}
}
