/* Speed of the 8-bit GEMM kernels, one thread: Gop/s (two per multiply-accumulate) at given M x N x K, and the share of
 * the peak that a loop of nothing but vpdpbusd reaches in the same run. Every kernel of the family that this CPU can
 * run and whose width is the best for N is timed on packed weights with its epilogue; best of several runs. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "kernels/gemm_q8.h"

typedef struct shape {
    const char *name;
    size_t m, n, k;
} shape;

static const shape shapes[] = {
    {"256^3", 256, 256, 256},
    {"512^3", 512, 512, 512},
    {"2048^3", 2048, 2048, 2048},
    {"bert 768", 128, 768, 768},
    {"bert ffn", 128, 3072, 768},
    {"resnet 3x3", 196, 256, 2304},
    {"mobilenet_v1 pw", 12544, 64, 32},
    {"resnet50 last", 49, 2048, 512},
    {"gemv 4096", 1, 4096, 4096},
    {"mnv2 112 32>16", 12544, 16, 32},
    {"mnv2 112 16>96", 12544, 96, 16},
    {"mnv2 56 96>24", 3136, 24, 96},
    {"mnv2 56 24>144", 3136, 144, 24},
    {"mnv2 56 144>24", 3136, 24, 144},
    {"mnv2 28 144>32", 784, 32, 144},
    {"mnv2 28 32>192", 784, 192, 32},
    {"mnv2 28 192>32", 784, 32, 192},
    {"mnv2 14 192>64", 196, 64, 192},
    {"mnv2 14 64>384", 196, 384, 64},
    {"mnv2 14 384>64", 196, 64, 384},
    {"mnv2 14 384>96", 196, 96, 384},
    {"mnv2 14 96>576", 196, 576, 96},
    {"mnv2 14 576>96", 196, 96, 576},
    {"mnv2 7 576>160", 49, 160, 576},
    {"mnv2 7 160>960", 49, 960, 160},
    {"mnv2 7 960>160", 49, 160, 960},
    {"mnv2 7 960>320", 49, 320, 960},
    {"mnv2 7 320>1280", 49, 1280, 320},
    {"squeeze 55 64>16", 3025, 16, 64},
    {"squeeze 55 16>64", 3025, 64, 16},
    {"squeeze 55 3x3", 3025, 64, 144},
    {"squeeze 27 128>32", 729, 32, 128},
    {"squeeze 27 32>128", 729, 128, 32},
    {"squeeze 27 3x3", 729, 128, 288},
    {"squeeze 13 3x3", 169, 256, 576},
    {"squeeze 13 512>1000", 169, 1000, 512},
    {"resnet20 32 3x3", 1024, 16, 144},
    {"resnet20 16 3x3", 256, 32, 288},
    {"resnet20 8 3x3", 64, 64, 576},
    {"tiny kws pw", 125, 64, 64},
    {"tiny ad 128", 1, 128, 640},
};

static double now_s(void)
{
    return (double)hn_clock_ns() * 1e-9;
}

#if defined(__x86_64__)
#define DOT(i) "vpdpbusd %%zmm30, %%zmm31, %%zmm" #i "\n\t"
static double peak_vnni(void)
{
    double best = 0;
    for (int rep = 0; rep < 40; rep++) {
        double t = now_s();
        for (int n = 0; n < 20000; n++)
            __asm__ volatile(DOT(0) DOT(1) DOT(2) DOT(3) DOT(4) DOT(5) DOT(6) DOT(7) DOT(8) DOT(9) DOT(10) DOT(11)
                                 DOT(12) DOT(13) DOT(14) DOT(15) DOT(16) DOT(17) DOT(18) DOT(19) DOT(20) DOT(21) DOT(22)
                                     DOT(23)::
                                         : "memory");
        t = now_s() - t;
        double g = 20000.0 * 24 * 128 / t * 1e-9;
        best = g > best ? g : best;
    }
    return best;
}
#else
static double peak_vnni(void)
{
    return 0;
}
#endif

static uint64_t cpu_bits(void)
{
    uint64_t bits = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) bits |= HN_ISA_AVX2;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) bits |= HN_ISA_AVX512;
    if (__builtin_cpu_supports("avx512vnni")) bits |= HN_ISA_VNNI;
#endif
    return bits;
}

typedef struct job {
    const hn_kernel *kernel;
    const shape *s;
    const uint8_t *a;
    const int8_t *b;
    const int32_t *bias;
    const float *scale;
    uint8_t *y;
    hn_q8_out out;
    uint32_t flip;
} job;

static bool takes_all(const hn_kernel *k)
{
    return k->kr == 2 || k->flags & HN_GEMM_Q8_RUNS;
}

/* Bytes from panel to panel. */
static size_t panel_bytes(const hn_kernel *k, size_t depth)
{
    size_t whole = depth / HN_GEMM_Q8_PIECE, rest = depth % HN_GEMM_Q8_PIECE;
    if (k->flags & HN_GEMM_Q8_RUNS)
        return whole * hn_gemm_q8_piece_bytes(HN_GEMM_Q8_PIECE / 4, k->nr) +
               hn_gemm_q8_piece_bytes(hn_div_up(rest, 4), k->nr);
    return hn_align_up(depth, 4) * hn_align_up(k->nr, 16) * (k->kr == 2 ? 2 : 1);
}

