/* dtype: element types, with the numbering of ONNX TensorProto.DataType so that files need no table. */
#ifndef HN_TENSOR_DTYPE_H
#define HN_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum hn_dtype {
    HN_NONE = 0,
    HN_F32 = 1,
    HN_U8 = 2,
    HN_I8 = 3,
    HN_U16 = 4,
    HN_I16 = 5,
    HN_I32 = 6,
    HN_I64 = 7,
    HN_STRING = 8,
    HN_BOOL = 9,
    HN_F16 = 10,
    HN_F64 = 11,
    HN_U32 = 12,
    HN_U64 = 13,
    HN_C64 = 14,
    HN_C128 = 15,
    HN_BF16 = 16,
    HN_F8E4M3FN = 17,
    HN_F8E4M3FNUZ = 18,
    HN_F8E5M2 = 19,
    HN_F8E5M2FNUZ = 20,
    HN_U4 = 21,
    HN_I4 = 22,
    HN_F4E2M1 = 23,
    HN_F8E8M0 = 24,
    HN_U2 = 25,
    HN_I2 = 26,
    HN_F6E2M3 = 27,
    HN_F6E3M2 = 28,
    HN_DTYPES,
    /* Not element types of a file: values made of tensors, see tensor/tensor.h. */
    HN_SEQ = 29,
    HN_OPT = 30,
    HN_MAP = 31
} hn_dtype;

/* Sets of dtypes as bits, for type constraints. */
#define HN_BIT(dtype) (UINT32_C(1) << (dtype))
#define HN_T_FLOAT    (HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_BIT(HN_F16) | HN_BIT(HN_BF16))
#define HN_T_F8 \
    (HN_BIT(HN_F8E4M3FN) | HN_BIT(HN_F8E4M3FNUZ) | HN_BIT(HN_F8E5M2) | HN_BIT(HN_F8E5M2FNUZ) | HN_BIT(HN_F8E8M0))
#define HN_T_SINT    (HN_BIT(HN_I8) | HN_BIT(HN_I16) | HN_BIT(HN_I32) | HN_BIT(HN_I64))
#define HN_T_UINT    (HN_BIT(HN_U8) | HN_BIT(HN_U16) | HN_BIT(HN_U32) | HN_BIT(HN_U64))
#define HN_T_INT     (HN_T_SINT | HN_T_UINT)
#define HN_T_MX      (HN_BIT(HN_F4E2M1) | HN_BIT(HN_F6E2M3) | HN_BIT(HN_F6E3M2))
#define HN_T_SUB     (HN_BIT(HN_U4) | HN_BIT(HN_I4) | HN_BIT(HN_U2) | HN_BIT(HN_I2) | HN_T_MX)
#define HN_T_NUM     (HN_T_FLOAT | HN_T_INT)
#define HN_T_COMPLEX (HN_BIT(HN_C64) | HN_BIT(HN_C128))
#define HN_T_ALL     (((UINT32_C(1) << HN_DTYPES) - 1) & ~UINT32_C(1))
/* Which kinds of values a port takes besides the element types; with none of them set, plain tensors only. */
#define HN_T_TENSOR  HN_BIT(HN_NONE)
#define HN_T_SEQ     HN_BIT(HN_SEQ)
#define HN_T_OPT     HN_BIT(HN_OPT)
#define HN_T_MAP     HN_BIT(HN_MAP)
#define HN_T_KINDS   (HN_T_TENSOR | HN_T_SEQ | HN_T_OPT | HN_T_MAP)
#define HN_T_ANY     (HN_T_ALL | HN_T_KINDS)

const char *hn_dtype_name(hn_dtype t);               /* "f32", "i8", "bf16", "string" ...; "?" for none */
hn_dtype hn_dtype_parse(const char *name, size_t n); /* HN_NONE when unknown */
bool hn_dtype_valid(int64_t number);                 /* a number from a file */
bool hn_dtype_is_list(hn_dtype t);                   /* SEQ, OPT, MAP */
unsigned hn_dtype_bits(hn_dtype t); /* 4 for I4; STRING: bits of hn_str; lists: of hn_tensor; 0 for NONE */
bool hn_dtype_is_float(hn_dtype t); /* any float, also of 8, 6 and 4 bits; not complex */
bool hn_dtype_is_int(hn_dtype t);   /* signed or unsigned, also 4 and 2 bits; not bool */
bool hn_dtype_is_signed(hn_dtype t);
int64_t hn_dtype_int_min(hn_dtype t); /* for integers */
int64_t hn_dtype_int_max(hn_dtype t); /* saturated to INT64_MAX for U64 */

#endif
