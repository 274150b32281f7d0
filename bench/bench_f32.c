/* Speed of the float32 drivers on one node at a time, one thread: GFLOP/s, the share of the peak that a loop of nothing
 * but fused multiply-adds reaches in the same run, and GB/s of inputs, weights and outputs counted once. Best of
 * several runs. Arguments: the instruction set to stay within (default auto), numerics (fast, strict), a part of the
 * name of what to measure. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/clock.h"
#include "base/rng.h"
#include "base/size.h"
#include "device/device.h"
#include "one_node.h"
#include "ops/ops.h"

typedef struct shape {
    const char *name;
    int64_t m, n, k; /* a product with constant B */
} shape;

static const shape PRODUCTS[] = {
    {"256^3", 256, 256, 256},           {"512^3", 512, 512, 512},     {"2048^3", 2048, 2048, 2048},
    {"bert 768", 128, 768, 768},        {"bert ffn", 128, 3072, 768}, {"resnet50 last", 49, 2048, 512},
    {"gemv 4096", 1, 4096, 4096},       {"4 rows", 4, 4096, 1024},    {"tiny ad", 1, 128, 640},
    {"mnv2 classifier", 1, 1001, 1280}, {"lstm 128", 1, 512, 128},    {"gru 256", 1, 512, 256},
    {"gru 400", 1, 800, 400},
};

typedef struct image {
    const char *name;
    int64_t c, h, m, k, s, group;
    int in_first;
} image;

static const image IMAGES[] = {
    {"mnv2 first 224", 3, 224, 32, 3, 2, 1, 1},
    {"mnv2 dw 112 32", 32, 112, 32, 3, 1, 32, 0},
    {"mnv2 pw 112 32>16", 32, 112, 16, 1, 1, 1, 0},
    {"mnv2 pw 112 16>96", 16, 112, 96, 1, 1, 1, 0},
    {"mnv2 dw 112/2 96", 96, 112, 96, 3, 2, 96, 0},
    {"mnv2 pw 56 144>24", 144, 56, 24, 1, 1, 1, 0},
    {"mnv2 dw 56 144", 144, 56, 144, 3, 1, 144, 0},
    {"mnv2 pw 28 192>32", 192, 28, 32, 1, 1, 1, 0},
    {"mnv2 dw 28 192", 192, 28, 192, 3, 1, 192, 0},
    {"mnv2 pw 14 384>64", 384, 14, 64, 1, 1, 1, 0},
    {"mnv2 dw 14 384", 384, 14, 384, 3, 1, 384, 0},
    {"mnv2 pw 7 960>160", 960, 7, 160, 1, 1, 1, 0},
    {"mnv2 dw 7 960", 960, 7, 960, 3, 1, 960, 0},
    {"mnv2 pw 7 320>1280", 320, 7, 1280, 1, 1, 1, 0},
    {"squeeze 3x3 55", 16, 55, 64, 3, 1, 1, 0},
    {"squeeze 3x3 27", 32, 27, 128, 3, 1, 1, 0},
    {"squeeze 3x3 13", 64, 13, 256, 3, 1, 1, 0},
    {"resnet20 32", 16, 32, 16, 3, 1, 1, 0},
    {"resnet20 16", 32, 16, 32, 3, 1, 1, 0},
    {"resnet20 8", 64, 8, 64, 3, 1, 1, 0},
    {"resnet50 3x3 14", 256, 14, 256, 3, 1, 1, 0},
    {"3x3 56 64", 64, 56, 64, 3, 1, 1, 0},
    {"3x3 28 128", 128, 28, 128, 3, 1, 1, 0},
    {"3x3 7 512", 512, 7, 512, 3, 1, 1, 0},
    {"3x3 7 64", 64, 7, 64, 3, 1, 1, 0},
    {"3x3 4 64", 64, 4, 64, 3, 1, 1, 0},
    {"3x3 2 64", 64, 2, 64, 3, 1, 1, 0},
    {"3x3 32 8>8", 8, 32, 8, 3, 1, 1, 0},
    {"3x3 32 8>16", 8, 32, 16, 3, 1, 1, 0},
    {"3x3 32 16>8", 16, 32, 8, 3, 1, 1, 0},
    {"3x3 32 32>12", 32, 32, 12, 3, 1, 1, 0},
    {"3x3 32 24>24", 24, 32, 24, 3, 1, 1, 0},
    {"3x3/2 32 16>32", 16, 32, 32, 3, 2, 1, 0},
    {"3x3/2 16 32>64", 32, 16, 64, 3, 2, 1, 0},
    {"ppocr 3x3 96>24", 96, 72, 24, 3, 1, 1, 0},
    {"vww first 96", 3, 96, 8, 3, 2, 1, 1},
    {"pw 14 96>40", 96, 14, 40, 1, 1, 1, 0},
    {"pw 14 240>120", 240, 14, 120, 1, 1, 1, 0},
    {"pw 14 240>72", 240, 14, 72, 1, 1, 1, 0},
    {"pw 160 16>16", 16, 160, 16, 1, 1, 1, 0},
    {"pw 80 64>64", 64, 80, 64, 1, 1, 1, 0},
    {"pw 48 8>16", 8, 48, 16, 1, 1, 1, 0},
    {"pw 24 16>32", 16, 24, 32, 1, 1, 1, 0},
    {"pw 40 64>1", 64, 40, 1, 1, 1, 1, 0},
    {"pw 40 64>4", 64, 40, 4, 1, 1, 1, 0},
    {"pw 40 64>10", 64, 40, 10, 1, 1, 1, 0},
    {"dw 6 128", 128, 6, 128, 3, 1, 128, 0},
    {"dw 3 256", 256, 3, 256, 3, 1, 256, 0},
    {"dw 12/2 64", 64, 12, 64, 3, 2, 64, 0},
    {"dw 24 32", 32, 24, 32, 3, 1, 32, 0},
    {"dw 24 8", 8, 24, 8, 3, 1, 8, 0},
    {"dw5 14 120", 120, 14, 120, 5, 1, 120, 0},
};

