/* lib_random: MT19937 (Matsumoto and Nishimura, 1998) and the distributions of NumPy's legacy generator on top of it.
 */
#include "ops/lib_random.h"

enum { N = 624, M = 397 };

void hn_draw_seed(hn_draw *d, uint32_t seed)
{
    *d = (hn_draw){.seeded = true, .at = N};
    d->s[0] = seed;
    for (uint32_t i = 1; i < N; i++) d->s[i] = UINT32_C(1812433253) * (d->s[i - 1] ^ d->s[i - 1] >> 30) + i;
}

static uint32_t twist(uint32_t high, uint32_t low)
{
    uint32_t y = (high & UINT32_C(0x80000000)) | (low & UINT32_C(0x7fffffff));
    return y >> 1 ^ (y & 1 ? UINT32_C(0x9908b0df) : 0);
}

static uint32_t next(hn_draw *d)
{
    if (d->at == N) {
        for (int i = 0; i < N; i++) d->s[i] = d->s[(i + M) % N] ^ twist(d->s[i], d->s[(i + 1) % N]);
        d->at = 0;
    }
    uint32_t y = d->s[d->at++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9d2c5680);
    y ^= y << 15 & UINT32_C(0xefc60000);
    return y ^ y >> 18;
}

void hn_draw_init(hn_draw *d, const hn_refargs *a)
{
    const hn_attr *s = hn_node_attr(a->node, "seed");
    double v = s && s->kind == HN_ATTR_INT ? (double)s->u.i : s ? s->u.f : 0;
    if (s && v > -1 && v < 0x1p32) {
        hn_draw_seed(d, (uint32_t)v);
        return;
    }
    /* A seed that NumPy would refuse still gives the same numbers every time. */
    *d = (hn_draw){.seeded = false};
    uint64_t bits = 0;
    if (s) memcpy(&bits, &v, sizeof bits);
    hn_rng_init(&d->rng, s ? hn_mix64(bits) : a->env->seed, s ? 0 : a->node->id);
}

double hn_draw_unit(hn_draw *d)
{
    if (!d->seeded) return hn_rng_unit(&d->rng);
    uint32_t a = next(d) >> 5, b = next(d) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
}

/* Polar method; the pair is handed out second number first. */
double hn_draw_normal(hn_draw *d)
{
    double x, y, r;
    if (d->kept) {
        d->kept = false;
        return d->spare;
    }
    do {
        x = 2 * hn_draw_unit(d) - 1;
        y = 2 * hn_draw_unit(d) - 1;
        r = x * x + y * y;
    } while (r >= 1 || r == 0);
    double f = sqrt(-2 * log(r) / r);
    d->spare = f * x;
    d->kept = true;
    return f * y;
}

/* Inversion, as binomial(1, p) does it: one number, read against 1 - p below a half and against p above. */
int64_t hn_draw_bernoulli(hn_draw *d, double p)
{
    double low = p <= 0.5 ? p : 1 - p, q = 1 - low, still = exp(log(q));
    int64_t hit = 0;
    for (;;) {
        double u = hn_draw_unit(d);
        if (!(u > still)) break;
        u -= still;
        if (!(u > low * still / q)) {
            hit = 1;
            break;
        }
    }
    return p <= 0.5 ? hit : 1 - hit;
}

hn_status hn_infer_random_dtype(hn_infer *c, hn_dtype otherwise)
{
    int64_t t = hn_attr_int(c->node, "dtype", otherwise == HN_NONE ? (int64_t)c->in[0]->dtype : (int64_t)otherwise);
    if (t == HN_NONE) return HN_OK;
    if (!hn_dtype_valid(t) || !(c->node->op->out[0].types & HN_BIT(t)))
        return hn_op_unsupported(c->env, c->node, "dtype %s (%lld)",
                                 hn_dtype_valid(t) ? hn_dtype_name((hn_dtype)t) : "?", (long long)t);
    c->out[0].dtype = (hn_dtype)t;
    return HN_OK;
}

hn_status hn_infer_random_like(hn_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].dtype = HN_NONE;
    return hn_infer_random_dtype(c, HN_NONE);
}

