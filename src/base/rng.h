/* rng: small deterministic generators. Same seed and stream, same numbers, on every machine. */
#ifndef HN_BASE_RNG_H
#define HN_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct hn_rng {
    uint64_t s[4]; /* xoshiro256** state */
} hn_rng;

/* splitmix64: a good 64-bit mix, also used to derive seeds. */
uint64_t hn_mix64(uint64_t x);
void hn_rng_init(hn_rng *r, uint64_t seed, uint64_t stream);
uint64_t hn_rng_u64(hn_rng *r);
uint64_t hn_rng_below(hn_rng *r, uint64_t n); /* uniform in [0, n), unbiased; n > 0 */
double hn_rng_unit(hn_rng *r);                /* uniform in [0, 1), 53 bits */
double hn_rng_normal(hn_rng *r);              /* mean 0, variance 1 (polar method, no cached second value) */
void hn_rng_shuffle(hn_rng *r, uint32_t *index, size_t n);

#endif
