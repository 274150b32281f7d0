/* edge: byte buffers that end at a page that may not be touched, so that a read or write past the end stops the test;
 * the bytes before carry a sentinel. */
#ifndef HN_TEST_EDGE_H
#define HN_TEST_EDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rng.h"

enum { EDGE_BEFORE = 64, EDGE_MARK = 0xa7 };

typedef struct edge {
    uint8_t *map, *p;
    size_t mapped, n;
} edge;

/* p has no alignment but that of n's end at a page. */
static inline edge edge_new(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (n + EDGE_BEFORE + page - 1) / page * page;
    edge e = {.mapped = body + page, .n = n};
    e.map = mmap(NULL, e.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (e.map == MAP_FAILED || mprotect(e.map + body, page, PROT_NONE) != 0) abort();
    memset(e.map, EDGE_MARK, body);
    e.p = e.map + body - n;
    return e;
}
static inline bool edge_intact(const edge *e)
{
    bool ok = true;
    for (size_t i = 1; i <= EDGE_BEFORE; i++) ok = ok && e->p[-(ptrdiff_t)i] == EDGE_MARK;
    return ok;
}
static inline void edge_free(edge *e)
{
    munmap(e->map, e->mapped);
}
/* Uniform bytes; with `extremes` only 0, 1, 127, 128, 129, 255. */
static inline void edge_fill(edge *e, hn_rng *rng, bool extremes)
{
    static const uint8_t odd[] = {0, 1, 127, 128, 129, 255};
    for (size_t i = 0; i < e->n; i++) {
        uint64_t v = (uint64_t)(hn_rng_unit(rng) * 256.0);
        e->p[i] = extremes ? odd[v % sizeof odd] : (uint8_t)v;
    }
}

#endif
