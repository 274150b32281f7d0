/* train_glyph: trains the small convolutional network of models/glyph20.onnx on Glyph-20 and writes it. A developer's
 * tool, not part of the library: it needs only data/glyph.h and base, so the example model can be made again from
 * nothing.
 *
 *   cc -O3 -march=x86-64-v3 -ffp-contract=off -std=c17 -D_DEFAULT_SOURCE -Isrc tools/train_glyph.c build/libhone.a \
 *      -lpthread -ldl -lm -o train_glyph
 *   ./train_glyph OUT.onnx [EPOCHS [TRAIN_SAMPLES [TEST_SAMPLES [HARD]]]]
 *
 * conv16 pool conv32 pool conv64 conv64 average fc20, 3x3 kernels, batch normalisation and ReLU after each convolution.
 * Adam, cosine from 2e-3, batch 64 as two shards of 32, each normalised by itself and summed in fixed order, so the
 * result does not depend on the thread count. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/pool.h"
#include "base/rng.h"
#include "data/glyph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LAYERS = 4,
    SHARDS = 2,
    SHARD = 32,
    BATCH = SHARDS * SHARD,
    CLASSES = HN_GLYPH_CLASSES,
    FEATURES = 64,
    LANES = 16
};

static const int channels_in[LAYERS] = {1, 16, 32, 64}, channels_out[LAYERS] = {16, 32, 64, 64};
static const int side_of[LAYERS] = {24, 12, 6, 6};
static const int pooled[LAYERS] = {1, 1, 0, 0};

static const float bn_eps = 1e-5f, bn_keep = 0.95f;
static const double pi = 3.14159265358979323846;

typedef struct layer_at {
    size_t weight, gamma, beta; /* offsets into the parameters */
    size_t mean, var;           /* offsets into the running statistics */
} layer_at;

typedef struct net {
    layer_at at[LAYERS];
    size_t fc, fc_bias, params, stats;
    float *p, *m, *v, *stat;
} net;

typedef struct work {
    float *col[LAYERS], *conv[LAYERS], *hat[LAYERS], *relu[LAYERS], *out[LAYERS];
    uint8_t *from[LAYERS]; /* which of the four a pool took */
    float inv_std[LAYERS][FEATURES];
    float feature[FEATURES * SHARD], logit[CLASSES * SHARD];
    float *d_a, *d_b, *d_col;
    float *grad, *stat; /* this shard's */
    float image[SHARD * HN_GLYPH_PIXELS];
    int label[SHARD];
    double loss;
    int right;
} work;

static void *must(size_t count, size_t bytes)
{
    void *p = calloc(count, bytes);
    if (!p) exit(5);
    return p;
}

/* C[m][n] (+)= A[m][k] B[k][n], A read at a[m * am + k * ak]; n is a multiple of 16. */
static void gemm(int m, int n, int k, const float *a, size_t am, size_t ak, const float *b, float *c)
{
    for (int j = 0; j < n; j += LANES)
        for (int i = 0; i < m; i += 4) {
            float acc[4][LANES] = {{0}};
            int rows = m - i < 4 ? m - i : 4;
            for (int q = 0; q < k; q++) {
                const float *row = b + (size_t)q * (size_t)n + j;
                for (int r = 0; r < 4; r++) {
                    float w = r < rows ? a[(size_t)(i + r) * am + (size_t)q * ak] : 0.0f;
                    for (int l = 0; l < LANES; l++) acc[r][l] += w * row[l];
                }
            }
            for (int r = 0; r < rows; r++) memcpy(c + (size_t)(i + r) * (size_t)n + j, acc[r], sizeof acc[r]);
        }
}

/* C[m][k] = A[m][n] B[k][n]^T, sums in 16 lanes. */
static void gemm_nt(int m, int k, int n, const float *a, const float *b, float *c)
{
    for (int i = 0; i < m; i++)
        for (int q = 0; q < k; q += 4) {
            float acc[4][LANES] = {{0}};
            int cols = k - q < 4 ? k - q : 4;
            for (int j = 0; j < n; j += LANES)
                for (int r = 0; r < cols; r++)
                    for (int l = 0; l < LANES; l++)
                        acc[r][l] += a[(size_t)i * (size_t)n + j + l] * b[(size_t)(q + r) * (size_t)n + j + l];
            for (int r = 0; r < cols; r++) {
                float sum = 0;
                for (int l = 0; l < LANES; l++) sum += acc[r][l];
                c[(size_t)i * (size_t)k + q + r] = sum;
            }
        }
}

