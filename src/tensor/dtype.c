/* dtype: one row per element type; every fact about a type is in its row. */
#include "tensor/dtype.h"

#include <string.h>

#include "base/size.h"
#include "tensor/tensor.h"

typedef enum kind { OTHER, INTEGER, FLOATING } kind;

typedef struct dtype_row {
    const char *name;
    unsigned bits;
    kind kind;
    bool is_signed;
} dtype_row;

static const dtype_row rows[HN_DTYPES] = {
    [HN_NONE] = {"?", 0, OTHER, false},
    [HN_F32] = {"f32", 32, FLOATING, true},
    [HN_U8] = {"u8", 8, INTEGER, false},
    [HN_I8] = {"i8", 8, INTEGER, true},
    [HN_U16] = {"u16", 16, INTEGER, false},
    [HN_I16] = {"i16", 16, INTEGER, true},
    [HN_I32] = {"i32", 32, INTEGER, true},
    [HN_I64] = {"i64", 64, INTEGER, true},
    [HN_STRING] = {"string", 8 * sizeof(hn_str), OTHER, false},
    [HN_BOOL] = {"bool", 8, OTHER, false},
    [HN_F16] = {"f16", 16, FLOATING, true},
    [HN_F64] = {"f64", 64, FLOATING, true},
    [HN_U32] = {"u32", 32, INTEGER, false},
    [HN_U64] = {"u64", 64, INTEGER, false},
    [HN_C64] = {"c64", 64, OTHER, true},
    [HN_C128] = {"c128", 128, OTHER, true},
    [HN_BF16] = {"bf16", 16, FLOATING, true},
    [HN_F8E4M3FN] = {"f8e4m3fn", 8, FLOATING, true},
    [HN_F8E4M3FNUZ] = {"f8e4m3fnuz", 8, FLOATING, true},
    [HN_F8E5M2] = {"f8e5m2", 8, FLOATING, true},
    [HN_F8E5M2FNUZ] = {"f8e5m2fnuz", 8, FLOATING, true},
    [HN_U4] = {"u4", 4, INTEGER, false},
    [HN_I4] = {"i4", 4, INTEGER, true},
    [HN_F4E2M1] = {"f4e2m1", 4, FLOATING, true},
    [HN_F8E8M0] = {"f8e8m0", 8, FLOATING, false},
    [HN_U2] = {"u2", 2, INTEGER, false},
    [HN_I2] = {"i2", 2, INTEGER, true},
    [HN_F6E2M3] = {"f6e2m3", 6, FLOATING, true},
    [HN_F6E3M2] = {"f6e3m2", 6, FLOATING, true},
};

static const dtype_row lists[] = {
    {"seq", 8 * sizeof(hn_tensor), OTHER, false},
    {"opt", 8 * sizeof(hn_tensor), OTHER, false},
    {"map", 8 * sizeof(hn_tensor), OTHER, false},
};

static const dtype_row *row(hn_dtype t)
{
    if (hn_dtype_is_list(t)) return &lists[t - HN_SEQ];
    return &rows[hn_dtype_valid(t) ? t : HN_NONE];
}

bool hn_dtype_is_list(hn_dtype t)
{
    return t >= HN_SEQ && t <= HN_MAP;
}

const char *hn_dtype_name(hn_dtype t)
{
    return row(t)->name;
}

hn_dtype hn_dtype_parse(const char *name, size_t n)
{
    for (int t = 1; t < HN_DTYPES; t++)
        if (strlen(rows[t].name) == n && memcmp(rows[t].name, name, n) == 0) return (hn_dtype)t;
    return HN_NONE;
}

bool hn_dtype_valid(int64_t number)
{
    return number > HN_NONE && number < HN_DTYPES;
}
unsigned hn_dtype_bits(hn_dtype t)
{
    return row(t)->bits;
}
bool hn_dtype_is_float(hn_dtype t)
{
    return row(t)->kind == FLOATING;
}
bool hn_dtype_is_int(hn_dtype t)
{
    return row(t)->kind == INTEGER;
}
bool hn_dtype_is_signed(hn_dtype t)
{
    return row(t)->is_signed;
}

int64_t hn_dtype_int_max(hn_dtype t)
{
    const dtype_row *r = row(t);
    if (r->kind != INTEGER) return 0;
    unsigned bits = r->bits - (r->is_signed ? 1 : 0);
    return bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
}

int64_t hn_dtype_int_min(hn_dtype t)
{
    return row(t)->kind == INTEGER && row(t)->is_signed ? -hn_dtype_int_max(t) - 1 : 0;
}

bool hn_dtype_bytes(hn_dtype t, size_t elems, size_t *out)
{
    size_t bits = row(t)->bits;
    if (bits >= 8) return hn_size_mul(elems, bits / 8, out);
    if (bits == 0) return false;
    *out = elems / 8 * bits + (elems % 8 * bits + 7) / 8;
    return true;
}
