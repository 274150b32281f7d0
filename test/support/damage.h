/* damage: seeded damage to files. Bytes anywhere, and for ONNX files where it hurts: tags, lengths, varints, names and
 * short lists, so that many mutants still parse and mean something else. */
#ifndef HN_TEST_SUPPORT_DAMAGE_H
#define HN_TEST_SUPPORT_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct damage_span {
    size_t at, n;
} damage_span;

/* What a protobuf file is made of, weights left out. */
typedef struct damage_list {
    damage_span *at;
    size_t count, cap;
} damage_list;

typedef struct damage_map {
    size_t *spot; /* offsets of bytes that carry structure */
    size_t spots, spot_cap;
    damage_list length; /* of length-delimited fields */
    damage_list varint; /* numbers of all kinds */
    damage_list value;  /* numbers that are attribute values or dims */
    damage_list leaf;   /* short strings, packed lists and small constants */
    damage_list wire;   /* names that nodes read */
    damage_list type;   /* operator names */
    damage_list small;  /* data of small constants and packed lists in attributes */
} damage_map;

void damage_map_onnx(damage_map *m, const uint8_t *data, size_t size);
void damage_map_free(damage_map *m);

/* One change in place; the size stays. damage_bytes: bytes anywhere, the first 512 as likely as the rest. */
void damage_bytes(hn_rng *r, uint8_t *data, size_t size);
void damage_onnx(hn_rng *r, const damage_map *m, uint8_t *data, size_t size);

#endif
