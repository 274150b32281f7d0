/* drive: one node through every driver that takes it, on every instruction set of this machine, against the row's
 * reference: outputs within tolerance, nothing written outside them, the same bytes for one and two threads. */
#ifndef HN_TEST_SUPPORT_DRIVE_H
#define HN_TEST_SUPPORT_DRIVE_H

#include "base/rng.h"
#include "device/device.h"

enum { DRIVE_PORTS = 16 };

typedef struct drive {
    hn_env env;
    hn_arena arena;
    hn_rng rng;
    hn_graph *g;
    hn_node *node;
    hn_value *in[DRIVE_PORTS];
    const hn_tensor *data[DRIVE_PORTS];
    size_t nin;
    hn_pool *pool;
    size_t taken;    /* driver and instruction set pairs that ran */
    bool unsuitable; /* types unknown or the reference refused: nothing was compared */
} drive;

void drive_begin(drive *d, uint64_t seed);
void drive_end(drive *d);
/* The next input: uniform f32 values in [lo, hi). */
hn_tensor *drive_rand(drive *d, bool constant, int rank, const int64_t *dims, double lo, double hi);
void drive_tensor(drive *d, bool constant, const hn_tensor *t);
void drive_absent(drive *d);
hn_node *drive_node(drive *d, const char *op, size_t nout);
/* Runs; fails the test on a difference. `must` names a driver that has to take the node on this machine's best
 * instruction set; NULL: none has to. */
void drive_check(drive *d, const char *must, double rtol, double atol);

#define DRIVE_DIMS(...)                                                                \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }

#endif
