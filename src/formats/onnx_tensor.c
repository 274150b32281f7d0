/* onnx_tensor: reading TensorProto and SparseTensorProto. A first walk over the fields learns shape, type and how many
 * values there are; only then is memory taken and a second walk fills it. Field numbers are those of onnx.proto. */
#include "formats/onnx_tensor.h"

#include <string.h>

#include "base/size.h"
#include "formats/pb.h"

enum {
    T_DIMS = 1,
    T_TYPE = 2,
    T_SEGMENT = 3,
    T_FLOAT = 4,
    T_INT32 = 5,
    T_STRING = 6,
    T_INT64 = 7,
    T_NAME = 8,
    T_RAW = 9,
    T_DOUBLE = 10,
    T_UINT64 = 11,
    T_EXTERNAL = 13,
    T_LOCATION = 14
};

struct hn_onnx_mapped {
    const char *path;
    hn_map map;
    struct hn_onnx_mapped *next;
};

typedef struct proto {
    hn_dtype dtype;
    int rank;
    int64_t dims[HN_MAX_RANK];
    hn_cursor raw;
    bool has_raw, external;
    size_t lists[T_UINT64 + 1];     /* values in each typed list, by field number */
    unsigned fields[T_UINT64 + 1];  /* fields that carried them */
    hn_cursor single[T_UINT64 + 1]; /* bytes of the last packed one */
    hn_str location;
    uint64_t offset, length;
    bool has_length;
    const char *name;
} proto;

static const char WHAT[] = "tensor";

void hn_onnx_maps_fini(hn_onnx_maps *m)
{
    for (struct hn_onnx_mapped *p = m->first; p != NULL; p = p->next) hn_map_close(&p->map);
    m->first = NULL;
}

static hn_pb_wire list_wire(uint32_t number)
{
    if (number == T_FLOAT) return HN_PB_FIXED32;
    if (number == T_DOUBLE) return HN_PB_FIXED64;
    return number == T_STRING ? HN_PB_BYTES : HN_PB_VARINT;
}

/* Which typed list holds the values of a dtype. */
static uint32_t list_of(hn_dtype t)
{
    switch (t) {
    case HN_F32:
    case HN_C64: return T_FLOAT;
    case HN_F64:
    case HN_C128: return T_DOUBLE;
    case HN_I64: return T_INT64;
    case HN_U32:
    case HN_U64: return T_UINT64;
    case HN_STRING: return T_STRING;
    default: return T_INT32;
    }
}

static hn_status read_dims(hn_env *env, const hn_pb_field *f, int *rank, int64_t *dims)
{
    size_t n = 0;
    HN_TRY(hn_pb_count(env, f, HN_PB_VARINT, "tensor dims", &n));
    if (n > (size_t)(HN_MAX_RANK - *rank))
        return hn_fail(env, HN_UNSUPPORTED, "a tensor with more than %d dims at byte %zu", (int)HN_MAX_RANK, f->at);
    uint64_t v[HN_MAX_RANK];
    HN_TRY(hn_pb_scalars(env, f, HN_PB_VARINT, "tensor dims", v, HN_MAX_RANK, &n));
    for (size_t i = 0; i < n; i++) {
        int64_t d = (int64_t)v[i];
        if (d < 0) return hn_fail(env, HN_INPUT, "dim %d is %lld, at byte %zu", *rank, (long long)d, f->at);
        dims[(*rank)++] = d;
    }
    return HN_OK;
}

static hn_status read_decimal(hn_env *env, hn_str s, const char *what, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned digit = (unsigned)(uint8_t)s.data[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10) digit = 10;
        if (digit == 10)
            return hn_fail(env, HN_INPUT, "external data: %s \"%.*s\" is no number", what, (int)hn_min_size(s.size, 40),
                           s.data);
        v = v * 10 + digit;
    }
    *out = v;
    return HN_OK;
}

