/* lib_matmul: see the header. */
#include "ops/lib_matmul.h"

hn_status hn_mm_infer(hn_infer *c, size_t ia, size_t ib)
{
    const hn_type *a = c->in[ia], *b = c->in[ib];
    hn_type *y = &c->out[0];
    bool known;
    HN_TRY(hn_nn_rank(c, ia, 1, HN_MAX_RANK, &known));
    HN_TRY(hn_nn_rank(c, ib, 1, HN_MAX_RANK, &known));
    if (a->rank < 0 || b->rank < 0) return HN_OK;
    int64_t k = b->dims[b->rank >= 2 ? b->rank - 2 : 0];
    HN_TRY(hn_nn_same_dim(c->env, c->node, "columns of A and rows of B", a->dims[a->rank - 1], k, NULL));
    int ra = a->rank >= 2 ? a->rank - 2 : 0, rb = b->rank >= 2 ? b->rank - 2 : 0, r = ra > rb ? ra : rb;
    for (int i = 0; i < r; i++) {
        int64_t da = i >= r - ra ? a->dims[i - (r - ra)] : 1, db = i >= r - rb ? b->dims[i - (r - rb)] : 1;
        if (!hn_dim_broadcast(da, db, &y->dims[i])) {
            return hn_op_fail(c->env, c->node, "batch dims %lld and %lld cannot be broadcast", (long long)da,
                              (long long)db);
        }
    }
    if (a->rank >= 2) y->dims[r++] = a->dims[a->rank - 2];
    if (b->rank >= 2) y->dims[r++] = b->dims[b->rank - 1];
    y->rank = r;
    return HN_OK;
}

/* Strides of t's batch dims when broadcast to dims[rank]. */
static void batch_strides(const hn_tensor *t, const hn_mm *mm, int64_t *stride)
{
    int own = t->rank >= 2 ? t->rank - 2 : 0;
    int64_t s = 1;
    for (int i = t->rank - 1; i >= own; i--) s *= t->dims[i];
    for (int i = mm->rank - 1; i >= 0; i--) {
        int j = i - (mm->rank - own);
        stride[i] = j >= 0 && t->dims[j] != 1 ? s : 0;
        if (j >= 0) s *= t->dims[j];
    }
}

hn_status hn_mm_read(hn_env *env, const hn_node *node, const hn_tensor *a, const hn_tensor *b, hn_mm *mm)
{
    int ra = a->rank >= 2 ? a->rank - 2 : 0, rb = b->rank >= 2 ? b->rank - 2 : 0;
    if (a->rank < 1 || b->rank < 1) return hn_op_fail(env, node, "a scalar operand");
    *mm = (hn_mm){.batch = 1,
                  .m = a->rank >= 2 ? (size_t)a->dims[a->rank - 2] : 1,
                  .n = b->rank >= 2 ? (size_t)b->dims[b->rank - 1] : 1,
                  .k = (size_t)a->dims[a->rank - 1],
                  .rank = ra > rb ? ra : rb};
    HN_TRY(hn_nn_same_dim(env, node, "columns of A and rows of B", a->dims[a->rank - 1],
                          b->dims[b->rank >= 2 ? b->rank - 2 : 0], NULL));
    for (int i = 0; i < mm->rank; i++) {
        int64_t da = i >= mm->rank - ra ? a->dims[i - (mm->rank - ra)] : 1;
        int64_t db = i >= mm->rank - rb ? b->dims[i - (mm->rank - rb)] : 1;
        if (!hn_dim_broadcast(da, db, &mm->dims[i])) return hn_op_fail(env, node, "batch dims cannot be broadcast");
        mm->batch *= (size_t)mm->dims[i];
    }
    batch_strides(a, mm, mm->sa);
    batch_strides(b, mm, mm->sb);
    return HN_OK;
}

static size_t offset(const hn_mm *mm, const int64_t *stride, size_t i)
{
    size_t at = 0;
    for (int d = mm->rank - 1; d >= 0; d--) {
        at += i % (size_t)mm->dims[d] * (size_t)stride[d];
        i /= (size_t)mm->dims[d];
    }
    return at;
}
size_t hn_mm_a_at(const hn_mm *mm, size_t i)
{
    return offset(mm, mm->sa, i);
}
size_t hn_mm_b_at(const hn_mm *mm, size_t i)
{
    return offset(mm, mm->sb, i);
}

void hn_mm_f64(size_t m, size_t n, size_t k, const double *a, const double *b, double *c)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            double x = a[i * k + p];
            for (size_t j = 0; j < n; j++) c[i * n + j] += x * b[p * n + j];
        }
    }
}

void hn_mm_i64(size_t m, size_t n, size_t k, const int64_t *a, const int64_t *b, int64_t *c)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            for (size_t j = 0; j < n; j++) {
                uint64_t sum = (uint64_t)c[i * n + j] + (uint64_t)a[i * k + p] * (uint64_t)b[p * n + j];
                memcpy(&c[i * n + j], &sum, sizeof sum);
            }
        }
    }
}

void hn_mm_run_f64(const hn_mm *mm, const double *a, const double *b, double *c)
{
    for (size_t i = 0; i < mm->batch; i++) {
        hn_mm_f64(mm->m, mm->n, mm->k, a + hn_mm_a_at(mm, i), b + hn_mm_b_at(mm, i), c + i * mm->m * mm->n);
    }
}

void hn_mm_flip(size_t r, size_t c, const double *src, double *dst)
{
    for (size_t i = 0; i < r; i++) {
        for (size_t j = 0; j < c; j++) dst[j * r + i] = src[i * c + j];
    }
}

void hn_mm_cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *a = &hn_node_in(n, 0)->type;
    cost->macs = hn_nn_elems(n->out[0]) * (a->rank > 0 ? (double)a->dims[a->rank - 1] : 0);
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

/* Rows of A, columns of B, or a batch dim of either: the other operand then has the same cut, or 1 there, or nothing.
 */
bool hn_mm_shard(hn_shard *s)
{
    const hn_type *t[2] = {&s->node->in[0]->type, &s->node->in[1]->type};
    int rank = s->node->out[0]->type.rank;
    if (t[0]->rank < 2 || t[1]->rank < 2 || !hn_shard_others_whole(s, 2)) return false;
    if (s->in[1] == HN_WHOLE && s->in[0] == t[0]->rank - 2) return hn_shard_all(s, rank - 2);
    if (s->in[0] == HN_WHOLE && s->in[1] == t[1]->rank - 1) return hn_shard_all(s, rank - 1);
    int at = HN_WHOLE;
    for (int k = 0; k < 2; k++) {
        if (s->in[k] == HN_WHOLE) continue;
        int here = s->in[k] + rank - t[k]->rank;
        if (s->in[k] >= t[k]->rank - 2 || (at != HN_WHOLE && at != here)) return false;
        at = here;
    }
    for (int k = 0; k < 2; k++) {
        int here = at - (rank - t[k]->rank);
        if (s->in[k] == HN_WHOLE && here >= 0 && t[k]->dims[here] != 1) return false;
    }
    return hn_shard_all(s, at);
}
