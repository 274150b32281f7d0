/* select: comparisons of f32, i32 and i64 operands into bool, and Where on elements of 1, 4 or 8 bytes, with
 * broadcasting. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_bcast.h"
#include "device/cpu/lib_box.h"

typedef enum kind { EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, WHERE } kind;

typedef struct params {
    hn_bcast walk;
    int32_t kind;
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
        case EQUAL: LOOP(==); break;                                                                                \
        case GREATER: LOOP(>); break;                                                                               \
        case GREATER_EQUAL: LOOP(>=); break;                                                                        \
        case LESS: LOOP(<); break;                                                                                  \
        default: LOOP(<=); break;                                                                                   \
        }                                                                                                           \
    }
COMPARE(float)
COMPARE(int32_t)
COMPARE(int64_t)

static void compare(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y)
{
    const params *p = r->params;
    const void *a = r->ptr[0], *b = r->ptr[1];
    uint8_t *out = (uint8_t *)r->ptr[3] + y;
    if (p->dtype == HN_F32)
        compare_float(p->kind, n, (const float *)a + at[0], step[0], (const float *)b + at[1], step[1], out);
    else if (p->dtype == HN_I32)
        compare_int32_t(p->kind, n, (const int32_t *)a + at[0], step[0], (const int32_t *)b + at[1], step[1], out);
    else
        compare_int64_t(p->kind, n, (const int64_t *)a + at[0], step[0], (const int64_t *)b + at[1], step[1], out);
}

#define PICK(type)                                                                                     \
    do {                                                                                               \
        const type *yes = (const type *)r->ptr[1] + at[1], *no = (const type *)r->ptr[2] + at[2];      \
        type *out = (type *)r->ptr[3] + y;                                                             \
        for (size_t i = 0; i < n; i++) out[i] = if_[i * step[0]] ? yes[i * step[1]] : no[i * step[2]]; \
    } while (0)

static void where(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y)
{
    const params *p = r->params;
    const uint8_t *if_ = (const uint8_t *)r->ptr[0] + at[0];
    if (p->bytes == 1)
        PICK(uint8_t);
    else if (p->bytes == 4)
        PICK(uint32_t);
    else
        PICK(uint64_t);
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
