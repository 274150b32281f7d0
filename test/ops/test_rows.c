/* rows: every row of the op table, tested from what the row itself says: declaration, worked example, inference against
 * real shapes and with unknown dims, every allowed dtype, decomposition, refusals, signed finite-difference gradients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "ir/rewrite.h"
#include "passes/autodiff.h"
#include "support/opcase.h"
#include "support/oprun.h"

typedef struct bench {
    hn_env env;
    hn_arena arena;
    const hn_op *op;
    hn_cases cases;
} bench;

static void begin(bench *b, const hn_op *op)
{
    memset(b, 0, sizeof *b);
    hn_env_init(&b->env);
    b->op = op;
    hn_status st = hn_opcases(&b->env, &b->arena, op, &b->cases);
    if (st != HN_OK) fail_msg("%s: case generator failed: %s", op->name, b->env.error.text);
}

static void end(bench *b)
{
    hn_arena_fini(&b->env, &b->arena);
}

#define MUST(b, c, expr)                                                                               \
    do {                                                                                               \
        if ((expr) != HN_OK)                                                                           \
            fail_msg("%s, case \"%s\": %s: %s", (b)->op->name, (c)->name, #expr, (b)->env.error.text); \
    } while (0)

static bool plain_case(const hn_case_row *c)
{
    return !(c->flags & HN_CASE_FAILS);
}

/* ---- declaration ---- */
static void test_declaration(void **state)
{
    const hn_op *op = *state;
    bool control = op->flags & HN_OP_CONTROL, example = false;
    assert_non_null(op->name);
    assert_non_null(op->domain);
    assert_true(op->since > 0);
    assert_non_null(op->doc);
    assert_true(strlen(op->doc) > 10);
    assert_non_null(op->infer);
    assert_non_null(op->quant);
    assert_true(op->nin_min <= op->nin && op->nout_min <= op->nout && op->nout >= 1);
    assert_true((op->ref != NULL) != control);
    switch (op->grad_kind) {
    case HN_GRAD_BUILDER: assert_non_null(op->grad); break;
    case HN_GRAD_NONE: assert_non_null(op->grad_reason); break;
    case HN_GRAD_DECOMPOSE: assert_non_null(op->decompose); break;
    case HN_GRAD_ZERO: break;
    default: fail_msg("%s does not say what its gradient is", op->name);
    }
    for (const hn_attr_row *a = op->attrs; a && a->name; a++) {
        assert_non_null(a->doc);
        assert_true(a->kind >= HN_ATTR_INT && a->kind <= HN_ATTR_TYPE);
    }
    if (control) return;
    bench b;
    assert_non_null(op->cases);
    begin(&b, op);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) example |= !strcmp(c->name, "example") && c->nwant > 0;
    /* A random row has no expected numbers. */
    if (!example && !(op->flags & HN_OP_RANDOM)) fail_msg("%s has no worked example among its cases", op->name);
    end(&b);
}

/* ---- expected outputs ---- */
static void test_examples(void **state)
{
    bench b;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        hn_opcase o;
        hn_tensor *out[HN_CASE_PORTS] = {NULL};
        if (!plain_case(c)) continue;
        MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, NULL, HN_TOLD_ALL, &o));
        MUST(&b, c, hn_opcase_run(&b.env, &b.arena, &o, out));
        for (size_t k = 0; k < c->nwant; k++) {
            double tol = c->flags & HN_CASE_INEXACT ? 1e-4 : 1e-6;
            double over = out[k] ? hn_tensor_excess(out[k], c->want[k], tol, tol) : INFINITY;
            char got[80], want[80];
            if (over == 0) continue;
            hn_tensor_describe(out[k], got, sizeof got);
            hn_tensor_describe(c->want[k], want, sizeof want);
            fail_msg("%s, case \"%s\", output %zu: %s differs from the expected %s by %g", b.op->name, c->name, k, got,
                     want, over);
        }
    }
    end(&b);
}