static hn_status read_external(hn_env *env, hn_cursor c, proto *p)
{
    hn_str key = {NULL, 0}, value = {NULL, 0};
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "external data", &f, &more));
        if (!more) break;
        if (f.number != 1 && f.number != 2) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "external data"));
        hn_str s = {(const char *)f.bytes.data, f.bytes.size};
        if (f.number == 1)
            key = s;
        else
            value = s;
    }
    if (key.size == 8 && memcmp(key.data, "location", 8) == 0) p->location = value;
    if (key.size == 6 && memcmp(key.data, "offset", 6) == 0) HN_TRY(read_decimal(env, value, "offset", &p->offset));
    if (key.size == 6 && memcmp(key.data, "length", 6) == 0) {
        HN_TRY(read_decimal(env, value, "length", &p->length));
        p->has_length = true;
    }
    return HN_OK;
}

static hn_status read_field(hn_env *env, hn_arena *arena, const hn_pb_field *f, proto *p)
{
    switch (f->number) {
    case T_DIMS: return read_dims(env, f, &p->rank, p->dims);
    case T_TYPE:
        HN_TRY(hn_pb_expect(env, f, HN_PB_VARINT, "tensor data_type"));
        if (f->value > INT64_MAX || !hn_dtype_valid((int64_t)f->value))
            return hn_fail(env, HN_INPUT, "element type %llu at byte %zu is not known", (unsigned long long)f->value,
                           f->at);
        p->dtype = (hn_dtype)f->value;
        return HN_OK;
    case T_SEGMENT: return hn_fail(env, HN_UNSUPPORTED, "a tensor in segments, at byte %zu", f->at);
    case T_FLOAT:
    case T_INT32:
    case T_STRING:
    case T_INT64:
    case T_DOUBLE:
    case T_UINT64: {
        size_t n = 1;
        if (f->number == T_STRING)
            HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, "tensor string_data"));
        else
            HN_TRY(hn_pb_count(env, f, list_wire(f->number), "tensor data", &n));
        p->lists[f->number] += n;
        p->fields[f->number]++;
        p->single[f->number] = f->bytes;
        return HN_OK;
    }
    case T_NAME:
        HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, "tensor name"));
        p->name = hn_arena_strndup(env, arena, (const char *)f->bytes.data, f->bytes.size);
        return p->name == NULL ? HN_NOMEM : HN_OK;
    case T_RAW:
        HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, "tensor raw_data"));
        p->raw = f->bytes;
        p->has_raw = true;
        return HN_OK;
    case T_EXTERNAL:
        HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, "tensor external_data"));
        return read_external(env, f->bytes, p);
    case T_LOCATION:
        HN_TRY(hn_pb_expect(env, f, HN_PB_VARINT, "tensor data_location"));
        p->external = f->value == 1;
        return HN_OK;
    default: return HN_OK; /* doc_string, metadata_props, fields of newer schemas */
    }
}

static size_t align_of(hn_dtype t)
{
    unsigned bits = hn_dtype_bits(t);
    if (t == HN_C64 || t == HN_C128) bits /= 2;
    return bits <= 8 ? 1 : bits / 8;
}

static bool bools_clean(const uint8_t *data, size_t n)
{
    uint8_t bits = 0;
    for (size_t i = 0; i < n; i++) bits |= data[i];
    return bits <= 1;
}

