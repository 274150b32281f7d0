/* What a sample costs in a batch: one run of N samples in turn with N runs of one, in one process, so that both meet
 * the same machine. The ratio is the median over the turns. Arguments: threads, N, then models; "MODEL@48,192" gives
 * the free dimensions after the first. Without arguments 1 thread, 8 samples and the model of the source. Ends in 1
 * when a model takes more than 1.05 times as long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "optimize/session.h"
#include "optimize/stats.h"

enum { ROUNDS_LEAST = 15, ROUNDS_MOST = 400, INPUTS = 16 };
static const double SECONDS = 4, SLOT_MS = 2;

typedef struct side {
    hn_ready ready;
    hn_tensor in[INPUTS], out[INPUTS];
    const hn_tensor *ref[INPUTS];
} side;

static hn_status make(hn_env *env, hn_arena *arena, hn_session *s, int64_t batch, const char *dims, side *x)
{
    hn_type types[INPUTS];
    size_t nin = hn_session_inputs(s);
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    if (nin > INPUTS || hn_session_outputs(s) > INPUTS) return hn_fail(env, HN_LIMIT, "too many inputs");
    for (size_t i = 0; i < nin; i++) {
        const char *at = dims;
        hn_type *t = &types[i];
        *t = *hn_session_input_type(s, i);
        if (t->kind != HN_KIND_TENSOR || t->rank < 1 || t->dims[0] >= 0)
            return hn_fail(env, HN_UNSUPPORTED, "no free first dimension in input \"%s\"", hn_session_input_name(s, i));
        t->dims[0] = batch;
        for (int d = 1; d < t->rank; d++) {
            if (t->dims[d] >= 0) continue;
            if (!at || !*at) return hn_fail(env, HN_UNSUPPORTED, "another free dimension: say MODEL@SIZE,...");
            t->dims[d] = strtoll(at, (char **)&at, 10);
            at += *at == ',';
        }
        HN_TRY(hn_tensor_init(env, arena, &x->in[i], t->dtype, t->rank, t->dims));
        for (size_t k = 0; k < hn_tensor_elems(&x->in[i]); k++) {
            if (hn_dtype_is_float(t->dtype))
                hn_set_f64(&x->in[i], k, 2 * hn_rng_unit(&rng) - 1);
            else
                hn_set_i64(&x->in[i], k, (int64_t)hn_rng_below(&rng, 2));
        }
        x->ref[i] = &x->in[i];
    }
    HN_TRY(hn_session_ready(env, s, types, &x->ready));
    return hn_instance_run(env, x->ready.inst, x->ref, x->out);
}

static hn_status timed(hn_env *env, side *x, size_t runs, double *ms)
{
    uint64_t begin = hn_clock_ns();
    for (size_t i = 0; i < runs; i++) HN_TRY(hn_instance_run(env, x->ready.inst, x->ref, x->out));
    *ms = (double)(hn_clock_ns() - begin) * 1e-6;
    return HN_OK;
}

static hn_status compare(hn_env *env, hn_session *s, int64_t batch, const char *dims, const char *name, bool *good)
{
    hn_arena arena = {0};
    side one, all;
    double a[ROUNDS_MOST], b[ROUNDS_MOST], r[ROUNDS_MOST], ms;
    size_t rounds = 0;
    hn_status st = make(env, &arena, s, 1, dims, &one);
    if (st == HN_OK) st = make(env, &arena, s, batch, dims, &all);
    if (st == HN_OK) st = timed(env, &all, 2, &ms);
    size_t repeat = st == HN_OK ? 1 + (size_t)(2 * SLOT_MS / ms) : 1;
    uint64_t begin = hn_clock_ns();
    for (; st == HN_OK && rounds < ROUNDS_MOST; rounds++) {
        if (rounds >= ROUNDS_LEAST && (double)(hn_clock_ns() - begin) * 1e-9 > SECONDS) break;
        st = timed(env, &one, repeat * (size_t)batch, &a[rounds]);
        if (st == HN_OK) st = timed(env, &all, repeat, &b[rounds]);
        r[rounds] = b[rounds] / a[rounds];
    }
    if (st == HN_OK) {
        double scale = 1.0 / (double)repeat, ratio = hn_stat_median(r, rounds);
        *good = ratio <= 1.05;
        printf("%-34s %9.3f ms alone, %9.3f ms in a batch, slices of %-3lld  %.2f times as long%s\n", name,
               hn_stat_median(a, rounds) * scale, hn_stat_median(b, rounds) * scale,
               (long long)(batch / (int64_t)all.ready.plan->slices), ratio, *good ? "" : "  short");
    }
    hn_arena_fini(env, &arena);
    return st;
}

int main(int argc, char **argv)
{
    static char model[] = "models/glyph20.onnx", threads[] = "1", samples[] = "8";
    static char *defaults[] = {NULL, threads, samples, model};
    hn_env env;
    int code = 0;
    if (argc < 4) argc = 4, argv = defaults;
    hn_env_init(&env);
    int64_t batch = strtoll(argv[2], NULL, 10);
    if (hn_pool_new(&env, (size_t)strtoull(argv[1], NULL, 10), &env.pool) != HN_OK) return 1;
    for (int i = 3; i < argc; i++) {
        hn_session *s = NULL;
        bool good = true;
        char *dims = strchr(argv[i], '@'), *end = strrchr(argv[i], '/');
        if (dims) *dims++ = 0;
        hn_status st = hn_session_open(&env, argv[i], NULL, &s);
        if (end) *end = 0;
        const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
        if (st == HN_OK) st = compare(&env, s, batch, dims, name, &good);
        if (st != HN_OK) printf("%-34s left out: %s\n", name, env.error.text);
        hn_error_clear(&env);
        hn_session_close(&env, s);
        fflush(stdout);
        code |= !good;
    }
    hn_pool_free(&env, env.pool);
    return code;
}
