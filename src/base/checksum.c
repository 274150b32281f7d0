/* checksum: four lanes of eight bytes, so that a plan's tables cost microseconds. Every step is one to one in the lane,
 * so a change of one word always shows. Against damage, not malice. */
#include <string.h>

#include "base/io.h"

enum { LANES = 4, WORD = 8, BLOCK = LANES * WORD };
#define ODD UINT64_C(0x9e3779b97f4a7c15)

static uint64_t step(uint64_t lane, uint64_t word)
{
    lane ^= word;
    return (lane << 29 | lane >> 35) * ODD;
}

static void block(uint64_t lane[LANES], const uint8_t *p)
{
    uint64_t word[LANES];
    memcpy(word, p, sizeof word);
    for (int i = 0; i < LANES; i++) lane[i] = step(lane[i], word[i]);
}

uint64_t hn_checksum(const void *data, size_t bytes)
{
    uint64_t lane[LANES] = {1, 2, 3, 4}, sum = step(0, bytes);
    const uint8_t *p = data;
    size_t left = bytes;
    for (; left >= BLOCK; left -= BLOCK, p += BLOCK) block(lane, p);
    uint8_t tail[BLOCK] = {0};
    if (left > 0) memcpy(tail, p, left);
    block(lane, tail);
    for (int i = 0; i < LANES; i++) sum = step(sum, lane[i]);
    return sum;
}