/* Takes little-endian element bytes as they stand, or a copy of them. */
static hn_status take_bytes(hn_env *env, hn_arena *arena, const proto *p, const uint8_t *data, size_t bytes,
                            const hn_onnx_source *src, hn_tensor *out)
{
    size_t elems = 0, need = 0;
    if (!hn_dims_count(p->rank, p->dims, &elems) || !hn_dtype_bytes(p->dtype, elems, &need))
        return hn_fail(env, HN_LIMIT, "the number of elements overflows");
    if (need != bytes) {
        char text[96];
        hn_tensor shape = {.dtype = p->dtype, .rank = p->rank};
        memcpy(shape.dims, p->dims, sizeof shape.dims);
        hn_tensor_describe(&shape, text, sizeof text);
        return hn_fail(env, HN_INPUT, "%s needs %zu bytes of data, but %zu are given", text, need, bytes);
    }
    bool dirty = p->dtype == HN_BOOL && !bools_clean(data, bytes);
    if (!src->copy && !dirty && bytes > 0 && (uintptr_t)data % align_of(p->dtype) == 0)
        /* The bytes are read-only; nothing writes to a constant's data. */
        return hn_tensor_view(env, out, p->dtype, p->rank, p->dims, (void *)(uintptr_t)data, bytes);
    if (src->file != NULL) {
        void *own = hn_arena_raw(env, arena, bytes);
        if (own == NULL) return HN_NOMEM;
        HN_TRY(hn_file_copy(env, src->file, own, data, bytes));
        HN_TRY(hn_tensor_view(env, out, p->dtype, p->rank, p->dims, own, bytes));
    } else {
        HN_TRY(hn_tensor_from(env, arena, out, p->dtype, p->rank, p->dims, data));
    }
    for (size_t i = 0; dirty && i < bytes; i++) ((uint8_t *)out->data)[i] = data[i] != 0;
    return HN_OK;
}

static bool location_safe(hn_str s)
{
    if (s.size == 0 || s.data[0] == '/' || memchr(s.data, '\0', s.size) != NULL) return false;
    for (size_t i = 0; i < s.size;) {
        size_t end = i;
        while (end < s.size && s.data[end] != '/' && s.data[end] != '\\') end++;
        if (end - i == 2 && s.data[i] == '.' && s.data[i + 1] == '.') return false;
        i = end + 1;
    }
    return true;
}

static hn_status map_external(hn_env *env, hn_arena *arena, hn_onnx_maps *maps, const char *path, hn_map *out)
{
    for (struct hn_onnx_mapped *m = maps->first; m != NULL; m = m->next) {
        if (strcmp(m->path, path) == 0) {
            *out = m->map;
            return HN_OK;
        }
    }
    struct hn_onnx_mapped *m = hn_arena_alloc(env, arena, sizeof *m);
    if (m == NULL) return HN_NOMEM;
    m->path = path;
    HN_TRY(hn_map_open(env, path, &m->map));
    m->next = maps->first;
    maps->first = m;
    *out = m->map;
    return HN_OK;
}

static hn_status external_bytes(hn_env *env, hn_arena *arena, const proto *p, const hn_onnx_source *src, hn_tensor *out)
{
    if (p->dtype == HN_STRING) return hn_fail(env, HN_INPUT, "strings cannot be external data");
    if (src->dir == NULL) {
        hn_fail(env, HN_INPUT, "the data are in another file (\"%.*s\"), which cannot be reached from here",
                (int)hn_min_size(p->location.size, 100), p->location.size == 0 ? "" : p->location.data);
        hn_hint(env, "open the model from its folder, with its data files beside it");
        return env->error.status;
    }
    if (!location_safe(p->location)) {
        hn_fail(env, HN_INPUT, "external data location \"%.*s\" is not a path below the model's folder",
                (int)hn_min_size(p->location.size, 100), p->location.size == 0 ? "" : p->location.data);
        hn_hint(env, "locations must be relative and without \"..\"");
        return env->error.status;
    }
    char *name = hn_arena_strndup(env, arena, p->location.data, p->location.size);
    char *path = name == NULL ? NULL : hn_path_join(env, arena, src->dir, name);
    if (path == NULL) return HN_NOMEM;
    hn_onnx_maps own = {NULL};
    hn_onnx_source from = {.copy = src->maps == NULL};
    hn_map map;
    hn_status st = map_external(env, arena, src->maps != NULL ? src->maps : &own, path, &map);
    uint64_t length = 0;
    if (st == HN_OK) length = p->has_length ? p->length : map.size - (p->offset < map.size ? p->offset : map.size);
    if (st == HN_OK && (p->offset > map.size || length > map.size - p->offset))
        st = hn_fail(env, HN_INPUT, "%llu bytes from %llu lie outside %s, which has %zu", (unsigned long long)length,
                     (unsigned long long)p->offset, path, map.size);
    if (st == HN_OK)
        st = take_bytes(env, arena, p, map.data == NULL ? (const uint8_t *)"" : map.data + p->offset, (size_t)length,
                        &from, out);
    hn_onnx_maps_fini(&own);
    return st;
}

