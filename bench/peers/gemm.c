/* gemm: one matrix product with constant B at a time, hone's driver against oneDNN's matmul primitive, interleaved on
 * one thread: GFLOP/s (Gop/s of 8-bit products: u8 by s8 with a scale per column, u8 out), medians over the rounds.
 * oneDNN chooses the layout of B itself and is given it reordered; scales and everything else that can be set
 * beforehand are. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oneapi/dnnl/dnnl.h"

#include "../one_node.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/size.h"
#include "device/device.h"
#include "ops/ops.h"

enum { ROUNDS = 21, SLICE_NS = 10000000 };
static const float Y_SCALE = 0.02f;

typedef struct shape {
    const char *name;
    int64_t m, n, k;
} shape;

static const shape SHAPES[] = {
    {"256^3", 256, 256, 256},          {"512^3", 512, 512, 512},          {"2048^3", 2048, 2048, 2048},
    {"BERT", 128, 768, 768},           {"BERT FFN", 128, 3072, 768},      {"MobileNet 1x1", 12544, 64, 32},
    {"ResNet-50 last", 49, 2048, 512}, {"ResNet-50 3x3", 196, 256, 2304}, {"GEMV 4096", 1, 4096, 4096},
    {"4 rows", 4, 4096, 1024},         {"classifier", 1, 1000, 1280},     {"MobileNet 14", 196, 96, 576},
};

typedef struct side {
    double ns[ROUNDS];
    void (*call)(struct side *);
    one_node node; /* hone */
    /* oneDNN */
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_exec_arg_t args[8];
    int nargs;
    bool ready;
    const char *kernel;
} side;

static void must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "gemm: %s failed\n", what);
    exit(1);
}

static void call_hone(side *s)
{
    one_node_run(&s->node);
}

static void call_dnnl(side *s)
{
    must(dnnl_primitive_execute(s->primitive, s->stream, s->nargs, s->args) == dnnl_success &&
             dnnl_stream_wait(s->stream) == dnnl_success,
         "oneDNN");
}

/* Weights as training leaves them: bell-shaped, the largest of a column close to 127. Which of hone's forms they are
 * packed in, and so its speed, depends on that. */
static void fill_trained(int8_t *w, size_t count)
{
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < 6; k++) sum += 42 * hn_rng_unit(&rng) - 21;
        w[i] = (int8_t)sum;
    }
}

/* The product as a node of hone, lowered to its driver; false where only the reference takes it. */
static bool hone_open(side *s, hn_graph *g, const shape *p, hn_dtype dtype)
{
    hn_machine m;
    hn_machine_read(&m);
    bool q = dtype == HN_U8;
    hn_value *in[3] = {one_node_value(g, dtype, false, 2, (const int64_t[]){p->m, p->k}),
                       one_node_value(g, q ? HN_I8 : dtype, true, 2, (const int64_t[]){p->k, p->n}), NULL};
    if (q) {
        fill_trained(in[1]->scratch, (size_t)(p->n * p->k));
        in[2] = one_node_value(g, HN_F32, true, 1, &p->n);
        for (int64_t i = 0; i < p->n; i++) ((float *)in[2]->data->data)[i] = 1e-3f / Y_SCALE;
    }
    hn_node *n =
        hn_node_new(g, NULL, hn_op_find(&hn_ops, q ? "hone" : "", q ? "QGemm" : "MatMul"), NULL, q ? 3 : 2, in, 1);
    must(n != NULL, "node");
    one_node_open(&s->node, n, m.isa);
    if (s->node.driver == NULL) return false;
    s->call = call_hone;
    s->kernel = one_node_kernel(&s->node);
    return s->ready = true;
}

static dnnl_memory_t memory(dnnl_engine_t e, const_dnnl_memory_desc_t d)
{
    dnnl_memory_t m;
    must(dnnl_memory_create(&m, d, e, DNNL_MEMORY_ALLOCATE) == dnnl_success, "oneDNN memory");
    void *p;
    must(dnnl_memory_get_data_handle(m, &p) == dnnl_success, "oneDNN memory");
    memset(p, 1, dnnl_memory_desc_get_size(d));
    return m;
}

