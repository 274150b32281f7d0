/* Weights of 8-bit products as words and in runs: which form is chosen, that parts add up to the weights, that no sum
 * of a run can leave 16 bits, and that runs are long where weights are small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "device/cpu/lib_q8.h"

enum { N = 256, K = 2060, NR = 16 };

static uint8_t w[N * K];

static hn_q8_weights make(int64_t zp, size_t rows)
{
    return (hn_q8_weights){.n = N, .k = K, .taps = 1, .groups = 1, .w = w, .w_zp = zp, .rows = rows};
}

static hn_q8_mat choose(const hn_q8_weights *of, bool runs, bool words)
{
    hn_q8_mat mat = {.n = of->n, .k = of->k, .taps = of->taps, .groups = of->groups};
    hn_q8_form_choose(of, runs, words, &mat);
    return mat;
}

/* Weight [column][k], every pair of bytes in some column. */
static void fill_pairs(void)
{
    for (size_t j = 0; j < N; j++)
        for (size_t k = 0; k < K; k++) w[j * K + k] = (uint8_t)(k % 2 ? (k / 2) % 256 : j);
}

static void fill_bell(void)
{
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    for (size_t i = 0; i < sizeof w; i++) {
        double sum = 128;
        for (int k = 0; k < 6; k++) sum += 42 * hn_rng_unit(&rng) - 21;
        w[i] = (uint8_t)sum;
    }
}

/* Over the groups of a run. */
static void check_run(const int8_t *part, size_t length)
{
    for (size_t j = 0; j < 4 * NR; j += 2) {
        int up = 0, down = 0;
        for (size_t i = 0; i < 2 * length; i++) {
            int v = part[i / 2 * 4 * NR + j + i % 2];
            *(v > 0 ? &up : &down) += v;
        }
        assert_true(255 * up <= INT16_MAX && 255 * down >= INT16_MIN);
    }
}

/* One panel: adds all parts up in sum [k][column] and counts runs by their length; returns the bytes read. */
static size_t unpack(const uint8_t *b, int *sum, size_t *runs)
{
    const uint8_t *from = b;
    for (size_t k = 0; k < K; k += HN_GEMM_Q8_PIECE) {
        const uint32_t *head = (const uint32_t *)(const void *)b, *place = head + HN_GEMM_Q8_RUN;
        const size_t places = hn_gemm_q8_places(head);
        const int8_t *part = (const int8_t *)b + hn_gemm_q8_head_bytes(places);
        for (size_t kind = 0, i = 0; kind < HN_GEMM_Q8_RUN; kind++) {
            const size_t length = HN_GEMM_Q8_RUN - kind;
            for (size_t r = 0; r < head[kind]; r++, i += length) check_run(part + i * 4 * NR, length);
            runs[length] += head[kind];
        }
        for (size_t i = 0; i < places; i++, part += 4 * NR) {
            size_t at = k + place[i];
            assert_true(place[i] % 4 == 0 && place[i] < HN_GEMM_Q8_PIECE && at < K);
            for (size_t j = 0; j < 4 * NR; j++) sum[(at + j % 4) * NR + j / 4] += part[j];
        }
        b += hn_gemm_q8_piece_bytes(places, NR);
    }
    return (size_t)(b - from);
}

/* Packs all panels in runs, which are to add up to the weights. */
static void check_runs(const hn_q8_weights *of, size_t *runs)
{
    int *sum = malloc(K * NR * sizeof *sum);
    assert_non_null(sum);
    hn_q8_mat mat = choose(of, true, false);
    assert_int_equal(mat.form, HN_Q8_RUNS);
    uint8_t *b = aligned_alloc(64, mat.step);
    assert_non_null(b);
    for (size_t p = 0; p < N / NR; p++) {
        memset(sum, 0, K * NR * sizeof *sum);
        hn_q8_panel_pack(of, &mat, 0, p, b);
        assert_true(unpack(b, sum, runs) <= mat.step);
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < NR; j++)
                assert_int_equal(sum[k * NR + j], (int)w[(p * NR + j) * K + k] - (int)of->w_zp);
    }
    free(b);
    free(sum);
}

static void test_parts_add_up(void **state)
{
    (void)state;
    static const int64_t zps[] = {0, 255, 128, 100};
    fill_pairs();
    for (size_t z = 0; z < 4; z++) {
        size_t runs[HN_GEMM_Q8_RUN + 1] = {0};
        hn_q8_weights of = make(zps[z], 100);
        check_runs(&of, runs);
    }
}

/* Weights of which four groups fit a run, or three, or two: up to 127 in a pair and sign. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        uint8_t least, most;
        size_t length;
    } kinds[] = {{128, 128, 4},           {128 - 15, 128 + 15, 4}, {128 + 16, 128 + 21, 3}, {128 - 21, 128 - 21, 3},
                 {128 + 22, 128 + 31, 2}, {128 - 31, 128 - 31, 2}, {128 + 32, 128 + 64, 1}, {0, 0, 1}};
    for (size_t i = 0; i < HN_COUNT(kinds); i++) {
        size_t runs[HN_GEMM_Q8_RUN + 1] = {0};
        hn_q8_weights of = make(128, 100);
        for (size_t k = 0; k < sizeof w; k++)
            w[k] = (uint8_t)(kinds[i].least + (k % K / 4) % (size_t)(kinds[i].most - kinds[i].least + 1));
        check_runs(&of, runs);
        for (size_t n = 1; n <= HN_GEMM_Q8_RUN; n++)
            if (n != kinds[i].length) assert_true(runs[n] <= 3 * N / NR);
    }
}

static void test_words(void **state)
{
    (void)state;
    fill_pairs();
    hn_q8_weights of = make(200, 100);
    hn_q8_mat mat = choose(&of, true, true);
    assert_int_equal(mat.form, HN_Q8_WORDS);
    int16_t *b = aligned_alloc(64, mat.step);
    assert_non_null(b);
    for (size_t p = 0; p < N / NR; p++) {
        hn_q8_panel_pack(&of, &mat, 0, p, (uint8_t *)b);
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < NR; j++)
                assert_int_equal(b[k / 2 * 2 * NR + 2 * j + k % 2], (int)w[(p * NR + j) * K + k] - 200);
    }
    free(b);
}

static void test_choice(void **state)
{
    (void)state;
    fill_pairs();
    hn_q8_weights many = make(0, 5), some = make(128, 5), few = make(128, 4), wild = make(1000, 100);
    assert_int_equal(choose(&many, true, true).form, HN_Q8_WORDS);
    assert_int_equal(choose(&some, true, true).form, HN_Q8_RUNS);
    assert_int_equal(choose(&few, true, true).form, HN_Q8_QUADS);
    assert_int_equal(choose(&wild, true, true).form, HN_Q8_QUADS);
    assert_int_equal(choose(&many, false, false).form, HN_Q8_QUADS);
    fill_bell();
    assert_int_equal(choose(&some, true, true).form, HN_Q8_RUNS);
    assert_int_equal(choose(&few, true, true).form, HN_Q8_RUNS);
    assert_int_equal(choose(&many, false, true).form, HN_Q8_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts_add_up), cmocka_unit_test(test_lengths),
                                       cmocka_unit_test(test_words), cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