/* Stores the low `width` bytes; int32_data may hold a narrow value with or without its sign extended. */
static hn_status store(hn_env *env, uint8_t *dst, size_t width, bool narrow, uint64_t v, size_t at)
{
    if (narrow) {
        int64_t s = (int64_t)v;
        int64_t top = INT64_C(1) << (8 * width);
        if (s < -top / 2 || s >= top)
            return hn_fail(env, HN_INPUT, "value %lld at byte %zu does not fit the element type", (long long)s, at);
    }
    memcpy(dst, &v, width);
    return HN_OK;
}

static hn_status fill_list(hn_env *env, hn_cursor c, uint32_t number, hn_tensor *out, size_t width, size_t count)
{
    hn_pb_wire wire = list_wire(number);
    bool narrow = number == T_INT32 && width < 4;
    uint8_t *dst = out->data;
    size_t i = 0;
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, WHAT, &f, &more));
        if (!more) break;
        if (f.number != number) continue;
        if (f.wire == wire && wire != HN_PB_BYTES) {
            if (i >= count) return hn_fail(env, HN_BUG, "tensor values counted wrongly");
            HN_TRY(store(env, dst + i++ * width, width, narrow, f.value, f.at));
            continue;
        }
        for (hn_cursor p = f.bytes; !hn_cursor_done(&p);) {
            uint64_t v = 0;
            uint32_t v32 = 0;
            size_t at = hn_pb_at(&p);
            if (wire == HN_PB_FIXED64)
                HN_TRY(hn_cursor_u64(env, &p, WHAT, &v));
            else if (wire == HN_PB_VARINT)
                HN_TRY(hn_cursor_varint(env, &p, WHAT, &v));
            else
                HN_TRY(hn_cursor_u32(env, &p, WHAT, &v32));
            if (wire == HN_PB_FIXED32) v = v32;
            if (i >= count) return hn_fail(env, HN_BUG, "tensor values counted wrongly");
            HN_TRY(store(env, dst + i++ * width, width, narrow, v, at));
        }
    }
    return HN_OK;
}

/* Elements of 6 bits, one an entry, packed. */
static hn_status fill_six(hn_env *env, hn_arena *arena, hn_cursor c, uint32_t number, hn_tensor *out)
{
    hn_tensor codes;
    size_t n = hn_tensor_elems(out);
    HN_TRY(hn_tensor_init(env, arena, &codes, HN_U8, out->rank, out->dims));
    HN_TRY(fill_list(env, c, number, &codes, 1, n));
    for (size_t i = 0; i < n; i++) hn_packed_set(out->data, 6, i, ((uint8_t *)codes.data)[i]);
    return HN_OK;
}

static hn_status fill_strings(hn_env *env, hn_arena *arena, hn_cursor c, bool copy, hn_tensor *out)
{
    hn_str *dst = out->data;
    size_t i = 0, count = hn_tensor_elems(out);
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, WHAT, &f, &more));
        if (!more) break;
        if (f.number != T_STRING) continue;
        if (i >= count) return hn_fail(env, HN_BUG, "tensor strings counted wrongly");
        const char *s = (const char *)f.bytes.data;
        if (copy) s = hn_arena_strndup(env, arena, s, f.bytes.size);
        if (s == NULL) return HN_NOMEM;
        dst[i++] = (hn_str){s, f.bytes.size};
    }
    return HN_OK;
}