static void scale(side *s, dnnl_engine_t e, int arg, int64_t count, float v)
{
    dnnl_memory_desc_t d;
    must(dnnl_memory_desc_create_with_tag(&d, 1, (const dnnl_dims_t){count}, dnnl_f32, dnnl_a) == dnnl_success,
         "oneDNN");
    dnnl_memory_t m = memory(e, d);
    void *p;
    must(dnnl_memory_get_data_handle(m, &p) == dnnl_success, "oneDNN memory");
    for (int64_t i = 0; i < count; i++) ((float *)p)[i] = v;
    s->args[s->nargs++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_SCALES | arg, m};
}

/* False where this oneDNN has no such product. B, in the primitive's own layout, is filled with small values: its speed
 * depends on them in none of the formats. */
static bool dnnl_open(side *s, dnnl_engine_t e, dnnl_stream_t stream, const shape *p, hn_dtype dtype)
{
    bool q = dtype == HN_U8;
    dnnl_data_type_t a = q ? dnnl_u8 : dtype == HN_BF16 ? dnnl_bf16 : dnnl_f32, b = q ? dnnl_s8 : a;
    dnnl_memory_desc_t src, weights, dst;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;
    must(dnnl_memory_desc_create_with_tag(&src, 2, (const dnnl_dims_t){p->m, p->k}, a, dnnl_ab) == dnnl_success &&
             dnnl_memory_desc_create_with_tag(&weights, 2, (const dnnl_dims_t){p->k, p->n}, b, dnnl_format_tag_any) ==
                 dnnl_success &&
             dnnl_memory_desc_create_with_tag(&dst, 2, (const dnnl_dims_t){p->m, p->n}, a, dnnl_ab) == dnnl_success &&
             dnnl_primitive_attr_create(&attr) == dnnl_success,
         "oneDNN descriptor");
    if (q)
        must(dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_WEIGHTS, 2) == dnnl_success &&
                 dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_DST, 0) == dnnl_success,
             "oneDNN scales");
    if (dnnl_matmul_primitive_desc_create(&pd, e, src, weights, NULL, dst, attr) != dnnl_success) return false;
    must(dnnl_primitive_create(&s->primitive, pd) == dnnl_success, "oneDNN primitive");
    s->args[s->nargs++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(e, src)};
    s->args[s->nargs++] =
        (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, memory(e, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0))};
    s->args[s->nargs++] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(e, dst)};
    if (q) {
        scale(s, e, DNNL_ARG_WEIGHTS, p->n, 1e-3f);
        scale(s, e, DNNL_ARG_DST, 1, Y_SCALE);
    }
    s->stream = stream;
    s->call = call_dnnl;
    const char *impl = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&impl);
    s->kernel = strdup(impl);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return s->ready = true;
}

