/* TfIdfVectorizer: how often each n-gram of a pool occurs in a row of tokens, with gaps of equal width allowed, and its
 * weight. The pool lists the 1-grams first, then the 2-grams and so on; ngram_counts tells where each length begins. */
#include "ops/lib_text.h"

typedef struct pool {
    const int64_t *ints, *starts, *indexes;
    const hn_str *strings;
    const double *weights; /* NULL: all 1 */
    size_t tokens, lengths, grams;
    int64_t shortest, longest, most_skips, width;
} pool;

static hn_status read_sizes(hn_env *env, const hn_node *n, pool *p)
{
    const hn_attr *s = hn_node_attr(n, "pool_strings");
    p->tokens = hn_attr_ints(n, "pool_int64s", &p->ints);
    if (s) {
        if (p->ints) return hn_op_fail(env, n, "pool_int64s and pool_strings are both given");
        p->strings = s->u.strings;
        p->tokens = s->count;
    }
    p->lengths = hn_attr_ints(n, "ngram_counts", &p->starts);
    p->grams = hn_attr_ints(n, "ngram_indexes", &p->indexes);
    size_t nweights = hn_attr_floats(n, "weights", &p->weights);
    if (p->weights && nweights != p->grams)
        return hn_op_fail(env, n, "%zu weights for %zu n-grams", nweights, p->grams);
    for (size_t k = 0; k < p->lengths; k++) {
        int64_t end = k + 1 < p->lengths ? p->starts[k + 1] : (int64_t)p->tokens;
        if (p->starts[k] < 0 || end < p->starts[k] || end > (int64_t)p->tokens ||
            (end - p->starts[k]) % ((int64_t)k + 1) != 0)
            return hn_op_fail(env, n, "ngram_counts[%zu] = %lld does not fit a pool of %zu", k, (long long)p->starts[k],
                              p->tokens);
    }
    return HN_OK;
}

static hn_status read_pool(hn_env *env, const hn_node *n, pool *p)
{
    *p = (pool){.shortest = hn_attr_int(n, "min_gram_length", 0), .longest = hn_attr_int(n, "max_gram_length", 0)};
    p->most_skips = hn_attr_int(n, "max_skip_count", 0);
    HN_TRY(read_sizes(env, n, p));
    if (p->shortest < 1 || p->longest < p->shortest || p->longest > (int64_t)p->lengths || p->most_skips < 0)
        return hn_op_fail(env, n, "n-grams of %lld to %lld with %lld skips, but ngram_counts has %zu lengths",
                          (long long)p->shortest, (long long)p->longest, (long long)p->most_skips, p->lengths);
    size_t grams = 0;
    for (size_t k = 0; k < p->lengths; k++) {
        int64_t end = k + 1 < p->lengths ? p->starts[k + 1] : (int64_t)p->tokens;
        grams += (size_t)((end - p->starts[k]) / ((int64_t)k + 1));
    }
    if (grams != p->grams) return hn_op_fail(env, n, "%zu ngram_indexes for %zu n-grams", p->grams, grams);
    for (size_t i = 0; i < p->grams; i++) {
        if (p->indexes[i] < 0 || p->indexes[i] > INT32_MAX)
            return hn_op_fail(env, n, "ngram_indexes[%zu] is %lld", i, (long long)p->indexes[i]);
        if (p->indexes[i] >= p->width) p->width = p->indexes[i] + 1;
    }
    if (!hn_attr_is(n, "mode", "TF") && !hn_attr_is(n, "mode", "IDF") && !hn_attr_is(n, "mode", "TFIDF"))
        return hn_op_fail(env, n, "mode is not TF, IDF or TFIDF");
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    pool p;
    HN_TRY(read_pool(c->env, c->node, &p));
    if ((p.strings != NULL) != (x->dtype == HN_STRING) && p.tokens)
        return hn_op_fail(c->env, c->node, "the pool is of other tokens than the input");
    c->out[0] = hn_type_tensor(HN_F32, -1, NULL);
    if (x->rank < 0) return HN_OK;
    if (x->rank > 2) return hn_op_fail(c->env, c->node, "an input of rank %d", x->rank);
    int rank = x->rank == 2 ? 2 : 1;
    c->out[0] = hn_type_tensor(HN_F32, rank, (int64_t[]){rank == 2 ? x->dims[0] : p.width, p.width});
    return HN_OK;
}

/* A row of tokens, or one n-gram of the pool. */
static bool same(const pool *p, size_t at, const hn_tensor *x, size_t i)
{
    if (p->strings) return hn_str_same(p->strings[at], hn_strs(x)[i]);
    return p->ints[at] == hn_get_i64(x, i);
}

