/* graphgen: random valid graphs with inputs. Nodes are put one behind the other on values at hand, each run at once
 * through its row's reference, so that shapes fit, data are in range and results stay finite. Same seed, same graph. */
#ifndef HN_TEST_SUPPORT_GRAPHGEN_H
#define HN_TEST_SUPPORT_GRAPHGEN_H

#include "base/rng.h"
#include "ir/graph.h"

enum { HN_GEN_INPUTS = 48, HN_GEN_POOL = 160 };

typedef struct hn_gen {
    hn_env *env;
    hn_arena *arena;
    hn_rng rng;
    hn_graph *g;
    const hn_tensor *in[HN_GEN_INPUTS]; /* of the graph, in order */
    hn_value *v[HN_GEN_POOL];           /* what further nodes may use */
    const hn_tensor *t[HN_GEN_POOL];    /* its data by the reference kernels */
    size_t n;
    size_t nodes;
    bool wide; /* channels and images of tens: full tiles of kernels and their tails */
} hn_gen;

/* A graph of about `size` nodes, one in 16 a wide one; everything in the arena. */
hn_status hn_gen_graph(hn_env *env, hn_arena *arena, uint64_t seed, size_t size, hn_gen *out) HN_MUST_CHECK;
/* The case generators of the rows, made once and shared; freed by hn_gen_done. */
hn_status hn_gen_begin(hn_env *env) HN_MUST_CHECK;
void hn_gen_done(void);

#endif