#if defined(__x86_64__)
#define CHAINS 12
#define PEAK(name, isa, type, set, fma, add)                                                  \
    __attribute__((target(isa))) static float name(long loops)                                \
    {                                                                                         \
        type a[CHAINS], x = set(0.999f), y = set(1e-3f);                                      \
        for (int i = 0; i < CHAINS; i++) a[i] = set((float)i);                                \
        for (long l = 0; l < loops; l++) {                                                    \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) a[i] = fma(a[i], x, y); \
        }                                                                                     \
        for (int i = 1; i < CHAINS; i++) a[0] = add(a[0], a[i]);                              \
        float out[16];                                                                        \
        memcpy(out, a, sizeof *a);                                                            \
        return out[0];                                                                        \
    }
PEAK(peak512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps)
PEAK(peak256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps)
#endif

static volatile float sink;

/* GFLOP/s of independent fused multiply-adds; 0 where there is no such loop for the instruction set. */
static double peak(uint64_t isa)
{
    double best = 0;
#if defined(__x86_64__)
    if ((isa & HN_ISA_AVX2) == 0) return 0;
    bool wide = (isa & HN_ISA_AVX512) != 0;
    for (int i = 0; i < 20; i++) {
        uint64_t t = hn_clock_ns();
        sink = wide ? peak512(200000) : peak256(200000);
        double ns = (double)(hn_clock_ns() - t), rate = 200000.0 * CHAINS * (wide ? 32 : 16) / ns;
        if (rate > best) best = rate;
    }
#else
    (void)isa;
#endif
    return best;
}

static hn_value *tensor(hn_graph *g, bool constant, int rank, const int64_t *dims)
{
    return one_node_value(g, HN_F32, constant, rank, dims);
}