/* Small weights; groups of 4 k in runs of this length, the last of a piece in runs of 1. */
static void fill(const hn_kernel *k, size_t depth, uint32_t run, int8_t *b, size_t bytes)
{
    size_t step = panel_bytes(k, depth);
    memset(b, 3, bytes);
    for (size_t p = 0; run > 0 && p + step <= bytes; p += step)
        for (size_t at = 0, done = 0; at < depth; at += HN_GEMM_Q8_PIECE) {
            uint32_t groups = (uint32_t)hn_div_up(hn_min_size(depth - at, HN_GEMM_Q8_PIECE), 4);
            uint32_t *head = (uint32_t *)(void *)(b + p + done), *place = head + HN_GEMM_Q8_RUN;
            memset(head, 0, sizeof *head * HN_GEMM_Q8_RUN);
            head[HN_GEMM_Q8_RUN - 1] = groups % run;
            head[HN_GEMM_Q8_RUN - run] += groups / run;
            for (uint32_t i = 0; i < groups; i++) place[i] = 4 * i;
            done += hn_gemm_q8_piece_bytes(groups, k->nr);
        }
}

static void once(const job *j)
{
    const shape *s = j->s;
    size_t nr = takes_all(j->kernel) ? s->n : j->kernel->nr, rows = 96, step = panel_bytes(j->kernel, s->k);
    hn_gemm_q8_fn *fn = (hn_gemm_q8_fn *)j->kernel->fn;
    for (size_t m = 0; m < s->m; m += rows)
        for (size_t n = 0; n < s->n; n += nr) {
            hn_gemm_q8 g = {.m = hn_min_size(rows, s->m - m),
                            .n = hn_min_size(nr, s->n - n),
                            .k = s->k,
                            .taps = 1,
                            .a = j->a + m * s->k,
                            .lda = s->k,
                            .a_flip = j->flip,
                            .b = j->b + n / j->kernel->nr * step,
                            .b_step = step,
                            .bias = j->bias + n,
                            .scale = j->scale + n,
                            .y = j->y + m * s->n + n,
                            .ldy = s->n,
                            .r = j->y + m * s->n + n,
                            .ldr = s->n,
                            .out = &j->out};
            fn(&g);
        }
}

static double measure(const job *j)
{
    double ops = 2.0 * (double)j->s->m * (double)j->s->n * (double)j->s->k, best = 1e9;
    size_t inner = (size_t)(1 + 2e7 / ops), reps = ops > 1e9 ? 3 : 12;
    for (size_t r = 0; r < reps; r++) {
        double t = now_s();
        for (size_t i = 0; i < inner; i++) once(j);
        t = (now_s() - t) / (double)inner;
        best = t < best ? t : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    uint64_t bits = cpu_bits();
    double peak = bits & HN_ISA_VNNI ? peak_vnni() : 0;
    printf("peak vpdpbusd %.0f Gop/s\n%-20s %6s %5s %5s  %-22s %3s %10s %8s %6s\n", peak, "shape", "M", "N", "K",
           "kernel", "run", "us", "Gop/s", "peak");
    for (size_t i = 0; i < HN_COUNT(shapes); i++) {
        const shape *s = &shapes[i];
        size_t np = hn_align_up(s->n, 192) + 64, kp = hn_align_up(s->k, 64);
        uint8_t *a = aligned_alloc(64, hn_align_up(s->m * s->k + 64, 64));
        int8_t *b = aligned_alloc(64, 3 * np * kp);
        int32_t *bias = aligned_alloc(64, np * 4);
        float *scale = aligned_alloc(64, np * 4);
        uint8_t *y = aligned_alloc(64, hn_align_up(s->m * s->n + 64, 64));
        if (!a || !b || !bias || !scale || !y) return 1;
        memset(a, 7, s->m * s->k + 64);
        memset(y, 0, s->m * s->n + 64);
        for (size_t n = 0; n < np; n++) bias[n] = 5, scale[n] = 0.001f;
        job j = {.s = s, .a = a, .b = b, .bias = bias, .scale = scale, .y = y};
        j.out = (hn_q8_out){.kind = argc > 2 ? atoi(argv[2]) : HN_Q8_BYTE,
                            .bounded = argc > 3 ? atoi(argv[3]) : HN_Q8_RAISED,
                            .t_lo = -128,
                            .t_hi = 255,
                            .u_hi = 255,
                            .t_scale = 0.5f,
                            .r_scale = 0.5f,
                            .y_hi = 255};
        for (size_t q = 0; q < hn_kernel_count; q++) {
            const hn_kernel *k = hn_kernel_rows[q];
            if (strcmp(k->family, "gemm_q8") || (k->isa & ~bits)) continue;
            if (argc > 1 && !strstr(k->name, argv[1])) continue;
            j.kernel = k;
            for (uint32_t run = k->flags & HN_GEMM_Q8_RUNS ? HN_GEMM_Q8_RUN : 0;; run--) {
                fill(k, s->k, run, b, 3 * np * kp);
                double t = measure(&j), g = 2e-9 * (double)s->m * (double)s->n * (double)s->k / t;
                printf("%-20s %6zu %5zu %5zu  %-22s %3u %10.1f %8.1f %5.1f%%\n", s->name, s->m, s->n, s->k, k->name,
                       run, t * 1e6, g, peak > 0 ? 100 * g / peak : 0.0);
                if (run <= 1) break;
            }
        }
        free(a), free(b), free(bias), free(scale), free(y);
    }
    return 0;
}
