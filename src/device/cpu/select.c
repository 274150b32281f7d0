/* select: comparisons of f32, i32 and i64 operands into bool, and Where on elements of 1, 4 or 8 bytes, with
 * broadcasting. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_bcast.h"
#include "device/cpu/lib_box.h"
#include "device/cpu/lib_elem.h"

enum { WHERE = HN_ELEM_LESS_EQUAL + 1 };

typedef struct params {
    hn_bcast walk;
    int32_t kind; /* as in OPS: an hn_elem_order or WHERE */
    uint32_t dtype, bytes;
} params;

static const char *const OPS[] = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Where", NULL};

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    int32_t k = 0;
    while (strcmp(OPS[k], n->op->name) != 0) k++;
    const hn_type *in[3] = {&n->in[0]->type, &n->in[1]->type, k == WHERE ? &n->in[2]->type : NULL};
    hn_dtype t = in[1]->dtype;
    uint32_t bytes = hn_box_bytes(t);
    if (k != WHERE && t != HN_F32 && t != HN_I32 && t != HN_I64)
        return hn_lower_refuse(c, "elements are not f32, i32 or i64");
    if (k == WHERE && bytes != 1 && bytes != 4 && bytes != 8)
        return hn_lower_refuse(c, "elements are not of 1, 4 or 8 bytes");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->kind = k;
    p->dtype = t;
    p->bytes = bytes;
    hn_bcast_init(&p->walk, k == WHERE ? 3 : 2, in, &n->out[0]->type);
    for (size_t i = 0; i < 3; i++)
        if (hn_lower_input(c, i) < 0) return HN_NOMEM;
    return hn_lower_output(c, 0) < 0 ? HN_NOMEM : HN_OK;
}

#define LOOP(op) \
    for (size_t i = 0; i < n; i++) y[i] = a[i * sa] op b[i * sb]
#define COMPARE(type)                                                                                               \
    static void compare_##type(int32_t k, size_t n, const type *a, size_t sa, const type *b, size_t sb, uint8_t *y) \
    {                                                                                                               \
        switch (k) {                                                                                                \
        case HN_ELEM_EQUAL: LOOP(==); break;                                                                        \
        case HN_ELEM_GREATER: LOOP(>); break;                                                                       \
        case HN_ELEM_GREATER_EQUAL: LOOP(>=); break;                                                                \
        case HN_ELEM_LESS: LOOP(<); break;                                                                          \
        default: LOOP(<=); break;                                                                                   \
        }                                                                                                           \
    }
COMPARE(int32_t)
COMPARE(int64_t)

static void compare(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y)
{
    const params *p = r->params;
    const void *a = r->ptr[0], *b = r->ptr[1];
    uint8_t *out = (uint8_t *)r->ptr[3] + y;
    if (p->dtype == HN_F32)
        hn_elem_compare_f32(p->kind, n, (const float *)a + at[0], step[0], (const float *)b + at[1], step[1], out);
    else if (p->dtype == HN_I32)
        compare_int32_t(p->kind, n, (const int32_t *)a + at[0], step[0], (const int32_t *)b + at[1], step[1], out);
    else
        compare_int64_t(p->kind, n, (const int64_t *)a + at[0], step[0], (const int64_t *)b + at[1], step[1], out);
}

#define PICK(type)                                                                                                     \
    static void pick_##type(size_t n, const uint64_t *step, const uint8_t *condition, const type *yes, const type *no, \
                            void *y)                                                                                   \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) ((type *)y)[i] = condition[i * step[0]] ? yes[i * step[1]] : no[i * step[2]];   \
    }
PICK(uint8_t)
PICK(uint64_t)

static void where(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y)
{
    const params *p = r->params;
    const uint8_t *condition = (const uint8_t *)r->ptr[0] + at[0];
    const void *yes = r->ptr[1], *no = r->ptr[2];
    if (p->bytes == 1)
        pick_uint8_t(n, step, condition, (const uint8_t *)yes + at[1], (const uint8_t *)no + at[2],
                     (uint8_t *)r->ptr[3] + y);
    else if (p->bytes == 4)
        hn_elem_pick_4(n, step, condition, (const uint32_t *)yes + at[1], (const uint32_t *)no + at[2],
                       (uint32_t *)r->ptr[3] + y);
    else
        pick_uint64_t(n, step, condition, (const uint64_t *)yes + at[1], (const uint64_t *)no + at[2],
                      (uint64_t *)r->ptr[3] + y);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_bcast_run(r, &p->walk, p->kind == WHERE ? where : compare);
    return HN_OK;
}

const hn_driver hn_cpu_select = {
    .name = "select",
    .doc = "comparisons into bool and the choice between two operands",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