/* ---- inference ---- */
static void check_type(const bench *b, const hn_case_row *c, const char *how, size_t k, const hn_type *t,
                       const hn_tensor *real, hn_told told)
{
    if (t->kind != HN_KIND_TENSOR || hn_dtype_is_list(real->dtype)) {
        if (hn_type_holds(t, real)) return;
        fail_msg("%s, case \"%s\", %s: output %zu is no value of the inferred kind", b->op->name, c->name, how, k);
    }
    if (t->dtype != real->dtype)
        fail_msg("%s, case \"%s\", %s: output %zu is %s, inferred %s", b->op->name, c->name, how, k,
                 hn_dtype_name(real->dtype), hn_dtype_name(t->dtype));
    if (t->rank == -1) {
        if (told == HN_TOLD_ALL)
            fail_msg("%s, case \"%s\": the rank of output %zu is not inferred", b->op->name, c->name, k);
        return;
    }
    if (t->rank != real->rank)
        fail_msg("%s, case \"%s\", %s: output %zu has rank %d, inferred %d", b->op->name, c->name, how, k, real->rank,
                 t->rank);
    for (int d = 0; d < t->rank; d++) {
        bool wrong = t->dims[d] >= 0 && t->dims[d] != real->dims[d];
        if (wrong)
            fail_msg("%s, case \"%s\", %s: output %zu has %lld at axis %d, inferred %lld", b->op->name, c->name, how, k,
                     (long long)real->dims[d], d, (long long)t->dims[d]);
    }
}

/* A symbol stands for one size: where an output has one, the real dim must be the size it was made for. */
static void check_symbols(const bench *b, const hn_case_row *c, const hn_graph *g, const hn_type *t,
                          const hn_tensor *real)
{
    if (hn_dtype_is_list(real->dtype)) return;
    for (int d = 0; d < t->rank; d++) {
        char want[24];
        const char *name = t->dims[d] <= -2 ? hn_graph_symbol_name(g, t->dims[d]) : NULL;
        if (!name || name[0] != 'd' || name[1] < '0' || name[1] > '9') continue;
        snprintf(want, sizeof want, "d%lld", (long long)real->dims[d]);
        if (strcmp(name, want) != 0)
            fail_msg("%s, case \"%s\": axis %d is said to be %s and has %lld", b->op->name, c->name, d, name,
                     (long long)real->dims[d]);
    }
}

static void test_inference(void **state)
{
    static const char *const how[] = {"all told", "symbols", "symbols for 1 too", "ranks only", "nothing told"};
    bench b;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        hn_tensor *out[HN_CASE_PORTS] = {NULL};
        if (!plain_case(c)) continue;
        for (hn_told told = HN_TOLD_ALL; told <= HN_TOLD_NOTHING; told++) {
            hn_opcase o;
            MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, NULL, told, &o));
            MUST(&b, c, hn_node_infer(o.n));
            if (told == HN_TOLD_ALL) MUST(&b, c, hn_opcase_run(&b.env, &b.arena, &o, out));
            for (size_t k = 0; k < o.n->nout; k++) {
                if (!out[k]) continue;
                check_type(&b, c, how[told], k, &o.n->out[k]->type, out[k], told);
                check_symbols(&b, c, o.g, &o.n->out[k]->type, out[k]);
            }
        }
    }
    end(&b);
}

/* ---- refusals ---- */
static void test_refusals(void **state)
{
    bench b;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        hn_opcase o;
        hn_tensor *out[HN_CASE_PORTS] = {NULL};
        if (plain_case(c)) continue;
        MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, NULL, HN_TOLD_ALL, &o));
        hn_status st = hn_node_infer(o.n);
        if (st == HN_OK) st = hn_opcase_run(&b.env, &b.arena, &o, out);
        if (st != HN_INPUT && st != HN_UNSUPPORTED)
            fail_msg("%s, case \"%s\" is not refused but gives %s", b.op->name, c->name, hn_status_name(st));
        if (!strstr(b.env.error.text, b.op->name) && !strstr(b.env.error.text, hn_node_label(o.n)))
            fail_msg("%s, case \"%s\": the message does not name the node: %s", b.op->name, c->name, b.env.error.text);
        hn_error_clear(&b.env);
    }
    end(&b);
}

