/* Einsum: sums of products named by an equation. Each label is one loop; an ellipsis stands for dims that broadcast. */
#include "ops/lib_nn.h"

enum { OPERANDS = 8, ELLIPSIS = 52, LABELS = ELLIPSIS + HN_MAX_RANK };

typedef struct term {
    int rank;
    int8_t label[HN_MAX_RANK];
} term;

typedef struct equation {
    size_t n;
    term in[OPERANDS], out;
    int64_t size[LABELS]; /* -1: unknown; -2: label not used */
} equation;

/* 'A' to 'Z' are 0 to 25, 'a' to 'z' 26 to 51; -1 for anything else. */
static int letter(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}
static char letter_of(int label)
{
    return (char)(label < 26 ? 'A' + label : 'a' + label - 26);
}

/* One term up to `end`; dots dims stand for its ellipsis (the last of the shared ones). False when it is malformed. */
static bool read_term(const char **p, const char *end, int dots, term *t)
{
    bool seen = false;
    t->rank = 0;
    for (; *p < end && **p != ',' && **p != '-'; ++*p) {
        if (**p == ' ') continue;
        if (**p == '.') {
            if (seen || end - *p < 3 || (*p)[1] != '.' || (*p)[2] != '.' || t->rank + dots > HN_MAX_RANK || dots < 0)
                return false;
            for (int d = 0; d < dots; d++) t->label[t->rank++] = (int8_t)(ELLIPSIS + HN_MAX_RANK - dots + d);
            *p += 2;
            seen = true;
        } else {
            int l = letter(**p);
            if (l < 0 || t->rank == HN_MAX_RANK) return false;
            t->label[t->rank++] = (int8_t)l;
        }
    }
    return true;
}

/* Dims of the term's ellipsis: the operand's rank less its letters. */
static int count_dots(const char *p, const char *end, int rank)
{
    for (; p < end && *p != ',' && *p != '-'; p++) rank -= letter(*p) >= 0;
    return rank;
}

/* Without "->": the broadcast dims, then the letters that occur once, in order. */
static void implicit(equation *e, int dots)
{
    int count[LABELS] = {0};
    e->out.rank = 0;
    for (size_t k = 0; k < e->n; k++) {
        for (int d = 0; d < e->in[k].rank; d++) count[e->in[k].label[d]]++;
    }
    for (int d = 0; d < dots; d++) e->out.label[e->out.rank++] = (int8_t)(ELLIPSIS + HN_MAX_RANK - dots + d);
    for (int l = 0; l < ELLIPSIS && e->out.rank < HN_MAX_RANK; l++) {
        if (count[l] == 1) e->out.label[e->out.rank++] = (int8_t)l;
    }
}

static hn_status measure(hn_env *env, const hn_node *node, equation *e, const hn_type *const *types)
{
    for (int l = 0; l < LABELS; l++) e->size[l] = -2;
    for (size_t k = 0; k < e->n; k++) {
        for (int d = 0; d < e->in[k].rank; d++) {
            int64_t *size = &e->size[e->in[k].label[d]], dim = types[k]->dims[d] < 0 ? -1 : types[k]->dims[d];
            if (*size == -2 || *size == 1)
                *size = dim;
            else if (*size == -1)
                *size = dim == 1 ? -1 : dim;
            else if (dim != 1 && dim != -1 && dim != *size) {
                return hn_op_fail(env, node, "a label has sizes %lld and %lld", (long long)*size, (long long)dim);
            }
        }
    }
    for (int d = 0; d < e->out.rank; d++) {
        if (e->size[e->out.label[d]] == -2) return hn_op_fail(env, node, "an output label is in no input");
        for (int j = 0; j < d; j++) {
            if (e->out.label[j] == e->out.label[d]) return hn_op_fail(env, node, "an output label is repeated");
        }
    }
    return HN_OK;
}