/* Activations are [channel][sample][y][x]. */
static void im2col(const float *in, int c, int side, float *col)
{
    size_t plane = (size_t)side * (size_t)side, n = plane * SHARD;
    for (int k = 0; k < c * 9; k++) {
        int dy = k % 9 / 3 - 1, dx = k % 3 - 1;
        for (int s = 0; s < SHARD; s++)
            for (int y = 0; y < side; y++)
                for (int x = 0; x < side; x++) {
                    int yy = y + dy, xx = x + dx;
                    int in_it = yy >= 0 && yy < side && xx >= 0 && xx < side;
                    col[(size_t)k * n + (size_t)s * plane + (size_t)(y * side + x)] =
                        in_it ? in[(size_t)(k / 9) * n + (size_t)s * plane + (size_t)(yy * side + xx)] : 0;
                }
    }
}

static void col2im(const float *col, int c, int side, float *in)
{
    size_t plane = (size_t)side * (size_t)side, n = plane * SHARD;
    memset(in, 0, (size_t)c * n * sizeof *in);
    for (int k = 0; k < c * 9; k++) {
        int dy = k % 9 / 3 - 1, dx = k % 3 - 1;
        for (int s = 0; s < SHARD; s++)
            for (int y = 0; y < side; y++)
                for (int x = 0; x < side; x++) {
                    int yy = y + dy, xx = x + dx;
                    if (yy >= 0 && yy < side && xx >= 0 && xx < side)
                        in[(size_t)(k / 9) * n + (size_t)s * plane + (size_t)(yy * side + xx)] +=
                            col[(size_t)k * n + (size_t)s * plane + (size_t)(y * side + x)];
                }
    }
}

static void normalise(const net *net, work *w, int l, int training)
{
    int side = side_of[l];
    size_t n = (size_t)side * (size_t)side * SHARD;
    const layer_at *at = &net->at[l];
    for (int c = 0; c < channels_out[l]; c++) {
        float *x = w->conv[l] + (size_t)c * n, *hat = w->hat[l] + (size_t)c * n, *y = w->relu[l] + (size_t)c * n;
        double mean = net->stat[at->mean + (size_t)c], var = net->stat[at->var + (size_t)c];
        if (training) {
            double sum = 0, square = 0;
            for (size_t i = 0; i < n; i++) sum += (double)x[i];
            mean = sum / (double)n;
            for (size_t i = 0; i < n; i++) square += ((double)x[i] - mean) * ((double)x[i] - mean);
            var = square / (double)n;
            w->stat[at->mean + (size_t)c] = (float)mean;
            w->stat[at->var + (size_t)c] = (float)(var * (double)n / (double)(n - 1));
        }
        float inv = (float)(1 / sqrt(var + (double)bn_eps)), mu = (float)mean;
        float g = net->p[at->gamma + (size_t)c], b = net->p[at->beta + (size_t)c];
        w->inv_std[l][c] = inv;
        for (size_t i = 0; i < n; i++) {
            hat[i] = (x[i] - mu) * inv;
            float v = g * hat[i] + b;
            y[i] = v > 0 ? v : 0;
        }
    }
}

static void pool(work *w, int l)
{
    int side = side_of[l], half = side / 2;
    size_t planes = (size_t)channels_out[l] * SHARD;
    for (size_t p = 0; p < planes; p++)
        for (int y = 0; y < half; y++)
            for (int x = 0; x < half; x++) {
                const float *q = w->relu[l] + p * (size_t)(side * side) + (size_t)(2 * y * side + 2 * x);
                const float v[4] = {q[0], q[1], q[side], q[side + 1]};
                int best = 0;
                for (int i = 1; i < 4; i++)
                    if (v[i] > v[best]) best = i;
                size_t o = p * (size_t)(half * half) + (size_t)(y * half + x);
                w->out[l][o] = v[best];
                w->from[l][o] = (uint8_t)best;
            }
}