static void count(const pool *p, const hn_tensor *x, size_t from, size_t n, double *freq)
{
    size_t gram = 0;
    for (int64_t len = 1; len <= (int64_t)p->lengths; len++) {
        size_t at = (size_t)p->starts[len - 1];
        size_t end = len < (int64_t)p->lengths ? (size_t)p->starts[len] : p->tokens;
        for (; at < end; at += (size_t)len, gram++) {
            if (len < p->shortest || len > p->longest) continue;
            /* A single token has no gaps to vary; a wider step than the row fits nowhere. */
            int64_t steps = len == 1 ? 1 : p->most_skips + 1;
            for (int64_t step = 1; step <= steps && (len - 1) * step < (int64_t)n; step++)
                for (size_t i = 0; i + (size_t)((len - 1) * step) < n; i++) {
                    bool match = true;
                    for (int64_t k = 0; k < len && match; k++)
                        match = same(p, at + (size_t)k, x, from + i + (size_t)(k * step));
                    freq[gram] += match;
                }
        }
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    pool p;
    HN_TRY(read_pool(a->env, a->node, &p));
    double *freq = hn_arena_array(a->env, a->scratch, p.grams + 1, sizeof *freq);
    if (!freq) return HN_NOMEM;
    size_t rows = x->rank == 2 ? (size_t)x->dims[0] : 1, n = rows ? hn_tensor_elems(x) / rows : 0;
    bool tf = hn_attr_is(a->node, "mode", "TF"), idf = hn_attr_is(a->node, "mode", "IDF");
    HN_TRY(hn_work_add(a->env,
                       (double)hn_tensor_elems(x) * (double)p.tokens * fmin((double)p.most_skips + 1, (double)n + 1)));
    for (size_t r = 0; r < rows; r++) {
        memset(freq, 0, p.grams * sizeof *freq);
        count(&p, x, r * n, n, freq);
        for (size_t g = 0; g < p.grams; g++) {
            double w = p.weights ? p.weights[g] : 1, v = tf ? freq[g] : (idf ? freq[g] > 0 : freq[g]) * w;
            size_t at = r * (size_t)p.width + (size_t)p.indexes[g];
            hn_set_f64(y, at, hn_get_f64(y, at) + v);
        }
    }
    return HN_OK;
}

static void grams(hn_cases *c, const char *name, const char *mode, int64_t least, int64_t skips)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "mode", mode);
    hn_case_int(c, "min_gram_length", least);
    hn_case_int(c, "max_gram_length", 2);
    hn_case_int(c, "max_skip_count", skips);
    hn_case_ints(c, "ngram_counts", 2, (const int64_t[]){0, 2});
    hn_case_ints(c, "ngram_indexes", 4, (const int64_t[]){0, 1, 2, 3});
}

static hn_status cases(hn_cases *c)
{
    static const int64_t ints[] = {5, 6, 5, 6, 6, 7};
    static const hn_str words[] = {{"a", 1}, {"b", 1}, {"a", 1}, {"b", 1}, {"b", 1}, {"c", 1}};
    grams(c, "example", "TF", 1, 0);
    hn_case_ints(c, "pool_int64s", 6, ints);
    hn_case_in(c, HN_I64, HN_DIMS(4), HN_VALS(5, 6, 6, 7));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 1, 1));
    grams(c, "pairs with a gap, two rows", "TF", 2, 1);
    hn_case_ints(c, "pool_int64s", 6, ints);
    hn_case_in(c, HN_I32, HN_DIMS(2, 4), HN_VALS(5, 6, 6, 7, 5, 1, 6, 1));
    hn_case_want(c, HN_F32, HN_DIMS(2, 4), HN_VALS(0, 0, 2, 2, 0, 0, 1, 0));
    grams(c, "words, weights", "TFIDF", 1, 0);
    hn_case_strings(c, "pool_strings", 6, words);
    hn_case_floats(c, "weights", 4, HN_VALS(2, 3, 4, 5));
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"a", "b", "b"});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(2, 6, 4, 0));
    grams(c, "presence", "IDF", 1, 0);
    hn_case_strings(c, "pool_strings", 6, words);
    hn_case_floats(c, "weights", 4, HN_VALS(2, 3, 4, 5));
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"a", "b", "b"});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(2, 3, 4, 0));
    grams(c, "an empty row", "TF", 1, 1000000);
    hn_case_ints(c, "pool_int64s", 6, ints);
    hn_case_in(c, HN_I64, HN_DIMS(1, 0), NULL);
    hn_case_want(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0, 0, 0, 0));
    grams(c, "numbers for a pool of words", "TF", 1, 0);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "pool_strings", 6, words);
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(1));
    grams(c, "a pool that is too short", "TF", 1, 0);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "pool_int64s", 1, ints);
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(1));
    grams(c, "unknown mode", "BM25", 1, 0);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "pool_int64s", 6, ints);
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(1));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_I32I64 | HN_T_STRING, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"mode", HN_ATTR_STRING, true, NULL, "TF: counts; IDF: weight where present; TFIDF: count times weight"},
    {"min_gram_length", HN_ATTR_INT, true, NULL, "shortest n-gram to count"},
    {"max_gram_length", HN_ATTR_INT, true, NULL, "longest n-gram to count"},
    {"max_skip_count", HN_ATTR_INT, true, NULL, "most tokens skipped between two of an n-gram"},
    {"ngram_counts", HN_ATTR_INTS, true, NULL, "where in the pool the n-grams of each length begin"},
    {"ngram_indexes", HN_ATTR_INTS, true, NULL, "output column of each n-gram of the pool"},
    {"pool_int64s", HN_ATTR_INTS, false, NULL, "the pool, for integers"},
    {"pool_strings", HN_ATTR_STRINGS, false, NULL, "the pool, for texts"},
    {"weights", HN_ATTR_FLOATS, false, NULL, "weight of each n-gram of the pool; default 1"},
    {0},
};
const hn_op hn_op_tf_idf_vectorizer = {
    .name = "TfIdfVectorizer",
    .domain = "",
    .since = 9,
    .doc =
        "y[column of g] = how often the n-gram g of the pool occurs in the row, times its weight where `mode` says so. "
        "Pool [5], [6], [5, 6], [6, 7]: TfIdfVectorizer([5, 6, 6, 7]) = [1, 2, 1, 1].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
