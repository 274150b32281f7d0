/* NonMaxSuppression: of boxes that overlap, the one with the best score. Comparisons follow the specification: a score
 * must be above its threshold, an overlap is dropped above its threshold; of equal scores the first box comes first. */
#include "ops/lib_nn.h"

enum { BOXES, SCORES, LIMIT, OVERLAP, FLOOR };

typedef struct box {
    double y1, x1, y2, x2;
} box;

static box box_at(const hn_tensor *t, size_t i, bool centred)
{
    double v[4];
    for (size_t k = 0; k < 4; k++) v[k] = hn_get_f64(t, 4 * i + k);
    if (centred) return (box){v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
    return (box){fmin(v[0], v[2]), fmin(v[1], v[3]), fmax(v[0], v[2]), fmax(v[1], v[3])};
}

static bool overlap(box a, box b, double limit)
{
    double w = fmin(a.x2, b.x2) - fmax(a.x1, b.x1), h = fmin(a.y2, b.y2) - fmax(a.y1, b.y1);
    double area_a = (a.x2 - a.x1) * (a.y2 - a.y1), area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
    if (!(w > 0 && h > 0 && area_a > 0 && area_b > 0)) return false;
    /* In single precision, as boxes are: an overlap that equals the threshold must not depend on wider digits. */
    return (float)(w * h / (area_a + area_b - w * h)) > (float)limit;
}

typedef struct job {
    const hn_tensor *boxes, *scores;
    size_t batches, classes, count;
    int64_t limit;
    double overlap, floor;
    bool centred;
} job;

static hn_status begin(hn_env *env, const hn_node *node, size_t nin, const hn_tensor *const *in, job *j)
{
    const hn_tensor *b = in[BOXES], *s = in[SCORES], *extra[3];
    for (size_t i = 0; i < 3; i++) {
        extra[i] = LIMIT + i < nin ? in[LIMIT + i] : NULL;
        if (extra[i] && hn_tensor_elems(extra[i]) != 1)
            return hn_op_fail(env, node, "input %zu has %zu elements, not 1", LIMIT + i, hn_tensor_elems(extra[i]));
    }
    if (b->rank != 3 || s->rank != 3 || b->dims[2] != 4 || b->dims[0] != s->dims[0] || b->dims[1] != s->dims[2])
        return hn_op_fail(env, node, "boxes [batch, n, 4] and scores [batch, classes, n] needed");
    *j = (job){b, s, (size_t)s->dims[0], (size_t)s->dims[1], (size_t)s->dims[2], 0, 0, -HUGE_VAL, false};
    if (extra[0]) j->limit = hn_get_i64(extra[0], 0);
    if (extra[1]) j->overlap = hn_get_f64(extra[1], 0);
    if (extra[2]) j->floor = hn_get_f64(extra[2], 0);
    j->centred = hn_attr_int(node, "center_point_box", 0) != 0;
    return HN_OK;
}

/* Sorts index[0..n) by falling score, then rising index: a merge sort, with tmp of the same size. */
static void sort(const hn_tensor *s, size_t row, int64_t *index, int64_t *tmp, size_t n)
{
    if (n < 2) return;
    size_t h = n / 2, a = 0, b = h;
    sort(s, row, index, tmp, h);
    sort(s, row, index + h, tmp, n - h);
    for (size_t k = 0; k < n; k++) {
        bool second =
            a == h || (b < n && hn_get_f64(s, row + (size_t)index[b]) > hn_get_f64(s, row + (size_t)index[a]));
        tmp[k] = index[second ? b++ : a++];
    }
    memcpy(index, tmp, n * sizeof *index);
}

/* The boxes kept of one batch and class, in falling order of score; index holds 3 * count entries. */
static size_t choose(const job *j, size_t batch, size_t row, int64_t *index, bool limited)
{
    size_t n = 0, kept = 0;
    int64_t *tmp = index + j->count, *keep = tmp + j->count;
    for (size_t i = 0; i < j->count; i++) {
        double score = hn_get_f64(j->scores, row + i);
        if (limited ? score > j->floor : !isnan(score)) index[n++] = (int64_t)i;
    }
    sort(j->scores, row, index, tmp, n);
    for (size_t i = 0; i < n && (int64_t)kept < j->limit; i++) {
        box b = box_at(j->boxes, batch * j->count + (size_t)index[i], j->centred);
        bool drop = false;
        for (size_t k = 0; k < kept && !drop; k++)
            drop = overlap(box_at(j->boxes, batch * j->count + (size_t)keep[k], j->centred), b, j->overlap);
        if (!drop) keep[kept++] = index[i];
    }
    return kept;
}

/* Counts, and writes rows to y where that is given. */
static hn_status select(hn_env *env, const hn_node *node, size_t nin, const hn_tensor *const *in, const hn_tensor *y,
                        int64_t *total)
{
    job j = {0};
    hn_arena arena = {0};
    bool limited = FLOOR < nin && in[FLOOR];
    HN_TRY(begin(env, node, nin, in, &j));
    int64_t *index = hn_arena_array(env, &arena, 3 * j.count + 1, sizeof *index);
    *total = 0;
    for (size_t r = 0; index && r < j.batches * j.classes; r++) {
        size_t n = choose(&j, r / j.classes, r * j.count, index, limited);
        for (size_t k = 0; y && k < n; k++) {
            size_t at = 3 * ((size_t)*total + k);
            hn_set_i64(y, at, (int64_t)(r / j.classes));
            hn_set_i64(y, at + 1, (int64_t)(r % j.classes));
            hn_set_i64(y, at + 2, index[2 * j.count + k]);
        }
        *total += (int64_t)n;
    }
    hn_arena_fini(env, &arena);
    return index ? HN_OK : HN_NOMEM;
}

static hn_status infer(hn_infer *c)
{
    bool known, have, all = true;
    c->out[0] = hn_type_tensor(HN_I64, 2, (const int64_t[]){-1, 3});
    HN_TRY(hn_nn_rank(c, BOXES, 3, 3, &known));
    HN_TRY(hn_nn_rank(c, SCORES, 3, 3, &have));
    if (known && have) {
        const int64_t *b = c->in[BOXES]->dims, *s = c->in[SCORES]->dims;
        HN_TRY(hn_nn_same_dim(c->env, c->node, "the last dim of boxes and 4", b[2], 4, NULL));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "batch of boxes and scores", b[0], s[0], NULL));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "boxes and scores per class", b[1], s[2], NULL));
    }
    for (size_t i = 0; i < c->nin; i++) all = all && (!c->in[i] || c->data[i]);
    if (!hn_nn_type(c, LIMIT)) c->out[0].dims[0] = 0;
    if (!all) return HN_OK;
    return select(c->env, c->node, c->nin, c->data, NULL, &c->out[0].dims[0]);
}

