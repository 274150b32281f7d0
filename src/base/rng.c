/* rng: splitmix64 and xoshiro256** (Blackman and Vigna, 2018, public domain reference). Integer arithmetic only, except
 * in the last step of unit and normal; normal uses log and sqrt of the C library, so its low bits follow that library.
 */
#include "base/rng.h"

#include <math.h>

uint64_t hn_mix64(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void hn_rng_init(hn_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = hn_mix64(seed) ^ hn_mix64(hn_mix64(stream) + 1);
    for (int i = 0; i < 4; i++) {
        r->s[i] = hn_mix64(x);
        x += UINT64_C(0x9e3779b97f4a7c15);
    }
    if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0) r->s[0] = 1; /* the one state that never moves */
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t hn_rng_u64(hn_rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t hn_rng_below(hn_rng *r, uint64_t n)
{
    uint64_t floor = (0 - n) % n; /* 2^64 mod n: below it the residues are not evenly filled */
    uint64_t x;
    do x = hn_rng_u64(r);
    while (x < floor);
    return x % n;
}

double hn_rng_unit(hn_rng *r)
{
    return (double)(hn_rng_u64(r) >> 11) * 0x1p-53;
}

double hn_rng_normal(hn_rng *r)
{
    double u, v, s;
    do {
        u = 2 * hn_rng_unit(r) - 1;
        v = 2 * hn_rng_unit(r) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

void hn_rng_shuffle(hn_rng *r, uint32_t *index, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)hn_rng_below(r, i);
        uint32_t t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}