static hn_status fill_typed(hn_env *env, hn_arena *arena, hn_cursor c, const proto *p, const hn_onnx_source *src,
                            hn_tensor *out)
{
    uint32_t number = list_of(p->dtype);
    size_t elems = 0, bytes = 0;
    if (!hn_dims_count(p->rank, p->dims, &elems) || !hn_dtype_bytes(p->dtype, elems, &bytes))
        return hn_fail(env, HN_LIMIT, "the number of elements overflows");
    unsigned bits = hn_dtype_bits(p->dtype);
    /* Elements of 4 and 2 bits come packed, one byte an entry; those of 6 bits one an entry; complex ones as two
     * floats. */
    size_t need = 8 % bits == 0 ? bytes : elems, width = bits < 8 ? 1 : bits / 8;
    if (p->dtype == HN_C64 || p->dtype == HN_C128) {
        if (!hn_size_mul(need, 2, &need)) return hn_fail(env, HN_LIMIT, "the number of elements overflows");
        width /= 2;
    }
    if (p->lists[number] != need)
        return hn_fail(env, HN_INPUT, "the shape needs %zu values, but %zu are given", need, p->lists[number]);
    bool fixed = list_wire(number) == HN_PB_FIXED32 || list_wire(number) == HN_PB_FIXED64;
    if (fixed && p->fields[number] == 1 && p->single[number].data != NULL)
        return take_bytes(env, arena, p, p->single[number].data, p->single[number].size, src, out);
    HN_TRY(hn_tensor_init(env, arena, out, p->dtype, p->rank, p->dims));
    if (p->dtype == HN_STRING) return fill_strings(env, arena, c, src->copy, out);
    if (bits == 6) return fill_six(env, arena, c, number, out);
    HN_TRY(fill_list(env, c, number, out, width, need));
    if (p->dtype == HN_BOOL)
        for (size_t i = 0; i < elems; i++) ((uint8_t *)out->data)[i] = ((uint8_t *)out->data)[i] != 0;
    return HN_OK;
}

static hn_status parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, proto *p, hn_tensor *out)
{
    hn_cursor again = *c;
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, c, WHAT, &f, &more));
        if (!more) break;
        HN_TRY(read_field(env, arena, &f, p));
    }
    if (p->dtype == HN_NONE) return hn_fail(env, HN_INPUT, "no element type is given");
    if (p->external) return external_bytes(env, arena, p, src, out);
    if (p->has_raw && (p->raw.size > 0 || p->lists[list_of(p->dtype)] == 0)) {
        if (p->dtype == HN_STRING) return hn_fail(env, HN_INPUT, "strings cannot be raw data");
        return take_bytes(env, arena, p, p->raw.data, p->raw.size, src, out);
    }
    return fill_typed(env, arena, again, p, src, out);
}

hn_status hn_onnx_tensor_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, hn_tensor *out,
                               const char **name)
{
    size_t at = hn_pb_at(c);
    proto p = {.name = ""};
    memset(out, 0, sizeof *out);
    hn_status st = parse(env, arena, c, src, &p, out);
    *name = p.name;
    return hn_context(env, st, "tensor \"%.80s\", at byte %zu", p.name, at);
}

/* ---- sparse ---- */

/* Flat position of entry i, or -1 when it lies outside the shape. */
static int64_t sparse_position(const hn_tensor *indices, size_t i, const hn_tensor *dense)
{
    if (indices->rank == 1) {
        int64_t v = hn_get_i64(indices, i);
        return v >= 0 && (uint64_t)v < hn_tensor_elems(dense) ? v : -1;
    }
    int64_t at = 0;
    for (int d = 0; d < dense->rank; d++) {
        int64_t v = hn_get_i64(indices, i * (size_t)dense->rank + (size_t)d);
        if (v < 0 || v >= dense->dims[d]) return -1;
        at = at * dense->dims[d] + v;
    }
    return at;
}