static hn_status parse(hn_env *env, const hn_node *node, size_t n, const hn_type *const *types, equation *e)
{
    hn_str s = hn_attr_string(node, "equation", "");
    const char *p = s.data, *end = s.data + s.size;
    int most = 0;
    e->n = n;
    if (n > OPERANDS) return hn_op_unsupported(env, node, "%zu operands, the most is %d", n, OPERANDS);
    for (size_t k = 0; k < n; k++) {
        int dots = count_dots(p, end, types[k]->rank);
        bool good = read_term(&p, end, dots, &e->in[k]) && e->in[k].rank == types[k]->rank;
        if (!good || (k + 1 < n ? p == end || *p++ != ',' : p < end && *p != '-')) {
            return hn_op_fail(env, node, "equation \"%.*s\" does not fit its inputs", (int)hn_min_size(s.size, 60),
                              s.data);
        }
        /* dots counts nothing where the term has no ellipsis: then the ranks agree only when it is 0. */
        if (dots > most) most = dots;
    }
    if (p == end) {
        implicit(e, most);
    } else if (end - p < 2 || p[1] != '>' || (p += 2, !read_term(&p, end, most, &e->out)) || p != end) {
        return hn_op_fail(env, node, "equation \"%.*s\" is malformed", (int)hn_min_size(s.size, 60), s.data);
    }
    return measure(env, node, e, types);
}

static hn_status infer(hn_infer *c)
{
    equation e;
    c->out[0].dtype = c->in[0]->dtype;
    for (size_t k = 0; k < c->nin; k++) {
        if (!c->in[k]) return hn_op_fail(c->env, c->node, "input %zu is absent", k);
        if (c->in[k]->rank < 0) return HN_OK;
    }
    HN_TRY(parse(c->env, c->node, c->nin, c->in, &e));
    c->out[0].rank = e.out.rank;
    for (int d = 0; d < e.out.rank; d++) c->out[0].dims[d] = e.size[e.out.label[d]];
    return HN_OK;
}

/* Elements to move in operand t per step of a label. */
static int64_t stride_of(const term *t, const hn_tensor *x, int label)
{
    int64_t own[HN_MAX_RANK], sum = 0;
    hn_strides(x->rank, x->dims, own);
    for (int d = 0; d < t->rank; d++) {
        if (t->label[d] == label && x->dims[d] != 1) sum += own[d];
    }
    return sum;
}

typedef struct loops {
    int n, nout; /* the first nout loops are those of the output */
    int64_t size[LABELS], stride[LABELS][OPERANDS];
} loops;

static loops plan(const equation *e, const hn_refargs *a)
{
    loops l = {.n = e->out.rank, .nout = e->out.rank};
    int8_t order[LABELS];
    bool done[LABELS] = {false};
    for (int d = 0; d < e->out.rank; d++) {
        order[d] = e->out.label[d];
        done[order[d]] = true;
    }
    for (int label = 0; label < LABELS; label++) {
        if (!done[label] && e->size[label] >= 0) order[l.n++] = (int8_t)label;
    }
    for (int d = 0; d < l.n; d++) {
        l.size[d] = e->size[order[d]];
        for (size_t k = 0; k < e->n; k++) l.stride[d][k] = stride_of(&e->in[k], a->in[k], order[d]);
    }
    return l;
}

/* Steps the counter of loops [from, to) and the offsets; false after the last. */
static bool next(const loops *l, size_t operands, int from, int to, int64_t *at, int64_t *offset)
{
    for (int d = to - 1; d >= from; d--) {
        int64_t step = ++at[d] < l->size[d] ? 1 : 1 - l->size[d];
        for (size_t k = 0; k < operands; k++) offset[k] += l->stride[d][k] * step;
        if (step == 1 && at[d] < l->size[d]) return true;
        at[d] = 0;
    }
    return false;
}