/* ---- dtypes ---- */
/* The inputs that have to change together with input i. */
static bool together(const hn_op *op, size_t i, size_t k)
{
    const hn_port *p = hn_op_port(op, i), *q = hn_op_port(op, k);
    return i == k || (p->var != 0 && p->var == q->var);
}

static hn_status retyped(bench *b, const hn_case_row *c, size_t i, hn_dtype to, const hn_tensor **in)
{
    for (size_t k = 0; k < c->nin; k++) {
        hn_tensor *t = NULL;
        in[k] = c->in[k];
        if (!c->in[k] || !together(b->op, i, k)) continue;
        HN_TRY(hn_tensor_convert(&b->env, &b->arena, c->in[k], to, &t));
        in[k] = t;
    }
    return HN_OK;
}

static double step_of(hn_dtype t)
{
    return t == HN_BF16 ? 0x1p-8 : t == HN_F16 ? 0x1p-10 : t == HN_F32 ? 0x1p-22 : 0x1p-50;
}

/* Floats are computed in double and rounded once: the result is the f64 result of the same (rounded) inputs, rounded.
 */
static void check_rounding(bench *b, const hn_case_row *c, size_t i, hn_dtype to, const hn_tensor *const *in,
                           hn_tensor **out)
{
    const hn_tensor *wide[HN_CASE_PORTS] = {NULL};
    hn_tensor *want[HN_CASE_PORTS] = {NULL}, *same;
    hn_case_row w = *c;
    hn_opcase o;
    memcpy(w.in, in, sizeof(w.in));
    MUST(b, c, retyped(b, &w, i, HN_F64, wide));
    MUST(b, c, hn_opcase_graph(&b->env, &b->arena, b->op, &w, wide, HN_TOLD_ALL, &o));
    MUST(b, c, hn_opcase_run(&b->env, &b->arena, &o, want));
    for (size_t k = 0; k < o.n->nout; k++) {
        if (!out[k] || out[k]->dtype != to) continue;
        MUST(b, c, hn_tensor_convert(&b->env, &b->arena, want[k], to, &same));
        double over = hn_tensor_excess(out[k], same, step_of(to), step_of(to) * 0.01);
        if (over > 0) fail_msg("%s, case \"%s\" in %s is off by %g", b->op->name, c->name, hn_dtype_name(to), over);
    }
}

static void test_dtypes(void **state)
{
    bench b;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        if (!plain_case(c) || c->flags & HN_CASE_ONE_TYPE) continue;
        for (size_t i = 0; i < c->nin; i++) {
            const hn_port *p = hn_op_port(b.op, i);
            bool earlier = false;
            for (size_t k = 0; k < i; k++) earlier |= c->in[k] && together(b.op, k, i);
            if (!c->in[i] || earlier || hn_tensor_deep(c->in[i])) continue;
            for (int t = 1; t < HN_DTYPES; t++) {
                const hn_tensor *in[HN_CASE_PORTS] = {NULL};
                hn_tensor *out[HN_CASE_PORTS] = {NULL};
                hn_opcase o;
                if (!(p->types & HN_BIT(t))) continue;
                MUST(&b, c, retyped(&b, c, i, (hn_dtype)t, in));
                MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, in, HN_TOLD_ALL, &o));
                hn_status st = hn_node_infer(o.n);
                if (st == HN_OK) st = hn_opcase_run(&b.env, &b.arena, &o, out);
                if (st != HN_OK)
                    fail_msg("%s, case \"%s\" does not run in %s: %s", b.op->name, c->name, hn_dtype_name((hn_dtype)t),
                             b.env.error.text);
                bool rounds = HN_BIT(t) & HN_T_FLOAT && p->types & HN_BIT(HN_F64) && !(b.op->flags & HN_OP_RANDOM);
                if (rounds) check_rounding(&b, c, i, (hn_dtype)t, in, out);
            }
        }
    }
    end(&b);
}

