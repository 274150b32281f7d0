/* half: storage formats narrower than 32 bits. Conversions from float round to nearest, ties to even.
 * Sources: IEEE 754-2019 (binary16), OCP 8-bit floating point and MX specifications, ONNX IR (FLOAT8*, FLOAT6*,
 * FLOAT4E2M1). */
#ifndef HN_BASE_HALF_H
#define HN_BASE_HALF_H

#include <stdbool.h>
#include <stdint.h>

float hn_f16_to_f32(uint16_t h);
uint16_t hn_f32_to_f16(float f); /* overflow gives infinity, NaN stays NaN */
float hn_bf16_to_f32(uint16_t h);
uint16_t hn_f32_to_bf16(float f);

typedef enum hn_f8 { HN_F8_E4M3FN, HN_F8_E4M3FNUZ, HN_F8_E5M2, HN_F8_E5M2FNUZ } hn_f8;
float hn_f8_to_f32(hn_f8 format, uint8_t b);
/* saturate: out-of-range finite values and infinities become the largest finite value; else NaN or infinity, as ONNX
 * Cast. */
uint8_t hn_f32_to_f8(hn_f8 format, float f, bool saturate);
float hn_e8m0_to_f32(uint8_t b); /* 2^(b-127); 255 is NaN */
uint8_t hn_f32_to_e8m0(float f); /* nearest power of two, ties up, saturating */

/* Formats under 8 bits, in the low bits of a code: finite values only. */
typedef enum hn_mx { HN_MX_F4E2M1, HN_MX_F6E2M3, HN_MX_F6E3M2 } hn_mx;
float hn_mx_to_f32(hn_mx format, uint8_t code);
uint8_t hn_f32_to_mx(hn_mx format, float f); /* saturating; NaN becomes minus zero, as in ONNX's own cases */

#endif