static void forward(const net *net, work *w, int training)
{
    const float *in = w->image;
    for (int l = 0; l < LAYERS; l++) {
        int side = side_of[l], k = channels_in[l] * 9;
        im2col(in, channels_in[l], side, w->col[l]);
        gemm(channels_out[l], side * side * SHARD, k, net->p + net->at[l].weight, (size_t)k, 1, w->col[l], w->conv[l]);
        normalise(net, w, l, training);
        if (pooled[l]) pool(w, l);
        in = pooled[l] ? w->out[l] : w->relu[l];
    }
    enum { PLANE = 36 };
    w->loss = 0;
    w->right = 0;
    for (int f = 0; f < FEATURES; f++)
        for (int s = 0; s < SHARD; s++) {
            float sum = 0;
            for (int i = 0; i < PLANE; i++) sum += in[(size_t)(f * SHARD + s) * PLANE + (size_t)i];
            w->feature[f * SHARD + s] = sum / PLANE;
        }
    for (int s = 0; s < SHARD; s++) {
        int best = 0;
        double top = -1e30, total = 0;
        for (int c = 0; c < CLASSES; c++) {
            float z = net->p[net->fc_bias + (size_t)c];
            for (int f = 0; f < FEATURES; f++)
                z += net->p[net->fc + (size_t)(c * FEATURES + f)] * w->feature[f * SHARD + s];
            w->logit[c * SHARD + s] = z;
            if ((double)z > top) {
                top = (double)z;
                best = c;
            }
        }
        for (int c = 0; c < CLASSES; c++) total += exp((double)w->logit[c * SHARD + s] - top);
        w->loss += log(total) + top - (double)w->logit[w->label[s] * SHARD + s];
        w->right += best == w->label[s];
        for (int c = 0; c < CLASSES; c++)
            w->logit[c * SHARD + s] =
                (float)((exp((double)w->logit[c * SHARD + s] - top) / total - (c == w->label[s])) / BATCH);
    }
}

/* Through pool, ReLU and normalisation: d_a holds the gradient of the layer's output, d_b gets that of the convolution.
 */
static void back_activation(const net *net, work *w, int l)
{
    int side = side_of[l], half = side / 2;
    size_t plane = (size_t)side * (size_t)side, n = plane * SHARD;
    float *d = w->d_b;
    if (pooled[l]) {
        memset(d, 0, (size_t)channels_out[l] * n * sizeof *d);
        size_t outs = (size_t)channels_out[l] * SHARD * (size_t)(half * half);
        for (size_t o = 0; o < outs; o++) {
            size_t p = o / (size_t)(half * half), r = o % (size_t)(half * half);
            size_t y = 2 * (r / (size_t)half) + w->from[l][o] / 2, x = 2 * (r % (size_t)half) + w->from[l][o] % 2;
            d[p * plane + y * (size_t)side + x] = w->d_a[o];
        }
    } else {
        memcpy(d, w->d_a, (size_t)channels_out[l] * n * sizeof *d);
    }
    for (int c = 0; c < channels_out[l]; c++) {
        float *dc = d + (size_t)c * n;
        const float *hat = w->hat[l] + (size_t)c * n, *y = w->relu[l] + (size_t)c * n;
        double sum = 0, dot = 0;
        for (size_t i = 0; i < n; i++) {
            if (y[i] <= 0) dc[i] = 0;
            sum += (double)dc[i];
            dot += (double)(dc[i] * hat[i]);
        }
        w->grad[net->at[l].beta + (size_t)c] = (float)sum;
        w->grad[net->at[l].gamma + (size_t)c] = (float)dot;
        float a = (float)(sum / (double)n), b = (float)(dot / (double)n),
              k = net->p[net->at[l].gamma + (size_t)c] * w->inv_std[l][c];
        for (size_t i = 0; i < n; i++) dc[i] = k * (dc[i] - a - hat[i] * b);
    }
}