/* ---- decomposition ---- */
static void test_decomposition(void **state)
{
    bench b;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next) {
        hn_opcase o;
        hn_value *parts[HN_CASE_PORTS] = {NULL};
        const hn_tensor *in[HN_CASE_PORTS], *given[HN_CASE_PORTS];
        hn_tensor *out[HN_CASE_PORTS] = {NULL}, *got[HN_CASE_PORTS] = {NULL};
        if (!b.op->decompose || !plain_case(c) || c->flags & HN_CASE_NO_EXPAND) continue;
        MUST(&b, c, hn_opcase_graph(&b.env, &b.arena, b.op, c, NULL, HN_TOLD_ALL, &o));
        MUST(&b, c, hn_opcase_run(&b.env, &b.arena, &o, out));
        MUST(&b, c, hn_node_infer(o.n));
        hn_rw rw = hn_rw_at(o.g, o.n);
        MUST(&b, c, b.op->decompose(&rw, o.n, parts));
        MUST(&b, c, hn_rw_status(&rw));
        size_t m = 0, kept[HN_CASE_PORTS];
        for (size_t k = 0; k < o.n->nout; k++) {
            if (!out[k]) continue;
            assert_non_null(parts[k]);
            kept[m++] = k;
            MUST(&b, c, hn_graph_output(o.g, parts[k]));
        }
        hn_node_remove(o.n);
        memcpy(in, o.in, sizeof in);
        m = 0;
        for (size_t i = 0; i < c->nin; i++)
            if (c->in[i] && !c->constant[i]) given[m++] = in[i];
        MUST(&b, c, hn_oprun(&b.env, &b.arena, o.g, given, got));
        for (size_t k = 0; k < o.g->nout; k++) {
            double over = hn_tensor_excess(got[k], out[kept[k]], 2e-6, 2e-6);
            if (over > 0)
                fail_msg("%s, case \"%s\": the decomposition differs by %g in output %zu", b.op->name, c->name, over,
                         kept[k]);
        }
    }
    end(&b);
}

/* ---- gradients ---- */
/* Inputs in f64 where their ports allow that. False when a float input that matters cannot be f64. */
static bool doubled(bench *b, const hn_case_row *c, const hn_tensor **in)
{
    for (size_t i = 0; i < c->nin; i++) {
        hn_tensor *t = NULL;
        in[i] = c->in[i];
        if (c->in[i] && hn_dtype_is_list(c->in[i]->dtype)) return false;
        if (!c->in[i] || !(HN_BIT(c->in[i]->dtype) & HN_T_FLOAT)) continue;
        if (!(hn_op_port(b->op, i)->types & HN_BIT(HN_F64))) {
            if (!c->constant[i]) return false;
            continue;
        }
        MUST(b, c, hn_tensor_convert(&b->env, &b->arena, c->in[i], HN_F64, &t));
        in[i] = t;
    }
    return true;
}

static double weight(size_t k, size_t i)
{
    return (double)(hn_mix64(k * 1000003 + i) >> 11) * 0x1p-53 * 2 - 0.7;
}

/* sum over float outputs of weight * output */
static double loss_of(bench *b, const hn_case_row *c, const hn_opcase *o)
{
    hn_tensor *out[HN_CASE_PORTS] = {NULL};
    hn_arena arena = {0};
    double sum = 0;
    if (hn_opcase_run(&b->env, &arena, o, out) != HN_OK)
        fail_msg("%s, case \"%s\": %s", b->op->name, c->name, b->env.error.text);
    for (size_t k = 0; k < o->n->nout; k++)
        for (size_t i = 0; out[k] && hn_dtype_is_float(out[k]->dtype) && i < hn_tensor_elems(out[k]); i++)
            sum += weight(k, i) * hn_get_f64(out[k], i);
    hn_arena_fini(&b->env, &arena);
    return sum;
}