static hn_status ref(const hn_refargs *a)
{
    equation e;
    hn_type types[OPERANDS];
    const hn_type *ptr[OPERANDS];
    if (a->nin > OPERANDS) return hn_op_unsupported(a->env, a->node, "%zu operands", a->nin);
    for (size_t k = 0; k < a->nin; k++) {
        types[k] = hn_type_tensor(a->in[k]->dtype, a->in[k]->rank, a->in[k]->dims);
        ptr[k] = &types[k];
    }
    HN_TRY(parse(a->env, a->node, a->nin, ptr, &e));
    loops l = plan(&e, a);
    size_t n = hn_tensor_elems(a->out[0]);
    int64_t at[LABELS] = {0}, offset[OPERANDS] = {0};
    bool empty = false, real = hn_dtype_is_float(a->out[0]->dtype);
    for (int d = l.nout; d < l.n; d++) empty = empty || l.size[d] == 0;
    for (size_t i = 0; !empty && i < n; i++, (void)next(&l, e.n, 0, l.nout, at, offset)) {
        double sum = 0;
        uint64_t whole = 0;
        do {
            double f = 1;
            uint64_t u = 1;
            for (size_t k = 0; k < e.n; k++) {
                if (real)
                    f *= hn_get_f64(a->in[k], (size_t)offset[k]);
                else
                    u *= (uint64_t)hn_get_i64(a->in[k], (size_t)offset[k]);
            }
            sum += f;
            whole += u;
        } while (next(&l, e.n, l.nout, l.n, at, offset));
        if (real)
            hn_set_f64(a->out[0], i, sum);
        else
            hn_set_i64(a->out[0], i, (int64_t)whole);
    }
    return HN_OK;
}

/* Writes the letters of t, those of `only` when given; name: a letter for each label. */
static size_t write_term(char *dst, const term *t, const char *name, const bool *only)
{
    size_t n = 0;
    for (int d = 0; d < t->rank; d++) {
        if (!only || only[t->label[d]]) dst[n++] = name[t->label[d]];
    }
    return n;
}

/* 1 where the indices of axes d and j are equal. */
static hn_value *diagonal(hn_rw *rw, const hn_value *x, int d, int j)
{
    int64_t dims[HN_MAX_RANK];
    hn_tensor *t;
    for (int k = 0; k < x->type.rank; k++) dims[k] = k == d || k == j ? x->type.dims[k] : 1;
    hn_value *v = hn_rw_const_new(rw, x->type.dtype, x->type.rank, dims, &t);
    for (size_t k = 0, n = (size_t)x->type.dims[d]; v && k < n; k++) hn_set_f64(t, k * n + k, 1);
    return v;
}

/* d input i: the einsum of dY and the other inputs, repeated along labels that only input i has, summed along those
 * that it broadcasts, and put on the diagonal of axes with one label. */
static hn_value *grad_of(hn_gradargs *g, const equation *e, const char *name, size_t i)
{
    hn_value *in[OPERANDS + 1] = {g->dy[0]}, *x = g->node->in[i];
    const term *own = &e->in[i];
    char text[(OPERANDS + 2) * (HN_MAX_RANK + 2)];
    int64_t size[LABELS] = {0}, dims[HN_MAX_RANK]; /* of the einsum's result; 0: not there */
    bool kept[LABELS] = {false}, seen[LABELS] = {false};
    term unique = {0};
    size_t n = write_term(text, &e->out, name, NULL), count = 1;
    for (int d = 0; d < e->out.rank; d++) size[e->out.label[d]] = g->dy[0]->type.dims[d];
    for (size_t k = 0; k < e->n; k++) {
        if (k == i) continue;
        for (int d = 0; d < e->in[k].rank; d++) {
            int64_t *s = &size[e->in[k].label[d]], dim = g->node->in[k]->type.dims[d];
            if (*s == 0 || *s == 1) *s = dim;
        }
        text[n++] = ',';
        n += write_term(text + n, &e->in[k], name, NULL);
        in[count++] = g->node->in[k];
    }
    for (int d = 0; d < own->rank; d++) {
        int l = own->label[d];
        dims[d] = 1;
        if (seen[l]) continue;
        seen[l] = true;
        unique.label[unique.rank++] = own->label[d];
        kept[l] = size[l] != 0 && (x->type.dims[d] != 1 || size[l] == 1);
        if (kept[l]) dims[d] = size[l];
    }
    text[n++] = '-';
    text[n++] = '>';
    n += write_term(text + n, &unique, name, kept);
    text[n] = 0;
    hn_rw_attr attrs[] = {HN_A_STR("equation", text), {0}};
    hn_value *v = hn_rw_reshape(g->rw, hn_rw_op(g->rw, "Einsum", count, in, attrs), x->type.rank, dims);
    for (int j = 0; j < own->rank; j++)
        for (int d = 0; d < j; d++) {
            if (own->label[d] != own->label[j]) continue;
            v = hn_rw_2(g->rw, "Mul", v, diagonal(g->rw, x, d, j));
            break;
        }
    return hn_rw_2(g->rw, "Expand", v, hn_rw_ints(g->rw, x->type.dims, (size_t)x->type.rank));
}