static void backward(const net *net, work *w)
{
    enum { PLANE = 36 };
    for (int c = 0; c < CLASSES; c++) {
        float sum = 0;
        for (int s = 0; s < SHARD; s++) sum += w->logit[c * SHARD + s];
        w->grad[net->fc_bias + (size_t)c] = sum;
        for (int f = 0; f < FEATURES; f++) {
            float g = 0;
            for (int s = 0; s < SHARD; s++) g += w->logit[c * SHARD + s] * w->feature[f * SHARD + s];
            w->grad[net->fc + (size_t)(c * FEATURES + f)] = g;
        }
    }
    for (int f = 0; f < FEATURES; f++)
        for (int s = 0; s < SHARD; s++) {
            float g = 0;
            for (int c = 0; c < CLASSES; c++)
                g += w->logit[c * SHARD + s] * net->p[net->fc + (size_t)(c * FEATURES + f)];
            for (int i = 0; i < PLANE; i++) w->d_a[(size_t)(f * SHARD + s) * PLANE + (size_t)i] = g / PLANE;
        }
    for (int l = LAYERS - 1; l >= 0; l--) {
        int side = side_of[l], k = channels_in[l] * 9, n = side * side * SHARD;
        back_activation(net, w, l);
        gemm_nt(channels_out[l], k, n, w->d_b, w->col[l], w->grad + net->at[l].weight);
        if (l == 0) break;
        gemm(k, n, channels_out[l], net->p + net->at[l].weight, 1, (size_t)k, w->d_b, w->d_col);
        col2im(w->d_col, channels_in[l], side, w->d_a);
    }
}

typedef struct job {
    const net *net;
    work *shard;
    const uint32_t *order; /* NULL: consecutive ids from `first` */
    uint64_t first;
    double hard;
    int training;
} job;

static void shard_task(void *ctx, size_t i)
{
    const job *j = ctx;
    work *w = &j->shard[i];
    for (size_t s = 0; s < SHARD; s++) {
        size_t at = i * SHARD + s;
        uint64_t id = j->order ? HN_GLYPH_TRAIN + j->order[at] : j->first + at;
        w->label[s] = hn_glyph_draw(HN_GLYPH_SEED, j->hard, id, w->image + s * HN_GLYPH_PIXELS);
    }
    forward(j->net, w, j->training);
    if (j->training) backward(j->net, w);
}

static void net_make(net *n, uint64_t seed)
{
    for (int l = 0; l < LAYERS; l++) {
        layer_at *a = &n->at[l];
        size_t co = (size_t)channels_out[l];
        a->weight = n->params;
        a->gamma = a->weight + co * (size_t)channels_in[l] * 9;
        a->beta = a->gamma + co;
        n->params = a->beta + co;
        a->mean = n->stats;
        a->var = a->mean + co;
        n->stats = a->var + co;
    }
    n->fc = n->params;
    n->fc_bias = n->fc + (size_t)CLASSES * FEATURES;
    n->params = n->fc_bias + CLASSES;
    n->p = must(n->params, sizeof(float));
    n->m = must(n->params, sizeof(float));
    n->v = must(n->params, sizeof(float));
    n->stat = must(n->stats, sizeof(float));
    hn_rng r;
    hn_rng_init(&r, seed, 0);
    for (int l = 0; l < LAYERS; l++) {
        size_t fan = (size_t)channels_in[l] * 9, count = (size_t)channels_out[l] * fan;
        for (size_t i = 0; i < count; i++)
            n->p[n->at[l].weight + i] = (float)(hn_rng_normal(&r) * sqrt(2.0 / (double)fan));
        for (int c = 0; c < channels_out[l]; c++)
            n->p[n->at[l].gamma + (size_t)c] = n->stat[n->at[l].var + (size_t)c] = 1;
    }
    for (size_t i = 0; i < (size_t)CLASSES * FEATURES; i++) n->p[n->fc + i] = (float)((2 * hn_rng_unit(&r) - 1) / 8);
}

static void work_make(const net *n, work *w)
{
    size_t most = 0, most_col = 0;
    for (int l = 0; l < LAYERS; l++) {
        size_t cells = (size_t)(side_of[l] * side_of[l]) * SHARD, out = cells * (size_t)channels_out[l],
               col = cells * (size_t)channels_in[l] * 9;
        w->col[l] = must(col, sizeof(float));
        w->conv[l] = must(out, sizeof(float));
        w->hat[l] = must(out, sizeof(float));
        w->relu[l] = must(out, sizeof(float));
        w->out[l] = must(out / 4, sizeof(float));
        w->from[l] = must(out / 4, 1);
        if (out > most) most = out;
        if (col > most_col) most_col = col;
    }
    w->d_a = must(most, sizeof(float));
    w->d_b = must(most, sizeof(float));
    w->d_col = must(most_col, sizeof(float));
    w->grad = must(n->params, sizeof(float));
    w->stat = must(n->stats, sizeof(float));
}

