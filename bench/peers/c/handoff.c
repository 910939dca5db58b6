/* handoff.c: workloads in which one thread allocates and another frees. */
#include "alloc.h"

/*
 * ProdCons: batches of 256 over a bounded ring; the producer writes a word into
 * each object, the consumer reads it and frees the object. The bare ring does
 * all of this but the allocating, with objects of an array in rotation. Its producer
 * may count them besides, as one counts who takes them off a stack that others could
 * take away: busy, one less, not busy.
 */
enum { BATCH = 256, SLOTS = 16 };

struct ring {
	_Alignas(LINE_PAD) atomic_ulong head; /* batches consumed; the consumer writes it */
	_Alignas(LINE_PAD) atomic_ulong tail; /* batches produced; the producer writes it */
	_Alignas(LINE_PAD) atomic_int closed; /* set after the last batch */
	_Alignas(LINE_PAD) void *slot[SLOTS][BATCH];
};

static struct ring *rings; /* one for each pair of workers */

enum source { MALLOC, RING, POPPED };

static _Thread_local struct {
	volatile uint64_t n;
	volatile uint32_t busy;
} popped;

/* produce takes its objects from malloc, or else from an array in rotation. */
static inline __attribute__((always_inline)) void produce(struct worker *w, struct ring *r, enum source source)
{
	char *pool = source == MALLOC ? NULL : pages((SLOTS + 1) * BATCH * opt.size);
	unsigned turns = 0;
	unsigned long tail = 0;
	begin_after(w, WARM_PRODCONS);
	do {
		while (tail - atomic_load_explicit(&r->head, memory_order_acquire) == SLOTS)
			relax(&turns);
		void **batch = r->slot[tail % SLOTS];
		size_t first = tail % (SLOTS + 1) * BATCH;
		for (size_t i = 0; i < BATCH; i++) {
			if (source == POPPED) {
				popped.busy = 1;
				popped.n = first + i;
				popped.busy = 0;
			}
			touch(batch[i] = pool ? pool + (first + i) * opt.size : get(), i);
		}
		atomic_store_explicit(&r->tail, ++tail, memory_order_release);
	} while (more(w, BATCH));
	atomic_store(&r->closed, 1);
}

static void consume(struct worker *w, struct ring *r, int bare)
{
	unsigned turns = 0;
	uint64_t sum = 0;
	serve(w);
	for (unsigned long head = 0;; head++) {
		while (head == atomic_load_explicit(&r->tail, memory_order_acquire)) {
			if (atomic_load(&r->closed) && head == atomic_load(&r->tail))
				return;
			relax(&turns);
		}
		void **batch = r->slot[head % SLOTS];
		for (int i = 0; i < BATCH; i++) {
			sum += *(volatile uint64_t *)batch[i];
			if (!bare)
				put(batch[i]);
		}
		__asm__ volatile("" : : "r"(sum));
		atomic_store_explicit(&r->head, head + 1, memory_order_release);
	}
}

/* The producers' time alone counts: an object takes one alloc and one free, side by side. */
static inline __attribute__((always_inline)) void prodcons_over(struct worker *w, enum source source)
{
	struct ring *r = &rings[w->cpu / 2];
	if (w->cpu % 2 == 0)
		produce(w, r, source);
	else
		consume(w, r, source != MALLOC);
}

void prodcons(struct worker *w) { prodcons_over(w, MALLOC); }
void prodcons_bare(struct worker *w) { prodcons_over(w, RING); }
void prodcons_popped(struct worker *w) { prodcons_over(w, POPPED); }

/* Xmalloc: batches of 4,096 from producers to consumers through one locked LIFO of at most 100. */
struct batch {
	struct batch *next;
	void *obj[4096];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_full, not_empty;
	struct batch *full, *empty;
	int producers; /* still at work */
} exchange = { .lock = PTHREAD_MUTEX_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER };

static void push(struct batch **list, pthread_cond_t *wake, struct batch *b)
{
	pthread_mutex_lock(&exchange.lock);
	b->next = *list;
	*list = b;
	pthread_cond_signal(wake);
	pthread_mutex_unlock(&exchange.lock);
}

/* pop waits for a batch; NULL when none can come any more. */
static struct batch *pop(struct batch **list, pthread_cond_t *wake)
{
	pthread_mutex_lock(&exchange.lock);
	while (!*list && exchange.producers > 0)
		pthread_cond_wait(wake, &exchange.lock);
	struct batch *b = *list;
	if (b)
		*list = b->next;
	pthread_mutex_unlock(&exchange.lock);
	return b;
}

static void xmalloc_producer(struct worker *w)
{
	begin(w);
	do {
		struct batch *b = pop(&exchange.empty, &exchange.not_full);
		for (int i = 0; i < 4096; i++)
			touch(b->obj[i] = get(), (uint64_t)i);
		push(&exchange.full, &exchange.not_empty, b);
	} while (more(w, 4096));
	pthread_mutex_lock(&exchange.lock);
	exchange.producers--;
	pthread_cond_broadcast(&exchange.not_empty);
	pthread_mutex_unlock(&exchange.lock);
}

static void xmalloc_consumer(struct worker *w)
{
	begin(w);
	for (struct batch *b; (b = pop(&exchange.full, &exchange.not_empty));) {
		for (int i = 0; i < 4096; i++)
			put(b->obj[i]);
		push(&exchange.empty, &exchange.not_full, b);
	}
}

void xmalloc(struct worker *w)
{
	if (w->cpu % 2 == 0)
		xmalloc_producer(w);
	else
		xmalloc_consumer(w);
}

void set_up_pairs(int pairs)
{
	rings = pages((size_t)pairs * sizeof *rings);
	exchange.producers = pairs;
	for (int i = 0; i < 100; i++)
		push(&exchange.empty, &exchange.not_full, pages(sizeof(struct batch)));
}
