/* Unique: the distinct elements of x, or slices along an axis, with where each first was, which each one is, and how
 * often it occurs. Sorted, or in order of first occurrence. */
#include "ops/lib.h"

typedef struct slices {
    const hn_tensor *x;
    size_t n, outer, inner; /* n slices: element e of slice i is at (o * n + i) * inner + k */
    size_t groups;
    size_t *first, *group; /* of a group, of a slice */
    size_t *rank;          /* place of each group in the result */
} slices;

/* At least as many as there are slices along any axis: an axis may be long where another is empty. */
static size_t room(const hn_tensor *x)
{
    size_t n = hn_max_size(hn_tensor_elems(x), 1);
    for (int d = 0; d < x->rank; d++) n = hn_max_size(n, (size_t)x->dims[d]);
    return n;
}

static int compare(const slices *s, size_t i, size_t j)
{
    for (size_t o = 0; o < s->outer; o++)
        for (size_t k = 0; k < s->inner; k++) {
            int r = hn_elem_compare(s->x, (o * s->n + i) * s->inner + k, s->x, (o * s->n + j) * s->inner + k);
            if (r) return r;
        }
    return 0;
}

/* Groups equal slices; quadratic in the number of groups. Memory: three arrays of n. */
static hn_status find(hn_env *env, const hn_node *node, const hn_tensor *x, size_t *memory, slices *s)
{
    int axis;
    *s = (slices){.x = x, .n = hn_tensor_elems(x), .outer = 1, .inner = 1};
    if (hn_node_attr(node, "axis")) {
        HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "axis", 0), x->rank, &axis));
        s->n = (size_t)x->dims[axis];
        s->outer = hn_dims_elems(x->rank, x->dims, 0, axis);
        s->inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    }
    s->first = memory;
    s->group = memory + s->n;
    s->rank = memory + 2 * s->n;
    for (size_t i = 0; i < s->n; i++) {
        size_t g = 0;
        while (g < s->groups && compare(s, s->first[g], i) != 0) g++;
        if (g == s->groups) s->first[s->groups++] = i;
        s->group[i] = g;
    }
    bool sorted = hn_attr_int(node, "sorted", 1) != 0;
    for (size_t g = 0; g < s->groups; g++) {
        s->rank[g] = sorted ? 0 : g;
        for (size_t h = 0; sorted && h < s->groups; h++) s->rank[g] += compare(s, s->first[h], s->first[g]) < 0;
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    bool flat = !hn_node_attr(c->node, "axis");
    int64_t groups = -1, n = -1;
    int axis = 0;
    if (c->data[0]) {
        slices s;
        size_t *memory = hn_zalloc(c->env, 3 * room(c->data[0]) * sizeof(size_t));
        if (!memory) return c->env->error.status;
        hn_status st = find(c->env, c->node, c->data[0], memory, &s);
        hn_free(c->env, memory);
        HN_TRY(st);
        groups = (int64_t)s.groups;
    }
    for (size_t k = 0; k < c->nout; k++) {
        c->out[k].dtype = k == 0 ? x->dtype : HN_I64;
        if (k > 0 || flat) hn_type_unknown_dims(&c->out[k], 1);
        c->out[k].dims[0] = k == 2 ? -1 : groups;
    }
    if (x->rank < 0) return HN_OK;
    if (!flat) {
        HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
        c->out[0] = *x;
        c->out[0].dims[axis] = groups;
    }
    n = flat ? hn_dims_product(x, 0, x->rank) : x->dims[axis];
    if (c->nout > 2) c->out[2].dims[0] = n;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    slices s;
    size_t *memory = hn_arena_array(a->env, a->scratch, 3 * room(x), sizeof *memory);
    if (!memory) return a->env->error.status;
    HN_TRY(find(a->env, a->node, x, memory, &s));
    const hn_tensor *out[4] = {NULL};
    for (size_t k = 0; k < a->nout; k++) out[k] = a->out[k];
    for (size_t g = 0; g < s.groups; g++) {
        if (out[1]) hn_set_i64(out[1], s.rank[g], (int64_t)s.first[g]);
        for (size_t o = 0; out[0] && o < s.outer; o++)
            hn_elems_copy(out[0], (o * s.groups + s.rank[g]) * s.inner, x, (o * s.n + s.first[g]) * s.inner, s.inner);
    }
    for (size_t i = 0; i < s.n; i++) {
        size_t at = s.rank[s.group[i]];
        if (out[2]) hn_set_i64(out[2], i, (int64_t)at);
        if (out[3]) hn_set_i64(out[3], at, hn_get_i64(out[3], at) + 1);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(2, 1, 1, 3));
    hn_case_const(c);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_want(c, HN_I64, HN_DIMS(3), HN_VALS(1, 0, 3));
    hn_case_want(c, HN_I64, HN_DIMS(4), HN_VALS(1, 0, 0, 2));
    hn_case_want(c, HN_I64, HN_DIMS(3), HN_VALS(2, 1, 1));
    hn_case(c, "in order of occurrence");
    hn_case_int(c, "sorted", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(2, 1, 1, 3));
    hn_case_const(c);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(2, 1, 3));
    hn_case(c, "rows");
    hn_case_int(c, "axis", 0);
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 0, 1, 0, 0, 3));
    hn_case_const(c);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 3, 1, 0));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case_const(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_ALL, 'T', true},
                              {"indices", HN_T_I64, 0, true},
                              {"inverse_indices", HN_T_I64, 0, true},
                              {"counts", HN_T_I64, 0, true}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, NULL, "compare slices along this axis; default: elements of flattened x"},
    {"sorted", HN_ATTR_INT, false, "1", "0: in order of first occurrence"},
    {0},
};
const hn_op hn_op_unique = {
    .name = "Unique",
    .domain = "",
    .since = 28,
    .doc = "Y, indices, inverse_indices, counts = distinct elements (or slices along `axis`). Unique([2, 1, 1, "
           "3]) = [1, 2, 3], [1, 0, 3], [1, 0, 0, 2], [2, 1, 1].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("the size of the result depends on data"),
    .cases = cases,
    .quant = "",
};