static hn_value *loss_value(bench *b, const hn_case_row *c, hn_opcase *o)
{
    hn_rw rw = hn_rw_at(o->g, NULL);
    hn_value *sum = NULL;
    for (size_t k = 0; k < o->n->nout; k++) {
        hn_value *y = o->n->out[k];
        hn_tensor *t;
        if (!y || !hn_dtype_is_float(y->type.dtype)) continue;
        hn_value *w = hn_rw_const_new(&rw, y->type.dtype, y->type.rank, y->type.dims, &t);
        for (size_t i = 0; w && i < hn_tensor_elems(t); i++) hn_set_f64(t, i, weight(k, i));
        hn_value *part = hn_rw_2(&rw, "Mul", y, w);
        if (y->type.dtype != HN_F64) {
            const hn_rw_attr to[] = {HN_A_INT("to", HN_F64), {0}};
            part = hn_rw_op(&rw, "Cast", 1, &part, to);
        }
        part = hn_rw_op(&rw, "ReduceSum", 1, &part, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
        sum = sum ? hn_rw_2(&rw, "Add", sum, part) : part;
    }
    MUST(b, c, hn_rw_status(&rw));
    return sum;
}

/* Outputs that stay f32 whatever the input is: differences need a longer step, and are less exact. */
static bool coarse(const hn_opcase *o)
{
    for (size_t k = 0; k < o->n->nout; k++)
        if (o->n->out[k] && o->n->out[k]->type.dtype == HN_F32) return true;
    return false;
}

/* The derivative of the loss along `dir` (one number per element of input i) by central differences. */
static double slope(bench *b, const hn_case_row *c, hn_opcase *o, size_t i, const double *dir)
{
    const double h = coarse(o) ? 1.0 / 256 : 1e-5;
    hn_tensor *moved;
    const hn_tensor *keep = o->in[i];
    double f[2];
    size_t n = hn_tensor_elems(keep);
    MUST(b, c, hn_tensor_copy(&b->env, &b->arena, keep, &moved));
    o->in[i] = moved;
    for (int s = 0; s < 2; s++) {
        for (size_t j = 0; j < n; j++) hn_set_f64(moved, j, hn_get_f64(keep, j) + (s ? -h : h) * dir[j]);
        f[s] = loss_of(b, c, o);
    }
    o->in[i] = keep;
    return (f[0] - f[1]) / (2 * h);
}

static void compare_slopes(bench *b, const hn_case_row *c, hn_opcase *o, size_t i, const hn_tensor *grad,
                           size_t *nonzero)
{
    size_t n = hn_tensor_elems(grad), rounds = n <= 24 ? n + 2 : 8;
    double *dir = hn_arena_array(&b->env, &b->arena, n, sizeof *dir);
    hn_rng rng;
    assert_non_null(dir);
    hn_rng_init(&rng, 7, i);
    for (size_t r = 0; n > 0 && r < rounds; r++) {
        double want = 0;
        for (size_t j = 0; j < n; j++) {
            dir[j] = n <= 24 && r < n ? (double)(j == r) : hn_rng_normal(&rng);
            want += dir[j] * hn_get_f64(grad, j);
        }
        double got = slope(b, c, o, i, dir);
        if (fabs(got) > 1e-3) ++*nonzero;
        if (!(fabs(got - want) <= (coarse(o) ? 1e-3 : 2e-5) * (1 + fabs(got))))
            fail_msg("%s, case \"%s\", input %zu, direction %zu: the gradient says %.9g, differences say %.9g",
                     b->op->name, c->name, i, r, want, got);
    }
}

static void gradient_case(bench *b, const hn_case_row *c, size_t *compared, size_t *nonzero)
{
    const hn_tensor *in[HN_CASE_PORTS], *given[HN_CASE_PORTS];
    hn_value *wrt[HN_CASE_PORTS], *grad[HN_CASE_PORTS];
    hn_tensor *got[HN_CASE_PORTS] = {NULL};
    size_t which[HN_CASE_PORTS], m = 0, given_count = 0;
    hn_opcase o;
    if (!doubled(b, c, in)) return;
    MUST(b, c, hn_opcase_graph(&b->env, &b->arena, b->op, c, in, HN_TOLD_ALL, &o));
    MUST(b, c, hn_node_infer(o.n));
    for (size_t k = 0; k < o.n->nout; k++)
        if (o.n->out[k] && !hn_type_known(&o.n->out[k]->type)) return;
    for (size_t i = 0; i < c->nin; i++) {
        if (!in[i] || c->constant[i]) continue;
        given[given_count++] = in[i];
        if (!hn_dtype_is_float(in[i]->dtype)) continue;
        which[m] = i;
        wrt[m++] = o.n->in[i];
    }
    hn_value *loss = loss_value(b, c, &o);
    if (!loss || m == 0) return;
    hn_status st = hn_autodiff(&b->env, o.g, loss, m, wrt, grad);
    if (b->op->grad_kind == HN_GRAD_NONE) {
        assert_int_equal(st, HN_UNSUPPORTED);
        assert_non_null(strstr(b->env.error.text, b->op->grad_reason));
        hn_error_clear(&b->env);
        ++*compared;
        return;
    }
    if (st != HN_OK) fail_msg("%s, case \"%s\": %s", b->op->name, c->name, b->env.error.text);
    MUST(b, c, hn_graph_verify(&b->env, o.g));
    for (size_t i = 0; i < m; i++) MUST(b, c, hn_graph_output(o.g, grad[i]));
    MUST(b, c, hn_oprun(&b->env, &b->arena, o.g, given, got));
    for (size_t i = 0; i < m; i++) {
        assert_true(hn_tensor_same_shape(got[i], in[which[i]]));
        compare_slopes(b, c, &o, which[i], got[i], nonzero);
        ++*compared;
    }
}

static void test_gradients(void **state)
{
    bench b;
    size_t compared = 0, nonzero = 0;
    bool floats = false;
    begin(&b, *state);
    for (const hn_case_row *c = b.cases.first; c; c = c->next)
        if (plain_case(c) && !(c->flags & HN_CASE_NO_GRAD)) gradient_case(&b, c, &compared, &nonzero);
    for (int i = 0; i < b.op->nin; i++) floats |= (b.op->in[i].types & HN_BIT(HN_F64)) != 0;
    bool builds = b.op->grad_kind == HN_GRAD_BUILDER || b.op->grad_kind == HN_GRAD_DECOMPOSE;
    if (builds && !(b.op->flags & HN_OP_CONTROL) && floats && nonzero == 0)
        fail_msg("%s: no case compares a gradient that is not zero", b.op->name);
    end(&b);
}

/* ---- the table ---- */
static void test_table_is_sorted(void **state)
{
    (void)state;
    assert_true(hn_ops.count > 0);
    for (size_t i = 0; i + 1 < hn_ops.count; i++) {
        const hn_op *a = hn_ops.rows[i], *b = hn_ops.rows[i + 1];
        int order = strcmp(a->domain, b->domain);
        if (order > 0 || (order == 0 && strcmp(a->name, b->name) >= 0))
            fail_msg("%s.%s comes before %s.%s", a->domain, a->name, b->domain, b->name);
        assert_ptr_equal(hn_op_find(&hn_ops, a->domain, a->name), a);
    }
    assert_null(hn_op_find(&hn_ops, "", "NoSuchOp"));
}

int main(void)
{
    static const struct {
        const char *what;
        CMUnitTestFunction run;
        bool control;
    } checks[] = {{"declaration", test_declaration, true}, {"examples", test_examples, false},
                  {"inference", test_inference, false},    {"refusals", test_refusals, false},
                  {"dtypes", test_dtypes, false},          {"decomposition", test_decomposition, false},
                  {"gradients", test_gradients, false}};
    const char *only = getenv("HONE_TEST_OP");
    size_t per = sizeof checks / sizeof checks[0], n = 0;
    struct CMUnitTest *tests = calloc(hn_ops.count * per + 1, sizeof *tests);
    if (!tests) return 1;
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_table_is_sorted);
    for (size_t i = 0; i < hn_ops.count; i++) {
        const hn_op *op = hn_ops.rows[i];
        if (only && strcmp(only, op->name) != 0) continue;
        for (size_t k = 0; k < per; k++) {
            if (!checks[k].control && op->flags & HN_OP_CONTROL) continue;
            char *name = malloc(160);
            if (!name) return 1;
            snprintf(name, 160, "%s%s%s %s", op->domain, op->domain[0] ? "." : "", op->name, checks[k].what);
            tests[n++] = (struct CMUnitTest){.name = name, .test_func = checks[k].run, .initial_state = (void *)op};
        }
    }
    int failed = _cmocka_run_group_tests("rows", tests, n, NULL, NULL);
    for (size_t i = 1; i < n; i++) free((char *)tests[i].name);
    free(tests);
    return failed;
}