static void adam(net *n, work *shard, double rate, uint64_t step)
{
    double fix1 = 1 - pow(0.9, (double)step), fix2 = 1 - pow(0.999, (double)step);
    for (size_t i = 0; i < n->params; i++) {
        float g = 0;
        for (int s = 0; s < SHARDS; s++) g += shard[s].grad[i];
        n->m[i] = 0.9f * n->m[i] + 0.1f * g;
        n->v[i] = 0.999f * n->v[i] + 0.001f * g * g;
        n->p[i] -= (float)(rate * ((double)n->m[i] / fix1) / (sqrt((double)n->v[i] / fix2) + 1e-8));
    }
    for (size_t i = 0; i < n->stats; i++) {
        float now = 0;
        for (int s = 0; s < SHARDS; s++) now += shard[s].stat[i] / SHARDS;
        n->stat[i] = bn_keep * n->stat[i] + (1 - bn_keep) * now;
    }
}

#include "train_glyph_onnx.inc"

static size_t evaluate(net *n, work *shard, hn_pool *pool_, uint64_t first, size_t samples, double hard)
{
    size_t right = 0;
    for (size_t at = 0; at + BATCH <= samples; at += BATCH) {
        job j = {n, shard, NULL, first + at, hard, 0};
        hn_pool_run(pool_, SHARDS, shard_task, &j);
        for (int s = 0; s < SHARDS; s++) right += (size_t)shard[s].right;
    }
    return right;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s OUT.onnx [EPOCHS [TRAIN_SAMPLES [TEST_SAMPLES [HARD]]]]\n", argv[0]);
        return 64;
    }
    size_t epochs = argc > 2 ? strtoul(argv[2], NULL, 10) : 8, samples = argc > 3 ? strtoul(argv[3], NULL, 10) : 40000;
    size_t tests = argc > 4 ? strtoul(argv[4], NULL, 10) : 50048;
    double hard = argc > 5 ? strtod(argv[5], NULL) : HN_GLYPH_HARD;
    hn_env env;
    hn_env_init(&env);
    hn_pool *threads = NULL;
    if (hn_pool_new(&env, SHARDS, &threads) != HN_OK) return 5;
    static net n;
    static work shard[SHARDS];
    net_make(&n, 1);
    for (int s = 0; s < SHARDS; s++) work_make(&n, &shard[s]);
    uint32_t *order = must(samples, sizeof *order);
    for (size_t i = 0; i < samples; i++) order[i] = (uint32_t)i;
    hn_rng r;
    hn_rng_init(&r, 2, 0);
    size_t per_epoch = samples / BATCH, steps = epochs * per_epoch;
    uint64_t began = hn_clock_ns();
    for (size_t step = 0; step < steps; step++) {
        static double loss;
        size_t b = step % per_epoch;
        if (b == 0) hn_rng_shuffle(&r, order, samples);
        job j = {&n, shard, order + b * BATCH, 0, hard, 1};
        hn_pool_run(threads, SHARDS, shard_task, &j);
        adam(&n, shard, 1e-3 * (1 + cos(pi * (double)step / (double)steps)), step + 1);
        for (int s = 0; s < SHARDS; s++) loss += shard[s].loss;
        if (b + 1 == per_epoch) {
            size_t right = evaluate(&n, shard, threads, HN_GLYPH_CALIB, 2048, hard);
            printf("epoch %zu: loss %.4f, held-out %.2f %%, %.0f s\n", step / per_epoch + 1,
                   loss / (double)(per_epoch * BATCH), 100.0 * (double)right / 2048,
                   (double)(hn_clock_ns() - began) * 1e-9);
            (void)fflush(stdout);
            loss = 0;
        }
    }
    tests -= tests % BATCH;
    double p = (double)evaluate(&n, shard, threads, HN_GLYPH_TEST, tests, hard) / (double)tests, z = 1.96,
           t = (double)tests;
    double middle = (p + z * z / (2 * t)) / (1 + z * z / t),
           half = z * sqrt(p * (1 - p) / t + z * z / (4 * t * t)) / (1 + z * z / t);
    printf("%zu parameters; test %.0f of %zu, %.2f %%, 95 %% interval [%.2f, %.2f]\n", n.params, p * t, tests, 100 * p,
           100 * (middle - half), 100 * (middle + half));
    if (model_write(&env, &n, argv[1]) != HN_OK) {
        char text[1024];
        hn_error_format(&env.error, text, sizeof text);
        (void)fprintf(stderr, "%s\n", text);
        return 3;
    }
    hn_pool_free(&env, threads);
    return 0;
}
