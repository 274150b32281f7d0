/* shard: what every row says about cuts, held against its reference. For each case and each way to cut its inputs that
 * the rule allows, the parts' outputs are the parts of the whole output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/opcase.h"
#include "support/oprun.h"

typedef struct bench {
    hn_env env;
    hn_arena arena;
    const hn_op *op;
    hn_cases cases;
    size_t checked;
} bench;

#define MUST(b, c, expr)                                                                               \
    do {                                                                                               \
        if ((expr) != HN_OK)                                                                           \
            fail_msg("%s, case \"%s\": %s: %s", (b)->op->name, (c)->name, #expr, (b)->env.error.text); \
    } while (0)

/* t[.., from:from + n, ..] along `axis`. */
static hn_tensor *part(bench *b, const hn_tensor *t, int axis, int64_t from, int64_t n)
{
    hn_tensor *p = hn_arena_alloc(&b->env, &b->arena, sizeof *p);
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = n;
    assert_non_null(p);
    assert_int_equal(hn_tensor_init(&b->env, &b->arena, p, t->dtype, t->rank, dims), HN_OK);
    size_t inner = hn_dims_elems(t->rank, t->dims, axis + 1, t->rank), outer = hn_dims_elems(t->rank, t->dims, 0, axis);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < (size_t)n * inner; i++) {
            size_t to = o * (size_t)n * inner + i, at = (o * (size_t)t->dims[axis] + (size_t)from) * inner + i;
            if (t->dtype == HN_STRING)
                ((hn_str *)p->data)[to] = ((const hn_str *)t->data)[at];
            else if (hn_dtype_is_int(t->dtype) || t->dtype == HN_BOOL)
                hn_set_i64(p, to, hn_get_i64(t, at));
            else
                hn_set_f64(p, to, hn_get_f64(t, at));
        }
    return p;
}

/* The sizes that a part of the output has, in place of those of the whole. */
static hn_tensor *sizes_of(bench *b, const hn_tensor *like, const hn_tensor *y, int axis, int64_t n)
{
    hn_tensor *t = hn_arena_alloc(&b->env, &b->arena, sizeof *t);
    assert_non_null(t);
    assert_int_equal(hn_tensor_init(&b->env, &b->arena, t, like->dtype, 1, (const int64_t[]){y->rank}), HN_OK);
    for (int d = 0; d < y->rank; d++) hn_set_i64(t, (size_t)d, d == axis ? n : y->dims[d]);
    return t;
}

static bool tells_sizes(const hn_op *op)
{
    return strcmp(op->name, "Reshape") == 0 || strcmp(op->name, "Expand") == 0 || strcmp(op->name, "Resize") == 0;
}

static void check_parts(bench *b, const hn_case_row *c, const int *in, const int *out, uint32_t sizes,
                        hn_tensor *const *whole, int64_t n)
{
    for (int64_t from = 0, len = 1; from < n; from += len, len = n - from) {
        const hn_tensor *cut[HN_CASE_PORTS] = {NULL};
        hn_tensor *got[HN_CASE_PORTS] = {NULL};
        hn_opcase o;
        for (size_t i = 0; i < c->nin; i++) {
            cut[i] = c->in[i];
            if (cut[i] && in[i] != HN_WHOLE) cut[i] = part(b, c->in[i], in[i], from, len);
            if (cut[i] && i > 0 && sizes >> i & 1 && tells_sizes(b->op))
                cut[i] = sizes_of(b, c->in[i], whole[0], out[0], len);
        }
        MUST(b, c, hn_opcase_graph(&b->env, &b->arena, b->op, c, cut, HN_TOLD_ALL, &o));
        MUST(b, c, hn_opcase_run(&b->env, &b->arena, &o, got));
        for (size_t k = 0; k < o.n->nout; k++) {
            if (!whole[k]) continue;
            assert_non_null(got[k]);
            const hn_tensor *want = part(b, whole[k], out[k], from, len);
            if (hn_tensor_excess(got[k], want, 1e-6, 1e-6) == 0) continue;
            fail_msg("%s, case \"%s\": input 0 cut at axis %d, output %zu at axis %d: the part from %lld differs",
                     b->op->name, c->name, in[0], k, out[k], (long long)from);
        }
        b->checked++;
    }
}

/* Every choice of whole or one axis for each input whose cut axes have the same size, two or more; of many inputs only
 * the first four are cut. */
static void try_cuts(bench *b, const hn_case_row *c, const hn_opcase *o, hn_tensor *const *whole, size_t at, int *in,
                     int64_t n)
{
    int out[HN_CASE_PORTS];
    uint32_t sizes = 0;
    if (at == c->nin) {
        if (n > 1 && hn_op_shard(o->n, in, out, &sizes)) check_parts(b, c, in, out, sizes, whole, n);
        return;
    }
    in[at] = HN_WHOLE;
    try_cuts(b, c, o, whole, at + 1, in, n);
    for (int d = 0; c->in[at] && (at < 4 || c->nin <= 7) && d < c->in[at]->rank; d++) {
        int64_t here = c->in[at]->dims[d];
        if (here < 2 || (n > 0 && here != n)) continue;
        in[at] = d;
        try_cuts(b, c, o, whole, at + 1, in, here);
    }
    in[at] = HN_WHOLE;
}

static bool lists(const hn_case_row *c)
{
    bool any = false;
    for (size_t i = 0; i < c->nin; i++) any = any || (c->in[i] && hn_dtype_is_list(c->in[i]->dtype));
    return any;
}

static void test_row(void **state)
{
    bench b = {.op = *state};
    hn_env_init(&b.env);
    assert_int_equal(hn_opcases(&b.env, &b.arena, b.op, &b.cases), HN_OK);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        hn_tensor *whole[HN_CASE_PORTS] = {NULL};
        int in[HN_CASE_PORTS];
        hn_opcase o;
        if (c->flags & HN_CASE_FAILS || lists(c)) continue;
        MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, NULL, HN_TOLD_ALL, &o));
        MUST(&b, c, hn_node_infer(o.n));
        MUST(&b, c, hn_opcase_run(&b.env, &b.arena, &o, whole));
        for (size_t i = 0; i < HN_CASE_PORTS; i++) in[i] = HN_WHOLE;
        try_cuts(&b, c, &o, whole, 0, in, 0);
    }
    if (b.op->shard && b.checked == 0) fail_msg("%s has a shard rule that no case follows", b.op->name);
    if (b.op->flags & HN_OP_RANDOM) assert_int_equal(b.checked, 0);
    hn_arena_fini(&b.env, &b.arena);
}

int main(void)
{
    const char *only = getenv("HONE_TEST_OP");
    struct CMUnitTest *tests = calloc(hn_ops.count + 1, sizeof *tests);
    size_t n = 0;
    if (!tests) return 1;
    for (size_t i = 0; i < hn_ops.count; i++) {
        const hn_op *op = hn_ops.rows[i];
        if ((only && strcmp(only, op->name) != 0) || op->flags & HN_OP_CONTROL) continue;
        tests[n++] = (struct CMUnitTest){.name = op->name, .test_func = test_row, .initial_state = (void *)op};
    }
    int failed = _cmocka_run_group_tests("shard", tests, n, NULL, NULL);
    free(tests);
    return failed;
}