static hn_status scatter(hn_env *env, const hn_tensor *values, const hn_tensor *indices, hn_tensor *dense)
{
    size_t nnz = hn_tensor_elems(values);
    bool flat = indices->rank == 1 && (size_t)indices->dims[0] == nnz;
    bool full = indices->rank == 2 && (size_t)indices->dims[0] == nnz && indices->dims[1] == dense->rank;
    if (indices->dtype != HN_I64 || values->rank != 1 || !(flat || full))
        return hn_fail(env, HN_INPUT, "sparse values and indices do not go together");
    unsigned bits = hn_dtype_bits(values->dtype);
    for (size_t i = 0; i < nnz; i++) {
        int64_t at = sparse_position(indices, i, dense);
        if (at < 0) return hn_fail(env, HN_INPUT, "sparse index %zu lies outside the shape", i);
        if (bits < 8)
            hn_packed_set(dense->data, bits, (size_t)at, hn_packed_get(values->data, bits, i));
        else
            memcpy((uint8_t *)dense->data + (size_t)at * (bits / 8), (uint8_t *)values->data + i * (bits / 8),
                   bits / 8);
    }
    return HN_OK;
}

static hn_status sparse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, hn_tensor *out,
                        const char **name)
{
    hn_tensor values = {0}, indices = {0};
    bool has_values = false, has_indices = false;
    int rank = 0;
    int64_t dims[HN_MAX_RANK];
    const char *ignored = "";
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, c, "sparse tensor", &f, &more));
        if (!more) break;
        if (f.number == 3) HN_TRY(read_dims(env, &f, &rank, dims));
        if (f.number != 1 && f.number != 2) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "sparse tensor"));
        if (f.number == 1) {
            HN_TRY(hn_onnx_tensor_parse(env, arena, &f.bytes, src, &values, name));
            has_values = true;
        } else {
            HN_TRY(hn_onnx_tensor_parse(env, arena, &f.bytes, src, &indices, &ignored));
            has_indices = true;
        }
    }
    if (!has_values || !has_indices) return hn_fail(env, HN_INPUT, "a sparse tensor needs values and indices");
    if (values.dtype == HN_STRING) return hn_fail(env, HN_UNSUPPORTED, "a sparse tensor of strings");
    size_t elems = 0, bytes = 0;
    uint64_t most = src->max_dense_bytes == 0 ? UINT64_C(1) << 30 : src->max_dense_bytes;
    if (!hn_dims_count(rank, dims, &elems) || !hn_dtype_bytes(values.dtype, elems, &bytes) || bytes > most)
        return hn_fail(env, HN_LIMIT, "the sparse tensor made dense would exceed %llu bytes", (unsigned long long)most);
    HN_TRY(hn_tensor_init(env, arena, out, values.dtype, rank, dims));
    return scatter(env, &values, &indices, out);
}

hn_status hn_onnx_sparse_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, hn_tensor *out,
                               const char **name)
{
    size_t at = hn_pb_at(c);
    *name = "";
    memset(out, 0, sizeof *out);
    return hn_context(env, sparse(env, arena, c, src, out, name), "sparse tensor \"%.80s\", at byte %zu", *name, at);
}

hn_status hn_onnx_tensor_read(hn_env *env, hn_arena *arena, hn_cursor *c, const char *dir, hn_tensor *out,
                              const char **name)
{
    hn_onnx_source src = {.dir = dir};
    return hn_onnx_tensor_parse(env, arena, c, &src, out, name);
}

hn_status hn_onnx_tensor_load(hn_env *env, hn_arena *arena, const char *path, hn_tensor *out, const char **name)
{
    hn_file file;
    HN_TRY(hn_file_open(env, path, &file));
    hn_cursor c = hn_cursor_make(file.map.data, file.map.size);
    char *dir = hn_path_dir(env, arena, path);
    hn_onnx_source src = {.dir = dir, .copy = true, .file = &file};
    hn_status st = dir == NULL ? HN_NOMEM : hn_onnx_tensor_parse(env, arena, &c, &src, out, name);
    hn_file_close(&file);
    return hn_context(env, st, "in %s", path);
}