hn_status hn_infer_random_shape(hn_infer *c)
{
    const int64_t *dims = NULL;
    size_t n = hn_attr_ints(c->node, "shape", &dims);
    if (n > HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "a shape of %zu axes", n);
    c->out[0].rank = (int)n;
    for (size_t i = 0; i < n; i++) {
        if (dims[i] < 0) return hn_op_fail(c->env, c->node, "shape has a size of %lld", (long long)dims[i]);
        c->out[0].dims[i] = dims[i];
    }
    return hn_infer_random_dtype(c, HN_F32);
}

/* Steps are rounded to the output's type one by one, as array arithmetic in that type does. */
static void scale_and_shift(const hn_tensor *y, size_t i, double by, double plus)
{
    hn_set_f64(y, i, hn_get_f64(y, i) * by);
    hn_set_f64(y, i, hn_get_f64(y, i) + plus);
}

static double rounded(const hn_tensor *like, double v)
{
    hn_set_f64(like, 0, v);
    return hn_get_f64(like, 0);
}

hn_status hn_ref_random_uniform(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    double low = hn_attr_float(a->node, "low", 0), high = hn_attr_float(a->node, "high", 1);
    size_t n = hn_tensor_elems(y);
    hn_draw d;
    if (n == 0) return HN_OK;
    double by = rounded(y, high - low), plus = rounded(y, low);
    hn_draw_init(&d, a);
    for (size_t i = 0; i < n; i++) {
        hn_set_f64(y, i, hn_draw_unit(&d));
        scale_and_shift(y, i, by, plus);
    }
    return HN_OK;
}

hn_status hn_ref_random_normal(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    size_t n = hn_tensor_elems(y);
    hn_draw d;
    if (n == 0) return HN_OK;
    double by = rounded(y, hn_attr_float(a->node, "scale", 1)), plus = rounded(y, hn_attr_float(a->node, "mean", 0));
    hn_draw_init(&d, a);
    for (size_t i = 0; i < n; i++) {
        hn_set_f64(y, i, hn_draw_normal(&d));
        scale_and_shift(y, i, by, plus);
    }
    return HN_OK;
}

static void scaled_case(hn_cases *c, const char *name, uint32_t flags, const hn_random_cases *r)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT | flags);
    hn_case_float(c, "seed", 3);
    for (int i = 0; i < 2; i++) hn_case_float(c, r->name[i], r->value[i]);
}

hn_status hn_random_shape_cases(hn_cases *c, const hn_random_cases *r)
{
    hn_case(c, "example");
    hn_case_float(c, "seed", 0);
    hn_case_ints(c, "shape", 1, (int64_t[]){3});
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_want(c, HN_F32, HN_DIMS(3), r->first);
    scaled_case(c, "scaled and shifted", 0, r);
    hn_case_ints(c, "shape", 2, (int64_t[]){2, 2});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), r->scaled);
    hn_case(c, "without a seed, in f16");
    hn_case_int(c, "dtype", HN_F16);
    hn_case_ints(c, "shape", 1, (int64_t[]){5});
    hn_case(c, "empty");
    hn_case_ints(c, "shape", 1, (int64_t[]){0});
    hn_case(c, "no such type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "dtype", HN_I64);
    hn_case_ints(c, "shape", 1, (int64_t[]){2});
    hn_case(c, "negative size");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "shape", 1, (int64_t[]){-2});
    return hn_cases_status(c);
}

hn_status hn_random_like_cases(hn_cases *c, const hn_random_cases *r)
{
    hn_case(c, "example");
    hn_case_float(c, "seed", 0);
    hn_case_in(c, HN_I32, HN_DIMS(3), HN_VALS(7, 8, 9));
    hn_case_int(c, "dtype", HN_F32);
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_want(c, HN_F32, HN_DIMS(3), r->first);
    scaled_case(c, "the type of the input", HN_CASE_ONE_TYPE, r);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 0, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), r->scaled);
    hn_case(c, "without a seed, empty");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_F64, HN_DIMS(0, 2), NULL);
    hn_case(c, "no such type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(0, 0));
    return hn_cases_status(c);
}
