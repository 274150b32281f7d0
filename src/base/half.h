/* half: storage formats narrower than 32 bits. Conversions from float round to nearest, ties to even.
 * Sources: IEEE 754-2019 (binary16), OCP 8-bit floating point and MX specifications, ONNX IR (FLOAT8*, FLOAT4E2M1). */
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
float hn_f4e2m1_to_f32(uint8_t nibble);
uint8_t hn_f32_to_f4e2m1(float f); /* saturating */

#endif