static void measure(hn_node *n, const char *name, uint64_t isa, double top)
{
    one_node o = {0};
    one_node_open(&o, n, isa);
    if (o.driver == NULL) {
        printf("%-20s %s\n", name, o.lower.reason);
        return;
    }
    uint64_t best = UINT64_MAX, begin = hn_clock_ns();
    for (int i = 0; i < 1000 && (i < 3 || hn_clock_ns() - begin < 200000000); i++) {
        uint64_t t = hn_clock_ns();
        one_node_run(&o);
        t = hn_clock_ns() - t;
        if (t < best) best = t;
    }
    hn_cost cost = {0};
    hn_op_cost(n, &cost);
    double rate = cost.flops / (double)best;
    printf("%-20s %10.1f us %8.1f GFLOP/s %5.1f %% %7.1f GB/s  %s\n", name, (double)best / 1e3, rate,
           top > 0 ? 100 * rate / top : 0, cost.bytes / (double)best, one_node_kernel(&o));
}

static void product(hn_graph *g, const shape *s, uint64_t isa, double top)
{
    hn_value *in[2] = {tensor(g, false, 2, (const int64_t[]){s->m, s->k}),
                       tensor(g, true, 2, (const int64_t[]){s->k, s->n})};
    hn_node *n = hn_node_new(g, NULL, hn_op_find(&hn_ops, "", "MatMul"), s->name, 2, in, 1);
    if (n == NULL) abort();
    measure(n, s->name, isa, top);
}

static void convolution(hn_graph *g, const image *s, uint64_t isa, double top)
{
    const int64_t *first = (const int64_t[]){1, s->c, s->h, s->h}, *last = (const int64_t[]){1, s->h, s->h, s->c};
    int64_t pad = s->k / 2, pads[4] = {pad, pad, pad, pad};
    hn_value *in[3] = {tensor(g, false, 4, s->in_first ? first : last),
                       tensor(g, true, 4, (const int64_t[]){s->m, s->c / s->group, s->k, s->k}),
                       tensor(g, true, 1, &s->m)};
    hn_node *n = hn_node_new(g, NULL, hn_op_find(&hn_ops, "hone", "Conv"), s->name, 3, in, 1);
    if (n == NULL || hn_node_set_ints(n, "pads", pads, 4) != HN_OK || hn_node_set_int(n, "layout", 1) != HN_OK ||
        hn_node_set_int(n, "group", s->group) != HN_OK || hn_node_set_string(n, "act", "Relu") != HN_OK ||
        hn_node_set_ints(n, "strides", (const int64_t[]){s->s, s->s}, 2) != HN_OK ||
        (s->in_first && hn_node_set_int(n, "in_layout", 0) != HN_OK))
        abort();
    measure(n, s->name, isa, top);
}

int main(int argc, char **argv)
{
    hn_env env;
    hn_env_init(&env);
    hn_machine m;
    hn_machine_read(&m);
    uint64_t isa;
    if (hn_isa_parse(&env, argc > 1 ? argv[1] : "auto", &isa) != HN_OK) {
        printf("%s\n", env.error.text);
        return 64;
    }
    isa &= m.isa;
    env.strict = argc > 2 && strcmp(argv[2], "strict") == 0;
    double top = peak(isa);
    printf("%s, %s, L1d %zu KiB, L2 %zu KiB, peak %.1f GFLOP/s\n", m.cpu, hn_isa_name(isa), m.l1d_bytes >> 10,
           m.l2_bytes >> 10, top);
    for (size_t i = 0; i < HN_COUNT(PRODUCTS) + HN_COUNT(IMAGES); i++) {
        const char *name = i < HN_COUNT(PRODUCTS) ? PRODUCTS[i].name : IMAGES[i - HN_COUNT(PRODUCTS)].name;
        if (argc > 3 && strstr(name, argv[3]) == NULL) continue;
        hn_arena arena = {0};
        hn_graph *g = hn_graph_new(&env, &arena, &hn_ops, "bench");
        if (g == NULL) return 1;
        if (i < HN_COUNT(PRODUCTS))
            product(g, &PRODUCTS[i], isa, top);
        else
            convolution(g, &IMAGES[i - HN_COUNT(PRODUCTS)], isa, top);
        hn_arena_fini(&env, &arena);
    }
    printf("peak again %.1f GFLOP/s\n", peak(isa));
    return 0;
}