static hn_status ref(const hn_refargs *a)
{
    int64_t n;
    return select(a->env, a->node, a->nin, a->in, a->out[0], &n);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double rows = hn_nn_elems(n->in[SCORES]), each = (double)n->in[SCORES]->type.dims[2];
    *cost = (hn_cost){.flops = rows * log2(each + 1), .bytes = hn_nn_bytes(n)};
}

static void boxes(hn_cases *c, const char *name, double limit, double over)
{
    hn_case(c, name);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 4), HN_VALS(0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11, 1, 11, 0, 10));
    hn_case_const(c);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 4), HN_VALS(0.7, 0.9, 0.3, 0.3));
    hn_case_const(c);
    hn_case_scalar(c, HN_I64, limit);
    hn_case_scalar(c, HN_F32, over);
}

static hn_status cases(hn_cases *c)
{
    boxes(c, "example", 3, 0.5);
    hn_case_want_i64(c, HN_DIMS(2, 3), (const int64_t[]){0, 0, 1, 0, 0, 2});
    boxes(c, "score threshold", 3, 0.5);
    hn_case_scalar(c, HN_F32, 0.3);
    hn_case_want_i64(c, HN_DIMS(1, 3), (const int64_t[]){0, 0, 1});
    boxes(c, "an overlap as large as the threshold stays", 4, 1);
    hn_case_want_i64(c, HN_DIMS(4, 3), (const int64_t[]){0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 3});
    hn_case(c, "centres, two classes");
    hn_case_int(c, "center_point_box", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 4), HN_VALS(0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1));
    hn_case_const(c);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(0.9, 0.8, 0.1, 0.2));
    hn_case_const(c);
    hn_case_axes(c, 1, (const int64_t[]){2});
    hn_case_scalar(c, HN_F32, 0.5);
    hn_case_want_i64(c, HN_DIMS(2, 3), (const int64_t[]){0, 0, 0, 0, 1, 1});
    hn_case(c, "no limit: no box");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 4), 0, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), 0, 1);
    hn_case(c, "scores of other boxes");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 4), 0, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 4), 0, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"boxes", HN_BIT(HN_F32), 0, false},
                             {"scores", HN_BIT(HN_F32), 0, false},
                             {"max_output_boxes_per_class", HN_T_I64, 0, true},
                             {"iou_threshold", HN_BIT(HN_F32), 0, true},
                             {"score_threshold", HN_BIT(HN_F32), 0, true}};
static const hn_port out[] = {{"selected_indices", HN_T_I64, 0, false}};
static const hn_attr_row attrs[] = {{"center_point_box", HN_ATTR_INT, false, "0",
                                     "1: boxes are (x, y, width, height); 0: (y1, x1, y2, x2) of two corners"},
                                    {0}};

const hn_op hn_op_non_max_suppression = {
    .name = "NonMaxSuppression",
    .domain = "",
    .since = 11,
    .doc = "Rows (batch, class, box) of the boxes kept: by falling score, each one whose intersection over union with "
           "those kept before is at most iou_threshold, up to max_output_boxes_per_class. Boxes 0 and 1 overlap by "
           "0.82, 2 and 3 are one, scores [0.7, 0.9, 0.3, 0.3], threshold 0.5: [[0, 0, 1], [0, 0, 2]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