static void dnnl_close(side *s)
{
    for (int i = 0; i < s->nargs; i++) dnnl_memory_destroy(s->args[i].memory);
    dnnl_primitive_destroy(s->primitive);
    free((char *)(uintptr_t)s->kernel);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

static double slice(side *s)
{
    static double t[4096];
    int n = 0;
    uint64_t begin = hn_clock_ns(), now = begin, last;
    do {
        last = now;
        s->call(s);
        now = hn_clock_ns();
        t[n++] = (double)(now - last);
    } while (n < (int)HN_COUNT(t) && now - begin < SLICE_NS);
    return median(t, n);
}

static void duel(hn_env *env, dnnl_engine_t e, dnnl_stream_t stream, const shape *p, hn_dtype dtype, FILE *json,
                 bool first)
{
    hn_arena arena = {0};
    hn_graph *g = hn_graph_new(env, &arena, &hn_ops, "gemm");
    must(g != NULL, "graph");
    side s[2] = {0};
    bool mine = hone_open(&s[0], g, p, dtype), theirs = dnnl_open(&s[1], e, stream, p, dtype);
    double ratio[ROUNDS], ops = 2.0 * (double)p->m * (double)p->n * (double)p->k, ns[2] = {0};
    for (int r = -1; r < ROUNDS; r++)
        for (int k = 0; k < 2; k++) {
            side *x = &s[r % 2 == 0 ? k : !k];
            double t = x->ready ? slice(x) : 0;
            if (r >= 0) x->ns[r] = t;
        }
    for (int r = 0; r < ROUNDS; r++) ratio[r] = mine && theirs ? s[1].ns[r] / s[0].ns[r] : 0;
    for (int k = 0; k < 2; k++) ns[k] = median(s[k].ns, ROUNDS);
    double mid = median(ratio, ROUNDS);
    const char *kind = dtype == HN_U8 ? "int8" : dtype == HN_BF16 ? "bf16" : "f32";
    printf("%-5s %-16s %5lld x %4lld x %4lld", kind, p->name, (long long)p->m, (long long)p->n, (long long)p->k);
    for (int k = 0; k < 2; k++) printf(s[k].ready ? " %9.1f" : "         -", s[k].ready ? ops / ns[k] : 0);
    if (mine && theirs)
        printf(" %6.2f [%.2f %.2f]", mid, ratio[ROUNDS / 4], ratio[ROUNDS * 3 / 4]);
    else
        printf(" %18s", "");
    printf("  %s | %s\n", mine ? s[0].kernel : "reference only", theirs ? s[1].kernel : "");
    fflush(stdout);
    if (json != NULL)
        fprintf(json,
                "%s\n  {\"type\": \"%s\", \"name\": \"%s\", \"m\": %lld, \"n\": %lld, \"k\": %lld, \"hone_us\": %.3f, "
                "\"onednn_us\": %.3f, \"ratio\": %.4f}",
                first ? "" : ",", kind, p->name, (long long)p->m, (long long)p->n, (long long)p->k, ns[0] / 1e3,
                ns[1] / 1e3, mid);
    if (theirs) dnnl_close(&s[1]);
    hn_arena_fini(env, &arena);
}

int main(int argc, char **argv)
{
    static const hn_dtype types[] = {HN_F32, HN_BF16, HN_U8};
    const dnnl_version_t *v = dnnl_version();
    dnnl_engine_t e;
    dnnl_stream_t stream;
    hn_env env;
    hn_machine m;
    hn_env_init(&env);
    hn_machine_read(&m);
    must(dnnl_engine_create(&e, dnnl_cpu, 0) == dnnl_success, "oneDNN engine");
    must(dnnl_stream_create(&stream, e, dnnl_stream_default_flags) == dnnl_success, "oneDNN stream");
    FILE *json = argc > 1 ? fopen(argv[1], "w") : NULL;
    must(argc < 2 || json != NULL, "opening the record");
    printf("%s, %s, 1 thread, oneDNN %d.%d.%d; G(FL)OP/s, medians of %d interleaved rounds; ratio above 1: hone is "
           "faster\n",
           m.cpu, hn_isa_name(m.isa), v->major, v->minor, v->patch, (int)ROUNDS);
    printf("%-5s %-16s %19s %9s %9s %6s [quartiles]  kernels\n", "type", "product", "M x N x K", "hone", "oneDNN",
           "ratio");
    if (json != NULL)
        fprintf(json, "{\"kind\": \"gemm\", \"cpu\": \"%s\", \"onednn\": \"%d.%d.%d\", \"products\": [", m.cpu,
                v->major, v->minor, v->patch);
    for (size_t t = 0; t < HN_COUNT(types); t++)
        for (size_t i = 0; i < HN_COUNT(SHAPES); i++) duel(&env, e, stream, &SHAPES[i], types[t], json, t + i == 0);
    if (json != NULL) {
        fprintf(json, "\n]}\n");
        must(fclose(json) == 0, "writing the record");
    }
    return 0;
}