static hn_status grad(hn_gradargs *g)
{
    equation e;
    const hn_type *types[OPERANDS];
    hn_env *env = g->rw->graph->env;
    char name[LABELS] = {0};
    int letters = 0;
    if (!g->dy[0]) return HN_OK;
    for (size_t k = 0; k < g->node->nin && k < OPERANDS; k++) types[k] = &g->node->in[k]->type;
    HN_TRY(parse(env, g->node, g->node->nin, types, &e));
    for (size_t k = 0; k < e.n; k++) {
        for (int d = 0; d < e.in[k].rank; d++) {
            int l = e.in[k].label[d];
            for (int j = 0; j < d; j++)
                if (e.in[k].label[j] == l && types[k]->dims[d] != types[k]->dims[j])
                    return hn_op_unsupported(env, g->node, "no gradient of a diagonal with broadcasting");
            if (name[l]) continue;
            if (letters == ELLIPSIS) return hn_op_unsupported(env, g->node, "no gradient with %d labels", letters);
            name[l] = letter_of(letters++);
        }
    }
    for (size_t k = 0; k < e.n; k++) g->dx[k] = grad_of(g, &e, name, k);
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    equation e;
    const hn_type *types[OPERANDS];
    double products = 1;
    hn_env quiet;
    hn_env_init(&quiet);
    *cost = (hn_cost){.bytes = hn_nn_bytes(n)};
    for (size_t k = 0; k < n->nin && k < OPERANDS; k++) types[k] = &n->in[k]->type;
    if (parse(&quiet, n, n->nin, types, &e) != HN_OK) return;
    for (int l = 0; l < LABELS; l++) products *= e.size[l] >= 0 ? (double)e.size[l] : 1;
    cost->macs = products * (double)(e.n > 1 ? e.n - 1 : 1);
    cost->flops = 2 * cost->macs;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "equation", "ij,jk->ik");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 4, 5, 6));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(13, 16));
    hn_case(c, "attention scores");
    hn_case_string(c, "equation", "bhid, bhjd -> bhij");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2, 4), -2, 2);
    hn_case(c, "three operands, a label summed alone");
    hn_case_string(c, "equation", "ab,bc,c->a");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -2, 2);
    hn_case(c, "implicit output: a transposition");
    hn_case_string(c, "equation", "ba");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 3, 2, 4));
    hn_case(c, "ellipsis, diagonal");
    hn_case_string(c, "equation", "...ii->...i");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2, 2), HN_VALS(1, 2, 3, 4, 5, 6, 7, 8));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 4, 5, 8));
    hn_case(c, "a trace beside a product");
    hn_case_string(c, "equation", "iji,jk->k");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -2, 2);
    hn_case(c, "ellipses of two ranks, broadcast");
    hn_case_string(c, "equation", "...ij,...jk->...ik");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 3, 2), -2, 2);
    hn_case(c, "letters broadcast");
    hn_case_string(c, "equation", "ab,ab,cb->a");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    hn_case(c, "an ellipsis summed");
    hn_case_string(c, "equation", "...i,i->i");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case(c, "sum of everything");
    hn_case_string(c, "equation", "ij->");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "sizes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "equation", "ij,jk->ik");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "malformed");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "equation", "ij-");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"Inputs", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"Output", HN_T_NUM, 'T', false}};
static const hn_attr_row attrs[] = {
    {"equation", HN_ATTR_STRING, true, NULL, "labels of each input, then of the output"}, {0}};

const hn_op hn_op_einsum = {
    .name = "Einsum",
    .domain = "",
    .since = 28,
    .doc = "Output = the product of the inputs, elements chosen by label, summed over the labels that the output does "
           "not have. "
           "\"ij,jk->ik\": [[1,2]] and [[3,4],[5,6]] give [[13,16]].",
    .flags = HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
